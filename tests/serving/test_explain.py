"""What the live page asks is answered as the library does, or refused in one sentence."""

import http.client
import json
import threading

import pytest

from gatewise.base.errors import DataError, GatewiseError
from gatewise.explanation import shares, story, whatif
from gatewise.explanation.tracing import read
from gatewise.pages import explain as page
from gatewise.serving.explain import QUESTIONS, answer, server

OTHER = next(name for name in shares.METHODS if name != shares.DEFAULT)
TEXT = "the film was dull and the cast superb"


def test_explain_answers_as_the_library_does(tiny_model):
    reading = read(tiny_model, TEXT)
    clamped = {"gate": "forget_gate", "value": 1, "unit": None}
    expected = {
        "look": ({}, story.look(reading)),
        "method": ({"target": 1, "method": OTHER}, story.by_method(reading, 1, OTHER)),
        "phrase": ({"target": 1, "start": 2, "stop": 4}, whatif.phrase(reading, 1, 2, 4)),
        "brief": ({"target": 1}, whatif.brief(reading, 1)),
        "clamp": ({"target": 1, **clamped}, whatif.clamp(reading, 1, **clamped)),
        "horizon": ({"target": 1}, whatif.horizon(reading, 1)),
    }
    assert expected.keys() == QUESTIONS.keys()
    for asked, (fields, found) in expected.items():
        assert page.answer(answer(tiny_model, {"ask": asked, "text": TEXT, **fields})) == page.answer(found), asked
    assert answer(tiny_model, {"ask": "gradients"}) == story.gradients()


@pytest.mark.parametrize(
    ("question", "part"),
    [
        (None, "no such question"),
        ([], "no such question"),
        ({"ask": "weights"}, "no such question"),
        ({"ask": ["look"]}, "no such question"),
        ({"ask": "look"}, "needs 'text', str"),
        ({"ask": "look", "text": 3}, "needs 'text', str"),
        ({"ask": "look", "text": " \n"}, "text is empty"),
        ({"ask": "look", "text": "x" * 100_001}, "at most 100,000"),
        ({"ask": "brief", "text": TEXT, "target": 7}, "no class 7"),
        ({"ask": "brief", "text": TEXT, "target": True}, "needs 'target', int"),
        ({"ask": "method", "text": TEXT, "target": 0, "method": "magic"}, "no method 'magic'"),
        ({"ask": "clamp", "text": TEXT, "target": 0, "gate": "x", "value": 1, "unit": None}, "no gate 'x'"),
        ({"ask": "phrase", "text": TEXT, "target": 0, "start": 5, "stop": 2}, "5"),
        ({"ask": "phrase", "text": TEXT, "target": 0, "start": 0, "stop": 99}, "99"),
    ],
)
def test_explain_refuses_questions_in_one_sentence(tiny_model, question, part):
    with pytest.raises(GatewiseError) as raised:
        answer(tiny_model, question)
    assert part in str(raised.value) and str(raised.value).count("\n") == 0


def test_explain_serves_a_page_that_may_ask_this_server_alone(tiny_model):
    with server(tiny_model, "tiny", port=0, text=TEXT) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", running.server_port, timeout=20)
        connection.request("GET", "/")
        response = connection.getresponse()
        policy, html = response.headers["Content-Security-Policy"], response.read().decode()
        assert policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe" not in policy
        assert policy.endswith("connect-src 'self'; frame-ancestors 'none'") and TEXT in html
        body = json.dumps({"ask": "brief", "text": TEXT, "target": 1})
        connection.request("POST", "/answer", body, {"Content-Type": "application/json"})
        expected = page.answer(whatif.brief(read(tiny_model, TEXT), 1))
        assert connection.getresponse().read().decode() == expected
        connection.close()
        running.shutdown()
        thread.join(10)


def test_explain_reads_a_text_once_for_each_question(tiny_model, monkeypatch):
    texts = []
    encode = type(tiny_model.tokenizer).encode
    monkeypatch.setattr(
        type(tiny_model.tokenizer), "encode", lambda self, text: texts.append(text) or encode(self, text)
    )
    answer(tiny_model, {"ask": "phrase", "text": TEXT, "target": 1, "start": 2, "stop": 4})
    assert texts == [TEXT]
    with pytest.raises(DataError):
        answer(tiny_model, {"ask": "brief", "text": TEXT, "target": -1})
    assert texts == [TEXT]  # what is wrong is said before anything is read
