"""A saved tagger comes back bit for bit; a folder that is not exactly one is refused with one sentence."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from tests.runtime.test_tagger import FORMS, SENTENCES, tagger_of

from gatewise.base.errors import GatewiseError, ModelError
from gatewise.base.files import tensor_bytes
from gatewise.runtime import folder
from gatewise.runtime.features import SPACE
from gatewise.runtime.folder import CONFIG, TOKENIZER, WEIGHTS
from gatewise.runtime.tagger_folder import load_tagger, save_tagger


@pytest.fixture
def saved(tmp_path) -> Path:
    save_tagger(tagger_of(), tmp_path / "tagger")
    return tmp_path / "tagger"


def changed(path: Path, **values) -> Path:
    config = json.loads((path / CONFIG).read_text(encoding="utf-8"))
    for name, value in values.items():
        (config["tagging"] if name in config["tagging"] else config)[name] = value
    (path / CONFIG).write_text(json.dumps(config), encoding="utf-8")
    return path


def refused(path: Path, message: str = "") -> None:
    with pytest.raises(ModelError, match=message or None) as caught:
        load_tagger(path)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 600 and sentence.isprintable()


@pytest.mark.parametrize("form", FORMS)
def test_tagger_folder_gives_back_the_same_answers(form, tmp_path):
    model = tagger_of(**FORMS[form])
    save_tagger(model, tmp_path / "one")
    again = load_tagger(tmp_path / "one")
    assert again.tag(SENTENCES) == model.tag(SENTENCES)
    assert (again.tags, again.temperature, again.words, again.facts) == (
        model.tags, model.temperature, model.words, model.facts,
    )  # fmt: skip
    save_tagger(again, tmp_path / "two" / "one")
    for name in (CONFIG, TOKENIZER, WEIGHTS):
        assert (tmp_path / "two" / "one" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


@pytest.mark.parametrize("storage", ["float16", "int8"])
def test_tagger_folder_rounds_weights_and_keeps_the_chain(storage, tmp_path):
    model = tagger_of()
    save_tagger(model, tmp_path / "small", storage=storage)
    again = load_tagger(tmp_path / "small")
    np.testing.assert_array_equal(again.network.chain.transitions, model.network.chain.transitions)
    one, other = (found.lattices([SENTENCES[0]])[0].emissions for found in (model, again))
    assert 0 < np.abs(one - other).max() < 0.2
    assert again.network.wide.values.dtype == storage


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tags": []}, "tags is \\[\\]"), ({"tags": ["O", "O"]}, "tags"), ({"tags": ["O", "NOUN"]}, "tags"),
        ({"tags": ["", "x"]}, "tags"), ({"temperature": 0}, "temperature is 0"), ({"rule": "nltk"}, "rule"),
        ({"units": "bytes"}, "units"), ({"words": 5}, "tensor 'words'"),
        ({"words": -1}, "words"),
        ({"known": 10**9}, "known"), ({"more": 1}, "more has no place"),
        ({"feature_count": 0}, "feature_count"),
        ({"features": 7}, "tensor '"),
        ({"own_features": -1}, "own_features"), ({"recurrent": False}, "should be absent"), ({"spans": 1}, "spans"),
        ({"tagging": 3}, "tagging"), ({"tagging": {"x": 1}}, "does not describe a tagger"),
        ({"lowercase": None}, "lowercase"),
        ({"task": "classification"}, "is a model, not a tagger"), ({"task": "singing"}, "singing"),
        ({"format": 2}, "newer"),
        ({"affix_dim": 4}, "tensor 'affixes'"), ({"facts": []}, "facts"),
        ({"vocab_size": 3}, "vocab_size has no place"),
    ],
)  # fmt: skip
def test_tagger_folder_refuses_what_cannot_be(saved, values, message):
    refused(changed(saved, **values), message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "no list of words"), ({"words": 3, "known": []}, "no list of words"), ([], "no JSON object"),
        ({"words": ["a"] * 6, "known": []}, "1 different words"), ({"words": [1] * 6, "known": []}, "no list of words"),
        ({"words": [*"abcdef"], "known": [*"abcd"], "x": 1}, "x, which has no place"),
        ({"words": [*"abcdef"], "known": ["a"]}, "1 different known"),
    ],
)  # fmt: skip
def test_tagger_folder_refuses_other_words(saved, content, message):
    (saved / TOKENIZER).write_text(json.dumps(content))
    refused(saved, message)


def test_tagger_folder_refuses_numbers_that_cannot_be(saved):
    model = load_tagger(saved)
    from gatewise.base.files import read_tensors
    from gatewise.runtime.tagger_folder import CHAIN, shapes_of

    count, own = len(model.lexicon.features.hashes), model.lexicon.features.own
    shapes = shapes_of(
        model.network.config, model.network.tagging, tags=9, words=6, known=4, features=count, own_features=own
    )
    expected = {name: (shape, "float32") for name, shape in shapes.items()}
    expected |= {part: (getattr(model.network.chain, part).shape, "float32") for part in CHAIN}
    expected["features"] = ((SPACE // 8,), "int8")
    arrays = read_tensors(saved / WEIGHTS, expected)
    arrays["start"] = np.full(9, 1e9, np.float32)
    (saved / WEIGHTS).write_bytes(tensor_bytes(arrays))
    refused(saved, "holds 1e\\+09 in 'start'")
    arrays["start"] = np.zeros(9, np.float32)
    arrays["features"] = np.zeros(SPACE // 8, np.int8)
    (saved / WEIGHTS).write_bytes(tensor_bytes(arrays))
    refused(saved, "has other features than config.json says")


def test_tagger_folder_refuses_damage_anywhere(saved):
    draw = random.Random(0)
    for name in (CONFIG, TOKENIZER, WEIGHTS):
        whole = (saved / name).read_bytes()
        for _ in range(25):
            at = draw.randrange(len(whole))
            (saved / name).write_bytes(
                whole[:at] if draw.random() < 0.5 else whole[:at] + b"\xff\x00" + whole[at + 2 :]
            )
            try:
                load_tagger(saved)
            except ModelError as error:
                assert str(error).endswith(".")
        (saved / name).write_bytes(whole)
        (saved / name).unlink()
        refused(saved, "is missing")
        (saved / name).write_bytes(whole)
    assert load_tagger(saved).tags == tagger_of().tags


def test_tagger_folder_others_say_what_it_is(saved, tmp_path):
    with pytest.raises(ModelError, match="is a tagger, not a model; give what `gatewise train --out` made"):
        folder.load(saved)
    with pytest.raises(ModelError, match="is a tagger, not an encoder"):
        folder.load_encoder(saved)
    refused(tmp_path / "nowhere", "no tagger folder")
    refused(Path("reviews-en"), "is an encoder, not a tagger")


def test_tagger_folder_is_not_written_over_what_is_there(saved):
    with pytest.raises(GatewiseError, match="overwrite"):
        save_tagger(tagger_of(), saved)
    save_tagger(tagger_of(layers=2), saved, overwrite=True)
    assert len(load_tagger(saved).network.layers) == 2
