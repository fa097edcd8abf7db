"""The served answers are the library's, in known forms; whatever else is asked is refused in one sentence."""

import json
import re
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from tests.serving.conftest import running

from gatewise.explanation import shares
from gatewise.serving import app
from gatewise.serving.service import Limits

TEXT = "the film was 😀 dull and the cast superb"
INFER = {"inputs": [{"name": "text", "shape": [2], "datatype": "BYTES", "data": [TEXT, "good"]}]}


def test_app_predicts_as_the_library_does(at, tiny_pair, tiny_model):
    for path, model in (("/predict", tiny_pair), ("/predict/pair", tiny_pair), ("/predict/alone", tiny_model)):
        status, answer = at.post(path, {"inputs": [TEXT, "good"]})
        assert status == 200
        for row, expected in zip(answer, model.probabilities([TEXT, "good"]), strict=True):
            scores = [one["score"] for one in row]
            assert scores == sorted(scores, reverse=True)
            by_label = {one["label"]: one["score"] for one in row}
            assert [by_label["neg"], by_label["pos"]] == pytest.approx(expected, abs=1e-5)
    status, answer = at.post("/predict", {"inputs": "good", "parameters": {"top_k": 1}})
    assert status == 200 and [one["label"] for one in answer] == ["pos"]


def test_app_infers_as_the_library_does(at, tiny_pair):
    status, answer = at.post("/v2/models/pair/infer", INFER | {"id": "7"})
    assert (status, answer["model_name"], answer["id"]) == (200, "pair", "7")
    outputs = {one["name"]: one for one in answer["outputs"]}
    assert outputs["label"]["data"] == tiny_pair.predict([TEXT, "good"])
    for name, expected in (("logits", tiny_pair.logits), ("probabilities", tiny_pair.probabilities)):
        assert outputs[name]["shape"] == [2, 2]
        assert np.reshape(outputs[name]["data"], (2, 2)) == pytest.approx(expected([TEXT, "good"]), abs=1e-5)
    status, answer = at.post("/v2/models/names/infer", INFER)
    assert status == 200 and json.loads(answer["outputs"][0]["data"][1]) == []


def test_app_tells_of_itself_in_version_2(at):
    assert at.send("GET", "/v2")[2]["name"] == "gatewise"
    assert at.send("GET", "/v2/health/live")[::2] == (200, {"live": True})
    assert at.send("GET", "/v2/health/ready")[::2] == (200, {"ready": True})
    assert at.send("GET", "/v2/models/pair/ready")[::2] == (200, {"ready": True})
    told = at.send("GET", "/v2/models/pair")[2]
    assert told["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}]
    assert [one["name"] for one in told["outputs"]] == ["label", "probabilities", "logits"]
    assert told["parameters"] == {"labels": ["neg", "pos"]} and told["outputs"][1]["shape"] == [-1, 2]


def test_app_gives_a_taggers_spans(at):
    status, answer = at.post("/predict/names", {"inputs": "Ada met him in New York ."})
    assert status == 200
    assert [(one["entity_group"], one["word"], one["start"], one["end"]) for one in answer] == [
        ("PER", "Ada", 0, 3), ("LOC", "New York", 15, 23),
    ]  # fmt: skip


def test_app_explains_as_the_library_does(at, tiny_pair):
    body = {"inputs": TEXT, "parameters": {"target": "neg", "method": "beta"}}
    status, answer = at.post("/explain", body)
    found = shares.explain(tiny_pair, TEXT, method="beta", target="neg")
    assert (status, answer["label"], answer["method"]) == (200, "neg", "beta")
    assert [one["contribution"] for one in answer["tokens"]] == pytest.approx(found.contributions.tolist(), abs=1e-5)
    assert [TEXT[one["start"] : one["end"]] for one in answer["tokens"]] == [one["token"] for one in answer["tokens"]]
    total = sum(one["contribution"] for one in answer["tokens"]) + answer["bias"] + answer["residual"]
    assert total == pytest.approx(answer["logit"])
    assert at.post("/explain/alone", {"inputs": TEXT})[0] == 200
    for bad in ({"target": "x"}, {"method": "magic"}, {"target": 1}):
        assert at.post("/explain", {"inputs": TEXT, "parameters": bad})[0] == 400
    assert at.post("/explain", {"inputs": " "}) == (400, {"error": "The text is empty; give at least one word."})


def test_app_has_the_live_page_of_each_classifier(at):
    status, headers, html = at.send("GET", "/")
    assert status == 200 and headers["content-security-policy"].endswith("connect-src 'self'; frame-ancestors 'none'")
    assert html == at.send("GET", "/page/pair/")[2] != at.send("GET", "/page/alone/")[2]
    for path in ("/answer", "/page/alone/answer"):
        status, answer = at.post(path, {"ask": "brief", "text": TEXT, "target": 1})
        assert status == 200 and answer
    assert at.post("/answer", {"ask": "nothing"})[0] == at.post("/answer", [])[0] == 400
    assert at.send("GET", "/page/names/")[0] == at.post("/explain/names", {"inputs": "x"})[0] == 404


def test_app_describes_every_route_and_the_examples_work(at):
    description = at.send("GET", "/openapi.json")[2]
    routes = {route.path for route in app.Api(at.service).routes()}
    assert set(description["paths"]) == {path for path in routes if "page" not in path} - {
        "/", "/answer", "/docs", "/openapi.json",
    }  # fmt: skip
    for path, operations in description["paths"].items():
        for method in operations.keys() - {"parameters"}:
            content = operations[method].get("requestBody", {}).get("content", {"application/json": {}})
            body = content["application/json"].get("example")
            for name in ("pair", "alone"):
                assert at.send(method.upper(), path.replace("{name}", name), body)[0] == 200


def test_app_docs_load_nothing_from_elsewhere(at):
    status, headers, html = at.send("GET", "/docs")
    assert status == 200 and "/v2/models/{name}/infer" in html
    assert not re.search(r"<(script|link|img|iframe)|https?://|url\(", html)
    assert headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/predict", b"", 400), ("/predict", b"{", 400), ("/predict", b"\xff\xfe\x00", 400), ("/predict", b"NaN", 400),
        ("/predict", b"[" * 100_000, 400), ("/predict", b"1" * 10_000, 400), ("/predict", {}, 400),
        ("/predict", {"inputs": 7}, 400), ("/predict", {"inputs": [[]]}, 400),
        ("/predict", {"inputs": ["x"] * 1001}, 413), ("/predict", {"inputs": "x" * 100_001}, 413),
        ("/predict", b" " * 2_000_001, 413), ("/predict/nobody", {"inputs": "x"}, 404), ("/predict/", {}, 404),
        ("/predict/..%2fpair", {"inputs": "x"}, 404), ("/predict/%00", {"inputs": "x"}, 404), ("/nothing", {}, 404),
        ("/v2/models/pair/versions/1/infer", INFER, 404), ("/v2/models/pair/infer", {"inputs": [7]}, 400),
        ("/healthz", {}, 405), ("/explain", {"inputs": ["x"]}, 400), ("/answer", {"ask": "look", "text": ""}, 400),
    ],
)  # fmt: skip
def test_app_refuses_in_one_sentence(at, path, body, status):
    got, answer = at.post(path, body)
    assert got == status
    assert answer.keys() == {"error"} and "\n" not in answer["error"] and len(answer["error"]) < 300


@pytest.mark.parametrize(
    "path", ["/../../etc/passwd", "//etc/passwd", "/%2e%2e/", "/docs/../x", "/predict;x", "/~", "/\\"]
)
def test_app_knows_no_files(at, path):
    assert at.send("GET", path)[0] in (404, 405)


def test_app_answers_whatever_a_string_may_hold(at):
    for text in ("", " ", "\ud800", "\0", "<script>", "很好", "x" * 100_000, "\u202e", "\ud83d\ude00"):
        status, answer = at.post("/predict", json.dumps({"inputs": text}).encode())
        assert status == 200 and len(answer) == 2
    status, answer = at.post("/explain", json.dumps({"inputs": "good \ud800 film"}).encode())
    assert status == 200 and answer["tokens"][1]["token"] == "\ufffd"


def test_app_refuses_foreign_hosts_and_pages(at):
    port, body = at.port, {"inputs": "x"}
    assert at.post("/predict", body, Host="evil.example")[0] == 403
    assert at.send("GET", "/", Host=f"evil.example:{port}")[0] == 403
    assert at.post("/predict", body, Origin="https://evil.example")[0] == 403
    assert at.post("/predict", body, Origin="null")[0] == 403
    assert at.post("/predict", body, Origin=f"http://127.0.0.1:{port}")[0] == 200
    assert at.post("/predict", body, Host=f"localhost:{port}", Origin=f"http://localhost:{port}")[0] == 200


def chunked(port: int, pieces: list[bytes]) -> bytes:
    """Send a body in chunks; give the head of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as reader:
        head = f"POST /predict HTTP/1.1\r\nHost: localhost:{port}\r\nTransfer-Encoding: chunked\r\n\r\n"
        reader.sendall(head.encode())
        for piece in [*pieces, b""]:
            reader.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        return reader.recv(1 << 16)


def test_app_takes_chunks_up_to_the_same_size(at):
    assert chunked(at.port, [b'{"inputs":', b'"good"}']).startswith(b"HTTP/1.1 200")
    assert chunked(at.port, [b" " * 100_000] * 21).startswith(b"HTTP/1.1 413")


def settled(at, least):
    """Wait for so many lines of the log and a moment without another: each is written once its answer is sent."""
    end, count = time.monotonic() + 10, -1
    while (len(at.lines) < least or len(at.lines) != count) and time.monotonic() < end:
        count = len(at.lines)
        time.sleep(0.3)


def test_app_logs_one_line_a_request_and_never_its_text(at):
    settled(at, 0)
    del at.lines[:]
    at.post("/predict/alone", {"inputs": ["secret words", "x"]}, X_Request_ID="mine")
    at.post("/predict", b'{"secret')
    at.send("GET", "/secret")
    at.send("GET", "/healthz", X_Request_ID="a" * 65)
    settled(at, 4)
    told = [json.loads(line) for line in at.lines]
    assert [(line["route"], line["status"]) for line in told] == [
        ("/predict/{name}", 200), ("/predict", 400), ("none", 404), ("/healthz", 200),
    ]  # fmt: skip
    assert told[0]["id"] == "mine" and re.fullmatch("[0-9a-f]{32}", told[3]["id"])
    assert told[0].items() >= {"method": "POST", "model": "alone", "texts": 2, "tokens": 3}.items()
    assert told[0]["queued_ms"] >= 0 and told[0]["ms"] >= told[0]["computed_ms"] > 0
    assert "secret" not in "".join(at.lines) and not any("\n" in line for line in at.lines)
    assert at.send("GET", "/healthz", X_Request_ID="mine")[1]["x-request-id"] == "mine"


def test_app_counts_for_prometheus(at):
    before = at.send("GET", "/metrics")[2]
    at.post("/predict/alone", {"inputs": ["a", "b", "c"]})
    status, headers, after = at.send("GET", "/metrics")
    assert status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4")

    def texts(metrics: str) -> int:
        found = re.search(r'^gatewise_texts_total\{model="alone"\} (\d+)$', metrics, re.MULTILINE)
        return int(found[1]) if found else 0

    assert texts(after) - texts(before) == 3
    assert "gatewise_queue_tokens 0\n" in after and "gatewise_draining 0\n" in after


def test_app_refuses_before_reading_what_it_cannot_answer_in_time(at):
    at.service.answers.coming = round(at.service.answers.speed * 1000)
    try:
        status, headers, answer = at.send("POST", "/predict", b"{ no JSON")
        assert status == 503 and 100 < int(headers["retry-after"]) < 1000 and "try again later" in answer["error"]
        assert at.post("/explain", {"inputs": TEXT})[0] == 200  # another queue
    finally:
        at.service.answers.coming = 0
    assert at.post("/predict", b"{ no JSON")[0] == 400


def test_app_gives_up_what_waits_too_long_but_not_what_it_computes(places):
    go_on, begun = threading.Event(), threading.Event()
    with running(places, Limits(deadline=0.3)) as here:
        compute = here.service.answers.compute

        def slow(kind, works):
            begun.set()
            assert go_on.wait(20)
            return compute(kind, works)

        here.service.answers.compute = slow
        statuses: list[int] = []
        threads = []
        for _ in range(here.service.answers.workers):
            begun.clear()
            threads.append(threading.Thread(target=lambda: statuses.append(here.post("/predict", {"inputs": "x"})[0])))
            threads[-1].start()
            assert begun.wait(20)
        assert here.post("/predict", {"inputs": "late"})[0] == 504
        go_on.set()
        for thread in threads:
            thread.join(20)
        assert statuses == [200] * here.service.answers.workers
        assert here.service.answers.tokens == 0


def test_app_forgets_who_has_left(places):
    go_on, begun = threading.Event(), threading.Event()
    with running(places) as here:
        here.service.answers.compute = lambda kind, works: (begun.set(), go_on.wait(20), [[]] * len(works))[2]
        body = json.dumps({"inputs": "x"})
        head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", here.port)) as reader:
            reader.sendall(f"{head}{body}".encode())
            assert begun.wait(20)
        for _ in range(400):
            if here.lines:
                break
            threading.Event().wait(0.01)
        assert json.loads(here.lines[0])["status"] == app.LEFT
        assert here.service.answers.open == 0
        go_on.set()


def test_app_says_that_it_closes_down(places):
    with running(places) as here:
        here.call(here.service.drain)
        assert here.send("GET", "/readyz")[::2] == (503, {"ready": False})
        assert here.send("GET", "/v2/models/pair/ready")[0] == 503
        assert here.send("GET", "/healthz")[0] == 200
        status, headers, _ = here.send("POST", "/predict", {"inputs": "x"})
        assert (status, headers["connection"], headers["retry-after"]) == (503, "close", "1")


def test_app_takes_up_what_was_replaced_and_keeps_what_it_has_where_that_fails(places, tiny_model, tiny_pair, tmp_path):
    folder = tmp_path / "m"
    tiny_pair.save(folder)
    with running({"m": str(folder)}) as here:
        before = here.post("/predict", {"inputs": TEXT})
        tiny_model.save(folder, overwrite=True)
        assert here.post("/predict", {"inputs": TEXT}) == before
        assert here.call(here.service.reload) == "Reloaded m."
        after = here.post("/predict", {"inputs": TEXT})
        assert after[0] == 200 and after != before
        (Path(folder) / "config.json").write_text("{")
        assert "not reloaded, and those before are served on: " in here.call(here.service.reload)
        assert here.post("/predict", {"inputs": TEXT}) == after


def test_app_says_that_a_fault_is_its_own(places, caplog):
    with running(places) as here:
        here.service.answers.compute = lambda kind, works: 1 / 0
        assert here.post("/predict", {"inputs": "x"}) == (500, {"error": "The server has a fault; its log tells more."})
        settled(here, 1)
        assert json.loads(here.lines[-1])["status"] == 500
    assert "ZeroDivisionError" in caplog.text


def test_app_refuses_what_would_take_all_for_long(places):
    with running(places, Limits(deadline=0.01)) as here:
        here.service.answers.speed = 1000
        status, answer = here.post("/predict", {"inputs": ["good film " * 16] * 200})
        assert status == 400 and "send them in parts" in answer["error"]
