"""Text without labels becomes an encoder, which may go on learning, and whose folder is nobody else's."""

import dataclasses

import numpy as np
import pytest
from tests.tasks.conftest import READING

import gatewise
from gatewise.base.errors import ConfigError, DataError, ModelError, TrainingError
from gatewise.data.part import Dataset, from_lists
from gatewise.runtime.encoder import shaped_as
from gatewise.runtime.folder import load_encoder, save, save_encoder
from gatewise.tasks.pretrain.fit import pretrain_encoder


def weights(encoder) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in encoder.weights.items()}


def test_encoders_come_back_from_their_folder_as_they_were(corpus, reader, tmp_path):
    made = pretrain_encoder(corpus, tmp_path / "again", settings=READING)
    back = load_encoder(reader)
    assert weights(back) == weights(made)  # and the same text gives the same bits
    assert back.network == READING.network and back.tokenizer.to_json() == made.tokenizer.to_json()
    facts = back.facts
    assert facts["data"] == "mail" and facts["dev_perplexity"] < 60 and facts["trained_tokens"] > 1000
    assert {file.name for file in reader.iterdir()} == {
        "config.json", "tokenizer.json", "model.safetensors", "README.md", "metrics.jsonl",
    }  # fmt: skip
    assert not reader.with_name("reader.training").exists()


def test_encoders_stopped_and_resumed_end_with_the_same_bits(corpus, reader, tmp_path):
    asked = iter([False] * 20 + [True] * 1000)
    out = tmp_path / "reader"
    pretrain_encoder(corpus, out, settings=READING, stopped=lambda: next(asked))
    assert out.with_name("reader.training").exists()
    with pytest.raises(TrainingError, match="has hidden_size=8"):
        pretrain_encoder(corpus, out, settings=READING.replace(hidden_size=9), resume=True)
    pretrain_encoder(corpus, out, resume=True)
    assert weights(load_encoder(out)) == weights(load_encoder(reader))


def test_encoders_go_on_from_an_encoder(corpus, reader, tmp_path):
    start = load_encoder(reader)
    settings = shaped_as(start, READING.replace(epochs=4), grows=True)
    more = pretrain_encoder(corpus, tmp_path / "more", settings=settings, start=start)
    assert more.facts["started_from"]["data"] == "mail"
    assert more.facts["dev_perplexity"] < start.facts["dev_perplexity"]
    with pytest.raises(TrainingError, match="stopped before its first step"):  # without settings the shape is taken too
        pretrain_encoder(corpus, tmp_path / "other", start=start, stopped=lambda: True)
    with pytest.raises(ConfigError, match="another shape"):
        pretrain_encoder(corpus, tmp_path / "other", settings=READING.replace(hidden_size=9), start=start)
    assert not (tmp_path / "other").exists()


def test_encoders_learn_the_backward_direction_too_and_keep_the_rest(corpus, reader, tmp_path):
    start = load_encoder(reader)
    settings = shaped_as(start, READING.replace(bidirectional=True), grows=True)
    assert settings.network.bidirectional and settings.network.hidden_size == 8
    whole = pretrain_encoder(corpus, tmp_path / "whole", settings=settings, start=start)
    assert whole.network.bidirectional and whole.facts["learnt"] == "the backward direction alone"
    for name, array in start.weights.items():
        assert np.array_equal(whole.weights[name], array), name
    new = whole.weights.keys() - start.weights.keys()
    assert new == {name for name in whole.weights if ".lstms.1." in name or ".maps.1." in name}
    assert whole.facts["dev_perplexity"] < 1.5 * start.facts["dev_perplexity"]
    asked = iter([False] * 20 + [True] * 1000)
    out = tmp_path / "reader"
    pretrain_encoder(corpus, out, settings=settings, start=start, stopped=lambda: next(asked))
    with pytest.raises(
        TrainingError, match="made with other data; leave out --resume"
    ):  # what is held is known from there alone
        pretrain_encoder(corpus, out, settings=settings, resume=True)
    again = pretrain_encoder(corpus, out, settings=settings, start=start, resume=True)
    assert weights(again) == weights(whole)


@pytest.mark.parametrize("texts", [[], ["one text"], ["the same"] * 50])
def test_encoders_need_several_different_texts(texts, tmp_path):
    with pytest.raises(DataError, match="too few to hold some out"):
        pretrain_encoder(Dataset("d", train=from_lists(texts)), tmp_path / "e", settings=READING)
    assert not any(tmp_path.iterdir())


def test_encoders_never_read_test_text(english, tmp_path):
    texts = [f"{text} number {row}" for row, text in enumerate(english[0])]
    test = from_lists(["  ".join(texts[0].split()), texts[1] + "<br />"], ["pos", "neg"])  # copies but for spaces
    made = pretrain_encoder(
        Dataset("d", unlabelled=from_lists([*texts, texts[2]]), test=test), tmp_path / "e", settings=READING
    )
    assert made.facts["left_out_equal_to_test"] == 2 and made.facts["left_out_copies"] == 1
    assert made.facts["training_texts"] + made.facts["dev_texts"] == len(texts) - 2


def test_encoders_hold_out_whole_groups(english, tmp_path):
    texts = [f"{text} number {row}" for row, text in enumerate(english[0])]
    groups = [f"film {row // 20}" for row in range(len(texts))]
    part = from_lists(texts, None, groups)
    made = pretrain_encoder(Dataset("d", train=part), tmp_path / "e", settings=READING.replace(dev_share=0.3))
    assert made.facts["dev_texts"] % 20 == 0


def test_encoders_are_no_models_and_models_no_encoders(reader, tiny_model, tmp_path):
    with pytest.raises(ModelError, match="is an encoder, not a model; encoders are for"):
        gatewise.load(reader)
    save(tiny_model, tmp_path / "m")
    with pytest.raises(ModelError, match="is a model, not an encoder"):
        load_encoder(tmp_path / "m")
    with pytest.raises(ModelError, match="no encoder folder"):
        load_encoder(tmp_path / "nothing")


@pytest.mark.parametrize("storage", ["float16", "int8"])
def test_encoders_in_fewer_bytes_read_nearly_the_same(reader, tmp_path, storage):
    encoder = load_encoder(reader)
    save_encoder(encoder, tmp_path / "small", storage=storage)
    back = load_encoder(tmp_path / "small")
    for name, array in encoder.weights.items():
        assert np.abs(back.weights[name] - array).max() <= np.abs(array).max() / 127 + 1e-3
    assert dataclasses.replace(back, weights={}) == dataclasses.replace(encoder, weights={}, tokenizer=back.tokenizer)
