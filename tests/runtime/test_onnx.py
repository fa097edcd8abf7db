"""The graph that is given away answers as our engine does, in any company, or it is not given away."""

import dataclasses
import json

import numpy as np
import onnx
import onnxruntime
import pytest

from gatewise.base.errors import ModelError
from gatewise.base.settings import NetworkConfig
from gatewise.runtime import onnx as exporting
from gatewise.runtime.batches import gather
from gatewise.runtime.classifier import Model
from gatewise.runtime.engine import logits_of
from gatewise.runtime.network import from_weights
from gatewise.runtime.shapes import parameter_shapes


def random_model(tiny_model: Model, classes: int = 3, **shape: object) -> Model:
    """Give a model of any shape with weights large enough that gates matter."""
    config = NetworkConfig(**({"embedding_dim": 5, "hidden_size": 6} | shape))
    draw = np.random.default_rng(1)
    shapes = parameter_shapes(config, tiny_model.tokenizer.vocab_size, classes)
    weights = {name: draw.normal(0, 0.8, size).astype(np.float32) for name, size in shapes.items()}
    return dataclasses.replace(
        tiny_model, network=from_weights(config, weights), labels=tuple(f"label {n}" for n in range(classes))
    )


def run(content: bytes, ids: object, lengths: object) -> np.ndarray:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {"ids": np.array(ids, np.int64), "lengths": np.array(lengths, np.int64)})[0]


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", [("max", "mean", "last"), ("last",), ("mean", "max"), ("max",)])
def test_onnx_answers_as_our_engine(tiny_model, layers, bidirectional, pooling):
    model = random_model(tiny_model, num_layers=layers, bidirectional=bidirectional, pooling=pooling)
    made = exporting.export(model)
    assert made.difference < 1e-5
    golden = json.loads(json.dumps(made.golden))
    assert run(made.content, golden["ids"], golden["lengths"]) == pytest.approx(np.array(golden["logits"]), abs=1e-5)
    expected = logits_of(model.network, model.encode(golden["texts"]))
    assert np.array(golden["logits"]) == pytest.approx(expected, abs=1e-9)


def test_onnx_answers_a_text_alone_as_in_company(tiny_model):
    model = random_model(tiny_model, bidirectional=True)
    content = exporting.export(model).content
    texts = [np.arange(1, 5), np.arange(2, 40) % 20, np.array([3])]
    ids, lengths = exporting.padded(texts)
    together = run(content, ids, lengths)
    for row, text in zip(together, texts, strict=True):
        assert run(content, [text], [len(text)])[0] == pytest.approx(row, abs=1e-5)
    wide = np.pad(ids, ((0, 0), (0, 30)), constant_values=7)  # whatever stands behind the end
    assert run(content, wide, lengths) == pytest.approx(together, abs=1e-5)
    assert together == pytest.approx(logits_of(model.network, gather([texts], None, 50)), abs=1e-5)


def test_onnx_is_checked_and_says_what_it_lacks(tiny_pair):
    made = exporting.export(tiny_pair)
    graph = onnx.load_from_string(made.content)
    onnx.checker.check_model(graph, full_check=True)
    assert [opset.version for opset in graph.opset_import] == [exporting.OPSET]
    assert {node.domain for node in graph.graph.node} == {""}
    told = {one.key: one.value for one in graph.metadata_props}
    assert told["tokenizer"] == tiny_pair.tokenizer.to_json()
    told = json.loads(told["gatewise"])
    assert told["labels"] == ["neg", "pos"] and told["temperature"] == tiny_pair.temperature
    assert (told["companion_weight"], told["max_tokens"]) == (0.7, 32)
    assert told["missing"] == made.missing and "companion" in made.missing and made.missing.count(". ") == 0
    assert "companion" not in exporting.missing(dataclasses.replace(tiny_pair, companion=None))


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 3, 2, 1)])
def test_onnx_that_answers_otherwise_is_not_given_away(tiny_model, monkeypatch, order):
    monkeypatch.setattr(exporting, "ORDER", order)
    with pytest.raises(ModelError, match=r"logits differ by \d.* is not given away"):
        exporting.export(random_model(tiny_model))


def test_onnx_of_more_than_a_file_holds_is_refused(tiny_model, monkeypatch):
    monkeypatch.setattr(exporting, "LARGEST", 1000)
    with pytest.raises(ModelError, match="cannot hold them"):
        exporting.export(tiny_model)


def test_onnx_in_int8_is_a_quarter_and_near(tiny_model):
    model = random_model(tiny_model, embedding_dim=64, hidden_size=64, bidirectional=True)
    exact, rounded = exporting.export(model), exporting.export(model, int8=True)
    assert len(rounded.content) < 0.5 * len(exact.content)
    assert exact.difference < rounded.difference < 0.1 * np.abs(exact.golden["logits"]).max()
    assert rounded.golden["tolerance"] == 2 * rounded.difference
    assert rounded.golden["logits"] == exact.golden["logits"]
