"""A model answers for each text alone: order, company and chunks do not matter; a stream stays a stream."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.errors import DataError, GatewiseError
from gatewise.nets.classify import module_of
from gatewise.runtime import classifier as module
from gatewise.runtime.classifier import CHUNK, softmax
from gatewise.runtime.companion import logits as ngram_logits
from gatewise.runtime.folder import load

TEXTS = ["a good film", "dull", "", "the weak story and its boring ending " * 9, "unheard zzz", "很好 \ud800 👍"]


def test_model_probabilities_sum_to_one(tiny_model, english):
    probabilities = tiny_model.probabilities([*english[0], *TEXTS])
    assert probabilities.shape == (206, 2) and probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_model_answers_do_not_depend_on_order_or_company(tiny_model, english):
    texts = [*TEXTS, *english[0]]
    together = tiny_model.probabilities(texts)
    order = np.random.default_rng(0).permutation(len(texts))
    shuffled = tiny_model.probabilities([texts[place] for place in order])
    np.testing.assert_allclose(shuffled, together[order], atol=1e-6)
    alone = np.concatenate([tiny_model.probabilities([text]) for text in texts[:30]])
    np.testing.assert_allclose(alone, together[:30], atol=1e-6)


def test_model_logits_equal_the_network_text_by_text(tiny_model):
    network, found = module_of(tiny_model.network), tiny_model.logits(TEXTS)
    for text, row in zip(TEXTS, found, strict=True):
        ids = torch.from_numpy(tiny_model.tokenizer.encode(text).ids.astype(np.int64))
        with torch.no_grad():
            expected = network(ids.unsqueeze(1), torch.tensor([len(ids)]))[0]
        np.testing.assert_allclose(row, expected.numpy(), atol=1e-5)


def test_model_adds_the_companion_to_the_network(tiny_model, tiny_pair):
    sequences = tiny_pair.encode(TEXTS)
    network, companion = tiny_pair.parts(sequences)
    np.testing.assert_array_equal(network, tiny_model.logits(TEXTS))
    np.testing.assert_array_equal(network, tiny_pair.network_logits(TEXTS))
    np.testing.assert_allclose(companion, 0.7 * ngram_logits(tiny_pair.companion, sequences))
    assert np.abs(companion).max() > 0.3
    np.testing.assert_array_equal(tiny_pair.logits(TEXTS), network + companion)
    np.testing.assert_array_equal(
        tiny_pair.probabilities(TEXTS), softmax((network + companion) / tiny_pair.temperature)
    )
    assert [dict(answer.probabilities) for answer in tiny_pair.stream(TEXTS)] == [
        dict(zip(("neg", "pos"), row, strict=True)) for row in tiny_pair.probabilities(TEXTS).tolist()
    ]
    network, companion = tiny_model.parts(sequences)
    assert (companion == 0).all() and (network == tiny_model.logits(TEXTS)).all()
    assert tiny_pair.logits([]).shape == (0, 2)


def test_model_predicts_the_likeliest_label(tiny_model, english):
    texts, labels = english
    found = tiny_model.predict(texts)
    assert np.mean([one == other for one, other in zip(found, labels, strict=True)]) > 0.95
    best = tiny_model.probabilities(texts).argmax(axis=1)
    assert found == [tiny_model.labels[place] for place in best]


def test_model_has_scikit_learns_names(tiny_model):
    np.testing.assert_array_equal(tiny_model.predict_proba(TEXTS), tiny_model.probabilities(TEXTS))
    best = tiny_model.predict_proba(TEXTS).argmax(axis=1)
    assert tiny_model.classes_[best].tolist() == tiny_model.predict(TEXTS)
    assert dataclasses.replace(tiny_model, labels=(3, 1)).classes_.dtype.kind == "i"
    assert dataclasses.replace(tiny_model, labels=(3, "x")).classes_.tolist() == [3, "x"]


def test_model_saves_itself(tiny_model, tmp_path):
    tiny_model.save(tmp_path / "m")
    np.testing.assert_array_equal(load(tmp_path / "m").logits(TEXTS), tiny_model.logits(TEXTS))
    with pytest.raises(GatewiseError, match="exists already"):
        tiny_model.save(tmp_path / "m")
    tiny_model.save(tmp_path / "m", overwrite=True, storage="int8")
    assert (load(tmp_path / "m").logits(TEXTS) != tiny_model.logits(TEXTS)).any()


@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_model_temperature_divides_the_logits(tiny_model, temperature):
    warm = dataclasses.replace(tiny_model, temperature=temperature)
    np.testing.assert_array_equal(warm.logits(TEXTS), tiny_model.logits(TEXTS))
    np.testing.assert_allclose(warm.probabilities(TEXTS), softmax(tiny_model.logits(TEXTS) / temperature))
    assert warm.predict(TEXTS) == tiny_model.predict(TEXTS)


def test_model_of_no_texts_is_no_answers(tiny_model):
    assert tiny_model.probabilities([]).shape == (0, 2)
    assert tiny_model.predict([]) == [] and list(tiny_model.stream([])) == []


def test_model_stream_gives_what_predict_gives_in_order(tiny_model, english, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 7)  # many chunks, the last one short
    texts = [*TEXTS, *english[0][:40]]
    found = list(tiny_model.stream(iter(texts)))
    assert [prediction.label for prediction in found] == tiny_model.predict(texts)
    expected = tiny_model.probabilities(texts)
    for prediction, row in zip(found, expected, strict=True):
        assert list(prediction.probabilities) == ["neg", "pos"]
        np.testing.assert_allclose(list(prediction.probabilities.values()), row, atol=1e-6)
        assert prediction.probability == max(prediction.probabilities.values())
        assert prediction.probabilities[str(prediction.label)] == prediction.probability


def test_model_stream_flags_blank_texts(tiny_model):
    texts = ["", " \t\n", "\u3000", "x", "\x00", "[PAD]"]
    assert [prediction.empty for prediction in tiny_model.stream(texts)] == [True] * 3 + [False] * 3


def test_model_stream_reads_only_as_far_as_it_must(tiny_model, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 5)
    read = 0

    def endless():
        nonlocal read
        while True:
            read += 1
            yield "a good film"

    answers = tiny_model.stream(endless())
    assert read == 0
    for answered in range(1, 23):
        next(answers)
        assert read == 5 * -(-answered // 5)  # whole chunks and none ahead
    assert CHUNK <= 10_000


DOORS = {
    "predict": lambda model, texts: model.predict(texts),
    "probabilities": lambda model, texts: model.probabilities(texts),
    "predict_proba": lambda model, texts: model.predict_proba(texts),
    "logits": lambda model, texts: model.logits(texts),
    "network_logits": lambda model, texts: model.network_logits(texts),
    "stream": lambda model, texts: list(model.stream(texts)),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("one text", "One text was given"),
        (b"one text", "One text was given"),
        (None, "A NoneType was given"),
        (np.array([["a"]]), "A table was given"),
        ({"text": ["a"]}, "A table was given"),
        ([None], "Text 0 is a NoneType"),
        (["a", "b", float("nan")], "Text 2 is a float"),
        (["a", 7], "Text 1 is a int, not a string"),
        (["a", b"b"], "Text 1 is a bytes"),
        (["a", pd.NA], "Text 1 is a NAType"),
        (pd.Series(["a", None]), "Text 1 is a "),
    ],
)
def test_model_refuses_what_is_no_list_of_texts(tiny_model, door, texts, message):
    with pytest.raises(DataError, match=message):
        DOORS[door](tiny_model, texts)


@pytest.mark.parametrize("door", DOORS)
def test_model_takes_texts_in_arrays_and_columns(tiny_model, door):
    expected = DOORS[door](tiny_model, ["a good film", "dull"])
    for texts in (
        np.array(["a good film", "dull"]),
        pd.Series(["a good film", "dull"], index=[5, 6]),
        ("a good film", "dull"),
    ):
        found = DOORS[door](tiny_model, texts)
        assert (found == expected).all() if isinstance(found, np.ndarray) else found == expected


def test_model_stream_names_the_place_in_the_whole_stream(tiny_model, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 2)
    answers = tiny_model.stream(iter(["a", "b", "c", None]))
    assert next(answers) and next(answers)
    with pytest.raises(DataError, match="Text 3 is a NoneType"):
        next(answers)


@given(st.lists(st.lists(st.floats(-1e4, 1e4), min_size=3, max_size=3), max_size=5))
def test_model_softmax_neither_overflows_nor_misses_one(rows):
    logits = np.array(rows, dtype=np.float64).reshape(-1, 3)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        found = softmax(logits)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    expected = torch.from_numpy(logits).softmax(dim=1).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-12)
