"""Requests in two protocols are read, or refused in one sentence that names the place; answers have the known forms."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.errors import GatewiseError
from gatewise.serving import protocols
from gatewise.serving.models import Scores

SCORES = Scores(("neg", "pos", "so-so"), np.array([0.0, 2.0, 1.0]), np.array([0.1, 0.6, 0.3]))
TENSOR = {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["a", "b"]}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["inputs", "parameters", "name", "shape", "datatype", "data", "id", "outputs", "top_k"]), inner
    ),
    max_leaves=12,
)  # fmt: skip


def test_protocols_one_text_gives_a_list_and_several_a_list_of_lists():
    one = protocols.predict_request({"inputs": "x"}, 9)
    assert one.texts == ["x"]
    expected = [{"label": "pos", "score": 0.6}, {"label": "so-so", "score": 0.3}, {"label": "neg", "score": 0.1}]
    assert protocols.predict_answer(one, [SCORES]) == expected
    assert protocols.predict_answer(protocols.predict_request({"inputs": ["x"]}, 9), [SCORES]) == [expected]


def test_protocols_give_as_many_labels_as_asked_and_logits_where_asked():
    body = {"inputs": "x", "parameters": {"top_k": 1, "function_to_apply": "none"}}
    assert protocols.predict_answer(protocols.predict_request(body, 9), [SCORES]) == [{"label": "pos", "score": 2.0}]
    body = {"inputs": "x", "parameters": {"top_k": 99, "function_to_apply": None}}
    assert len(protocols.predict_answer(protocols.predict_request(body, 9), [SCORES])) == 3


def test_protocols_give_spans_in_the_known_form():
    span = {"label": "PER", "start": 0, "end": 3, "text": "Ada", "probability": 0.9}
    asked = protocols.predict_request({"inputs": "Ada"}, 9)
    assert protocols.predict_answer(asked, [[span]]) == [
        {"entity_group": "PER", "start": 0, "end": 3, "word": "Ada", "score": 0.9}
    ]


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (None, "give a JSON object"), ([], "give a JSON object"), ("x", "give a JSON object"),
        ({}, "inputs is missing"), ({"inputs": 3}, "inputs is 3"), ({"inputs": None}, "inputs is missing"),
        ({"inputs": {"text": "x"}}, "inputs is an object"), ({"inputs": []}, "empty list"),
        ({"inputs": ["x", None]}, r"inputs\[1\] is missing"), ({"inputs": [["x"]]}, "inputs is a list"),
        ({"inputs": ["x"] * 10}, "more than 9 texts"), ({"inputs": "x" * 100_001}, "100,001 characters"),
        ({"inputs": "x", "text": "y"}, "'text', which means nothing"), ({"inputs": "x", "parameters": []}, "^$"),
        ({"inputs": "x", "parameters": [1]}, "parameters is a list"),
        ({"inputs": "x", "parameters": {"top_k": 0}}, "top_k is 0"),
        ({"inputs": "x", "parameters": {"top_k": True}}, "top_k is true"),
        ({"inputs": "x", "parameters": {"top_k": 1.5}}, "top_k is 1.5"),
        ({"inputs": "x", "parameters": {"function_to_apply": "sigmoid"}}, "'sigmoid'"),
        ({"inputs": "x", "parameters": {"function_to_apply": ["none"]}}, "a list"),
    ],
)  # fmt: skip
def test_protocols_refuse_predictions_in_one_sentence(body, part):
    if part == "^$":  # an empty list of parameters is as none
        assert protocols.predict_request(body, 9).texts == ["x"]
        return
    with pytest.raises(GatewiseError, match=part):
        protocols.predict_request(body, 9)


def test_protocols_infer_in_version_2():
    outputs = ("label", "logits")
    for tensor in (TENSOR, TENSOR | {"shape": [2, 1]}, TENSOR | {"data": [["a"], ["b"]], "shape": [2, 1]}):
        assert protocols.infer_request({"inputs": [tensor]}, 9, outputs).texts == ["a", "b"]
    asked = protocols.infer_request({"id": "7", "inputs": [TENSOR], "outputs": [{"name": "label"}]}, 9, outputs)
    made = [protocols.tensor("label", "BYTES", [2], ["x", "y"]), protocols.tensor("logits", "FP64", [2, 1], [1.0, 2.0])]
    assert protocols.infer_answer(asked, "m", made) == {"model_name": "m", "id": "7", "outputs": made[:1]}
    asked = protocols.infer_request({"inputs": [TENSOR]}, 9, outputs)
    assert protocols.infer_answer(asked, "m", made) == {"model_name": "m", "outputs": made}


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"name": "ids"}, "the name 'text'"), ({"datatype": "FP32"}, "datatype 'BYTES'"), ({"shape": [3]}, "a list"),
        ({"shape": [2, 2]}, "shape"), ({"shape": 2}, "shape is 2"), ({"shape": [2.0]}, "shape"),
        ({"shape": [True, True]}, "shape"), ({"data": "ab"}, "is no list"), ({"data": ["a", 1]}, r"data\[1\] is 1"),
        ({"data": [], "shape": [0]}, "empty list"), ({"data": ["a"] * 10, "shape": [10]}, "more than 9 texts"),
        ({"more": 1}, "'more', which means nothing"),
    ],
)  # fmt: skip
def test_protocols_refuse_a_tensor_in_one_sentence(change, part):
    with pytest.raises(GatewiseError, match=part):
        protocols.infer_request({"inputs": [TENSOR | change]}, 9, ("label",))


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"id": 7}, "id is 7"), ({"inputs": []}, "a list of one input"), ({"inputs": [TENSOR] * 2}, "one input"),
        ({"inputs": [7]}, r"inputs\[0\] is 7"), ({"outputs": "label"}, "outputs must be"),
        ({"outputs": [{"name": "x"}]}, "no output 'x'"), ({"outputs": [{}]}, "no output missing"),
        ({"outputs": [{"name": ["label"]}]}, "no output a list"), ({"outputs": [{"name": "label"}] * 2}, "must be"),
    ],
)  # fmt: skip
def test_protocols_refuse_an_inference_in_one_sentence(change, part):
    with pytest.raises(GatewiseError, match=part):
        protocols.infer_request({"inputs": [TENSOR]} | change, 9, ("label",))


def test_protocols_read_what_is_to_be_explained():
    assert protocols.explain_request({"inputs": "x"}) == ("x", None, None)
    body = {"inputs": "x", "parameters": {"target": "pos", "method": "beta"}}
    assert protocols.explain_request(body) == ("x", "pos", "beta")
    for bad in ({"inputs": ["x"]}, {"inputs": "x", "parameters": {"target": 1}}, {}):
        with pytest.raises(GatewiseError):
            protocols.explain_request(bad)


@given(ANYTHING)
def test_protocols_read_or_refuse_anything(value):
    value = json.loads(json.dumps(value))
    for read in (
        lambda: protocols.predict_request(value, 9),
        lambda: protocols.infer_request(value, 9, ("label",)),
        lambda: protocols.explain_request(value),
    ):
        try:
            read()
        except GatewiseError as error:
            assert "\n" not in str(error) and len(str(error)) < 300
