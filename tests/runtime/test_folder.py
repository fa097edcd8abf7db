"""A saved model comes back bit for bit; a folder that is not exactly a model is refused with one sentence."""

import dataclasses
import errno
import json
import math
import os
import random
import resource
import shutil
import struct
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch

from gatewise.base.errors import GatewiseError, ModelError
from gatewise.base.files import tensor_bytes
from gatewise.base.settings import NetworkConfig, TokenizerConfig
from gatewise.data.vocabulary import train_tokenizer
from gatewise.nets.classify import TextLSTM, arrays_of
from gatewise.runtime import folder
from gatewise.runtime.bundled import BUNDLED
from gatewise.runtime.cards import card
from gatewise.runtime.classifier import Model
from gatewise.runtime.companion import Companion
from gatewise.runtime.encoder import PretrainedEncoder
from gatewise.runtime.folder import (
    CARD,
    CONFIG,
    TOKENIZER,
    WEIGHTS,
    load,
    load_encoder,
    save,
    save_encoder,
    update_card,
)
from gatewise.runtime.network import weights_of
from gatewise.runtime.shapes import language_shapes

TEXTS = ["a good film", "dull", "", "unheard 很好 \ud800", "the weak story " * 20]
FIGURES = {
    "n": 40, "accuracy": 0.975, "accuracy_low": 0.9, "accuracy_high": 0.99, "macro_f1": 0.97, "log_loss": 0.1,
    "ece": 0.02, "ece_uncalibrated": 0.05,
}  # fmt: skip


@pytest.fixture
def saved(tiny_model, tmp_path) -> Path:
    save(tiny_model, tmp_path / "model")
    return tmp_path / "model"


def changed(path: Path, **values) -> Path:
    """Change entries of config.json; a name with a dot reaches into the network."""
    config = json.loads((path / CONFIG).read_text(encoding="utf-8"))
    for name, value in values.items():
        place = config["network"] if name in config["network"] else config
        place[name] = value
    (path / CONFIG).write_text(json.dumps(config), encoding="utf-8")
    return path


def refused(path: Path, message: str = "") -> str:
    """Load a folder, see it refused in one sentence, and give the sentence."""
    with pytest.raises(ModelError, match=message or None) as caught:
        load(path)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 600
    assert sentence.isprintable()  # nothing from the file can drive the terminal
    return sentence


def test_folder_gives_back_the_same_probabilities(tiny_model, saved):
    again = load(saved)
    assert again.probabilities(TEXTS).tobytes() == tiny_model.probabilities(TEXTS).tobytes()
    assert again.predict(TEXTS) == tiny_model.predict(TEXTS)
    assert (again.labels, again.temperature) == (tiny_model.labels, tiny_model.temperature)
    assert again.network.config == tiny_model.network.config
    assert again.facts == json.loads(json.dumps(tiny_model.facts))


@pytest.fixture
def saved_pair(tiny_pair, tmp_path) -> Path:
    save(tiny_pair, tmp_path / "pair")
    return tmp_path / "pair"


def test_folder_keeps_the_companion(tiny_pair, saved_pair, tmp_path):
    again = load(saved_pair)
    assert again.logits(TEXTS).tobytes() == tiny_pair.logits(TEXTS).tobytes()
    assert again.companion_weight == 0.7
    assert {name: getattr(again.companion, name).dtype.name for name in ("table", "scale", "bias")} == {
        "table": "int8", "scale": "float32", "bias": "float32",
    }  # fmt: skip
    buckets = len(tiny_pair.companion.table)
    assert json.loads((saved_pair / CONFIG).read_text())["companion"] == {"buckets": buckets, "weight": 0.7}
    save(again, tmp_path / "again" / "pair")
    for name in (CONFIG, TOKENIZER, WEIGHTS, CARD):
        assert (tmp_path / "again" / "pair" / name).read_bytes() == (saved_pair / name).read_bytes()
    assert f"({buckets:,} weights of 8 bits) stands beside it: its log-odds are added, times 0.7." in card(again, "x")


def test_folder_keeps_a_companion_that_reads_pieces(spelt_pair, tmp_path):
    save(spelt_pair, tmp_path / "model")
    again = load(tmp_path / "model")
    assert (again.companion.words, again.companion.pieces) == (2, 4)
    assert again.logits(TEXTS).tobytes() == spelt_pair.logits(TEXTS).tobytes()
    assert "word n-grams and pieces of words, up to 4 letters, (" in card(again, "x")
    own = json.loads((tmp_path / "model" / CONFIG).read_text())["companion"]
    assert (own.pop("words"), own.pop("pieces")) == (2, 4)
    changed(tmp_path / "model", companion=own)
    assert (load(tmp_path / "model").companion.words, load(tmp_path / "model").companion.pieces) == (3, 0)


def test_folder_keeps_a_companion_of_three_classes(tiny_pair, tmp_path, tiny_settings):
    random = np.random.default_rng(0)
    companion = Companion(random.integers(-9, 9, (64, 3)).astype(np.int8), *np.ones((2, 3), np.float32))
    network = arrays_of(TextLSTM(tiny_settings.network, tiny_pair.tokenizer.vocab_size, 3))
    model = dataclasses.replace(tiny_pair, network=network, labels=("a", "b", "c"), companion=companion)
    save(model, tmp_path / "model")
    assert load(tmp_path / "model").logits(TEXTS).tobytes() == model.logits(TEXTS).tobytes()


@pytest.mark.parametrize(
    ("companion", "message"),
    [
        ({"buckets": 4096, "weight": 0.7}, "tensor 'companion.table' is .* there and should be"),
        ({"buckets": 4095, "weight": 0.7}, "companion.buckets is 4095, which cannot be"),
        ({"buckets": 2**40, "weight": 0.7}, "companion.buckets"),
        ({"buckets": 0, "weight": 0.7}, "companion.buckets"),
        ({"buckets": 8192}, "companion.weight"),
        ({"buckets": 8192, "weight": math.nan}, "companion.weight"),
        ({"buckets": 8192, "weight": -1.0}, "companion.weight"),
        ({"buckets": 8192, "weight": 0.7, "more": 1}, "companion.more"),
        ({"buckets": 8192, "weight": 0.7, "words": 3}, "companion.pieces is missing"),
        ({"buckets": 8192, "weight": 0.7, "pieces": 4}, "companion.words is missing"),
        ({"buckets": 8192, "weight": 0.7, "words": 0, "pieces": 4}, "companion.words is 0, which cannot be"),
        ({"buckets": 8192, "weight": 0.7, "words": 7, "pieces": 4}, "companion.words is 7"),
        ({"buckets": 8192, "weight": 0.7, "words": 3, "pieces": 9}, "companion.pieces is 9"),
        ({"buckets": 8192, "weight": 0.7, "words": 3, "pieces": -1}, "companion.pieces is -1"),
        ({"buckets": 8192, "weight": 0.7, "words": 3, "pieces": True}, "companion.pieces is true"),
        (None, "tensor 'companion.bias' is .* there and should be absent"),
        ([], "companion"),
    ],
)
def test_folder_whose_companion_does_not_fit_is_refused(saved_pair, companion, message):
    assert len(load(saved_pair).companion.table) == 8192
    refused(changed(saved_pair, companion=companion), message)


def test_folder_without_the_companion_it_promises_is_refused(saved):
    refused(changed(saved, companion={"buckets": 2**22, "weight": 1.0}), "tensor 'companion.bias' is missing there")


def test_folder_with_a_companion_for_too_many_labels_is_refused(saved):
    changed(saved, companion={"buckets": 2**22, "weight": 1.0}, labels=[*range(1000)])
    refused(saved, "describes a companion for more than 256 labels")


@pytest.mark.parametrize("name", ["scale", "bias"])
def test_folder_with_a_companion_that_is_no_number_is_refused(tiny_pair, saved_pair, name):
    weights = weights_of(tiny_pair.network)
    parts = {name: getattr(tiny_pair.companion, name) for name in ("table", "scale", "bias")}
    parts[name] = np.array([np.nan], dtype=np.float32)
    (saved_pair / WEIGHTS).write_bytes(
        tensor_bytes(weights | {f"companion.{name}": part for name, part in parts.items()})
    )
    refused(saved_pair, f"NaN or infinite weight in 'companion.{name}'")
    parts = parts | {"table": parts["table"].astype(np.float32), name: np.ones(1, np.float32)}
    (saved_pair / WEIGHTS).write_bytes(
        tensor_bytes(weights | {f"companion.{name}": part for name, part in parts.items()})
    )
    refused(saved_pair, "'companion.table' that are not int8")


def test_folder_card_tells_the_figures_of_the_parts_alone(tiny_pair):
    alone = {"network": {"accuracy": 0.91, "log_loss": 0.2}, "companion": {"accuracy": 0.9}}
    text = card(dataclasses.replace(tiny_pair, facts={"dev": FIGURES | {"alone": alone}}), "x")
    assert "  - the network alone: accuracy 0.9100, log-loss 0.2000\n" in text
    assert "  - the companion alone: accuracy 0.9000\n" in text


def test_folder_saves_equal_models_as_equal_bytes(tiny_model, saved, tmp_path):
    save(load(saved), tmp_path / "again" / "model")
    for name in (CONFIG, TOKENIZER, WEIGHTS, CARD):
        assert (tmp_path / "again" / "model" / name).read_bytes() == (saved / name).read_bytes()


@pytest.mark.parametrize(
    "values", [{"num_layers": 2}, {"bidirectional": False}, {"pooling": ("last",)}, {"hidden_size": 1}]
)
@pytest.mark.parametrize("kind", ["word", "bpe"])
def test_folder_keeps_every_form_of_network(tmp_path, english, tiny_settings, kind, values):
    settings = tiny_settings.replace(kind=kind, **values)
    tokenizer = train_tokenizer([english[0]], settings.tokenizer)
    network = arrays_of(TextLSTM(settings.network, tokenizer.vocab_size, 3))
    model = Model(tokenizer, network, ("a", "b", "c"), 0.7)
    save(model, tmp_path / "model")
    assert load(tmp_path / "model").probabilities(TEXTS).tobytes() == model.probabilities(TEXTS).tobytes()


@pytest.mark.parametrize(
    "labels",
    [
        ("neg", "pos"),
        (0, 1),
        (False, True),
        (0.5, 2.0),
        ("1", 2),
        ("好", "👍"),
        ("", " "),
        ('"\n', "\\"),
        (-(10**30), 7),
    ],
)
def test_folder_keeps_labels_of_every_kind(tiny_model, tmp_path, labels):
    save(dataclasses.replace(tiny_model, labels=labels), tmp_path / "model")
    found = load(tmp_path / "model").labels
    assert found == labels and [type(label) for label in found] == [type(label) for label in labels]


def test_folder_holds_four_plain_files(saved):
    assert sorted(path.name for path in saved.iterdir()) == sorted([CONFIG, TOKENIZER, WEIGHTS, CARD])
    for name in (CONFIG, TOKENIZER):
        json.loads((saved / name).read_text(encoding="utf-8"))
    config = json.loads((saved / CONFIG).read_text(encoding="utf-8"))
    assert (config["format"], config["task"]) == (1, "classification")
    content = (saved / WEIGHTS).read_bytes()  # 8 bytes, a JSON header, raw numbers: there is no room for a pickle
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    assert {entry["dtype"] for entry in header.values()} == {"F32"}
    assert len(content) == 8 + size + 4 * sum(math.prod(entry["shape"]) for entry in header.values())


def test_folder_loading_does_not_move_torchs_random_state(saved):
    state = torch.get_rng_state()
    load(saved)
    assert torch.equal(torch.get_rng_state(), state)


def test_folder_is_refused_where_something_stands(tiny_model, saved):
    with pytest.raises(GatewiseError, match="exists already"):
        save(tiny_model, saved)
    save(dataclasses.replace(tiny_model, temperature=2.5), saved, overwrite=True, extra={"metrics.jsonl": b"{}\n"})
    assert load(saved).temperature == 2.5
    assert (saved / "metrics.jsonl").read_bytes() == b"{}\n"


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("write", [1, 2, 3, 4, 5])
def test_folder_on_a_full_disk_leaves_what_was_there(tiny_model, tmp_path, monkeypatch, write, overwrite):
    path, calls, fsync = tmp_path / "model", 0, os.fsync
    if overwrite:
        save(dataclasses.replace(tiny_model, temperature=2.5), path)

    def full(descriptor):
        nonlocal calls
        calls += os.fstat(descriptor).st_mode & 0o100000 > 0  # files, not folders
        if calls == write:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GatewiseError, match="No space left on device"):
        save(tiny_model, path, overwrite=overwrite, extra={"metrics.jsonl": b"x"})
    monkeypatch.undo()
    assert [entry.name for entry in tmp_path.iterdir()] == (["model"] if overwrite else [])
    assert not overwrite or load(path).temperature == 2.5


@pytest.mark.parametrize("fails", [False, True])
def test_folder_that_is_replaced_while_it_is_read_is_read_again(tiny_model, saved, monkeypatch, fails):
    other = dataclasses.replace(tiny_model, labels=("no", "yes"))
    weights, times = folder.tensors_in, []

    def replaced(*arguments):
        times.append(1)
        if len(times) == 1:
            folder.save(other, saved, overwrite=True)
            if fails:
                raise ModelError("of two folders")
        return weights(*arguments)

    monkeypatch.setattr(folder, "tensors_in", replaced)
    assert folder.load(saved).labels == ("no", "yes") and len(times) == 2


def test_folder_of_nothing_is_refused(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    for name in ("file", "none", "nul\0"):
        with pytest.raises(ModelError, match="is no model folder; give the folder that `gatewise train --out` made"):
            load(tmp_path / name)
    refused(tmp_path / "empty", r"config\.json is missing")


@pytest.mark.parametrize("name", [CONFIG, TOKENIZER, WEIGHTS])
def test_folder_without_a_file_is_refused(saved, name):
    (saved / name).unlink()
    refused(saved, f"{name} is missing; copy the model folder again")


def test_folder_without_its_card_is_a_model(saved):
    (saved / CARD).unlink()
    assert load(saved).labels == ("neg", "pos")


@pytest.mark.parametrize("name", [CONFIG, TOKENIZER, WEIGHTS])
def test_folder_with_a_link_is_refused(saved, tmp_path, name):
    (saved / name).rename(tmp_path / "outside")
    (saved / name).symlink_to(tmp_path / "outside")
    refused(saved, f"{name} is a symbolic link")


@pytest.mark.parametrize("name", [CONFIG, TOKENIZER, WEIGHTS])
def test_folder_with_a_truncated_file_is_refused(saved, name):
    content = (saved / name).read_bytes()
    cuts = random.Random(0).sample(range(len(content) - 1), 40)
    for length in [0, 1, 7, 8, 9, len(content) - 2, *cuts]:
        (saved / name).write_bytes(content[:length])
        refused(saved)


@pytest.mark.parametrize("name", [CONFIG, TOKENIZER, WEIGHTS])
@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, b"null", b"[]", b"{}", b"\0" * 100]
)
def test_folder_with_rubbish_for_a_file_is_refused(saved, name, content):
    (saved / name).write_bytes(content)
    refused(saved)


def test_folder_with_a_file_too_large_is_refused(saved):
    for name in (WEIGHTS, TOKENIZER, CONFIG):
        with (saved / name).open("r+b") as file:
            file.truncate(1 << 36)  # sparse: takes no disk
        refused(saved, f"{name} has 68,719,476,736 bytes, more than the .* it can need; it is not opened")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_folder_with_a_weight_that_is_no_number_is_refused(tiny_model, saved, value):
    weights = {name: array.copy() for name, array in weights_of(tiny_model.network).items()}
    weights["head.bias"][1] = value
    (saved / WEIGHTS).write_bytes(tensor_bytes(weights))
    refused(saved, "NaN or infinite weight in 'head.bias'")


@pytest.mark.parametrize("value", [1e6, -1e30])
def test_folder_with_a_weight_that_would_overflow_is_refused(tiny_model, saved, value):
    weights = {name: array.copy() for name, array in weights_of(tiny_model.network).items()}
    weights["head.bias"][1] = value
    (saved / WEIGHTS).write_bytes(tensor_bytes(weights))
    refused(saved, "holds .* in 'head.bias', which cannot be")


@pytest.mark.parametrize("name", ["head.weight.scale", "companion.scale"])
def test_folder_with_a_scale_below_nothing_is_refused(tiny_pair, tmp_path, name):
    save(tiny_pair, tmp_path / "model", storage="int8")
    arrays = safetensors.numpy.load((tmp_path / "model" / WEIGHTS).read_bytes())
    arrays[name][0] *= -1
    (tmp_path / "model" / WEIGHTS).write_bytes(tensor_bytes(arrays))
    refused(tmp_path / "model", f"holds -.* in '{name}', which cannot be")


def test_folder_whose_facts_cannot_be_read_is_refused(saved):
    facts = json.loads((saved / CONFIG).read_text())["facts"]
    refused(changed(saved, facts=facts | {"unit_separation": ["0.5"]}), "the fact unit_separation is .* cannot be")
    refused(changed(saved, facts=facts | {"more": math.nan}), "the fact more is NaN, which cannot be")


def test_folder_of_figures_that_are_no_numbers_is_saved_without_them(tiny_model, tmp_path):
    save(dataclasses.replace(tiny_model, facts={"speed": math.nan, "far": [math.inf]}), tmp_path / "model")
    assert load(tmp_path / "model").facts == {"speed": None, "far": [None]}


HUGE = [{"hidden_size": 10**9}, {"embedding_dim": 2**62}, {"num_layers": 10**6}, {"vocab_size": 10**9}]
LARGE = [  # each number in its range, but the model of more than 16 GiB
    {"hidden_size": 8192, "num_layers": 16}, {"vocab_size": 1_000_000, "embedding_dim": 8192},
]  # fmt: skip
NOT_THERE = [{"hidden_size": 8192}, {"embedding_dim": 8192, "hidden_size": 8192}, {"labels": [*range(100_000)]}]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        *((values, "choose a value from 1 to|vocab_size is 1000000000, which cannot be") for values in HUGE),
        *((values, "describes a model of more than 16 GiB; it is not opened") for values in LARGE),
        *((values, "does not fit config.json: tensor ") for values in NOT_THERE),
    ],
)
def test_folder_of_hostile_size_is_refused_without_allocating(saved, values, message):
    changed(saved, **values)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    refused(saved, message)
    assert tracemalloc.get_traced_memory()[1] < 64 << 20
    tracemalloc.stop()
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
    assert more < (200 << 20) / (1 if sys.platform == "darwin" else 1024)


def test_folder_of_a_newer_format_is_refused(saved):
    refused(changed(saved, format=2), "is of format 2 and this gatewise reads up to 1; install a newer gatewise")


@pytest.mark.parametrize(
    "values",
    [
        {"format": 0}, {"format": "1"}, {"format": None}, {"task": "tagging"}, {"task": []},
        {"labels": ["a"]}, {"labels": []}, {"temperature": 1e-4}, {"temperature": 1e6},
        {"labels": "ab"}, {"labels": {"a": 1}}, {"labels": ["a", None]}, {"labels": ["a", ["b"]]},
        {"labels": ["a", "a"]},
        {"labels": ["1", 1]}, {"labels": ["a", math.nan]}, {"temperature": 0}, {"temperature": -1},
        {"temperature": "1"},
        {"temperature": math.nan}, {"temperature": math.inf}, {"temperature": 10**400}, {"temperature": None},
        {"vocab_size": True}, {"vocab_size": -1}, {"vocab_size": "30"}, {"vocab_size": 2.5}, {"max_tokens": 0},
        {"max_tokens": 10**9}, {"network": []}, {"network": None}, {"network": {}}, {"facts": []}, {"gatewise": 1},
        {"hidden_size": 0}, {"hidden_size": "8"}, {"hidden_size": 8.0}, {"hidden_size": True}, {"num_layers": -1},
        {"bidirectional": 1}, {"bidirectional": None}, {"pooling": []}, {"pooling": ["sum"]}, {"pooling": "max"},
        {"pooling": ["max", "max"]}, {"pooling": [["max"]]}, {"pooling": {"max": 1}}, {"pooling": 3},
        {"dropout": math.nan}, {"dropout": 10**400}, {"dropout": 1.0}, {"dropout": "0.1"}, {"chrono_horizon": -1},
        {"more": 1}, {"line\nbreak\x1b[2J": 1}, {"network": {"line\nbreak\x1b[2J": 1}}, {"task": "x\n\x1b[2J" * 9999},
        {"pooling": ["x\n\x1b[2J" * 9999]}, {"hidden_size": "x" * 99999}, {"hidden_size": 10**4000},
    ],
    ids=lambda values: repr(values)[:40],
)  # fmt: skip
def test_folder_with_another_config_is_refused(saved, values):
    refused(changed(saved, **values))


def test_folder_with_a_key_left_out_or_twice_is_refused(saved):
    whole = (saved / CONFIG).read_text(encoding="utf-8")
    for name in set(json.loads(whole)) - {"network", "facts"}:
        config = json.loads(whole)
        del config[name]
        (saved / CONFIG).write_text(json.dumps(config))
        refused(saved, f"config.json is not a gatewise model .*{name}")
    (saved / CONFIG).write_text(whole.replace('"format": 1,', '"format": 1, "format": 1,'))
    refused(saved, "a key stands twice")


@pytest.mark.parametrize(
    "values",
    [
        {"hidden_size": 9}, {"embedding_dim": 13}, {"num_layers": 2}, {"bidirectional": False}, {"pooling": ["max"]},
        {"labels": ["a", "b", "c"]},
    ],
)  # fmt: skip
def test_folder_whose_shapes_disagree_is_refused(saved, values):
    refused(changed(saved, **values), "does not fit config.json: tensor ")


def test_folder_with_a_tokenizer_of_another_size_is_refused(saved, chinese, tiny_settings):
    other = train_tokenizer([chinese[0]], tiny_settings.tokenizer)
    (saved / TOKENIZER).write_text(other.to_json(), encoding="utf-8")
    refused(saved, f"tokenizer.json has {other.vocab_size} tokens and config.json says .*; the files do not belong")


def test_folder_with_any_flipped_bytes_is_a_model_or_is_refused(saved, tmp_path):
    draw = random.Random(0)
    loaded = refusals = 0
    damaged = tmp_path / "damaged"
    for number in range(400):
        shutil.copytree(saved, damaged)
        name = (CONFIG, TOKENIZER, WEIGHTS, CARD)[number % 4]
        content = bytearray((saved / name).read_bytes())
        front = min(len(content), 600) if number % 3 else len(content)  # most meaning stands in front
        for _ in range(draw.choice([1, 1, 2, 8])):
            content[draw.randrange(front)] = draw.choice([draw.randrange(256), *b'0123456789"{}[],:-e'])
        (damaged / name).write_bytes(content)
        try:
            model = load(damaged)
        except ModelError as error:
            refusals += 1
            assert "\n" not in str(error)
        else:
            loaded += 1
            assert np.isfinite(model.logits(TEXTS)).all()
        shutil.rmtree(damaged)
    assert loaded > 100 and refusals > 100


HOSTILE_NAMES = [
    'x"\nlicense: mit\n---\n# Owned', "`code` [link](http://x) <script>", "👍 好 \x00\x1b[2J\x7f\x85\u2028\ufeff",
    "- a: b", "caf\udce9.csv", "\u202eright to left", "", "yes", "\\", "'",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_folder_card_quotes_what_users_wrote(tiny_model, tmp_path, name):
    yaml = pytest.importorskip("yaml")
    facts = tiny_model.facts | {"data": name, "class_counts": {name: 3}, "test": FIGURES}
    model = dataclasses.replace(tiny_model, labels=(name, "other"), facts=facts)
    save(model, tmp_path / "model")
    text = (tmp_path / "model" / CARD).read_text(encoding="utf-8")
    empty, front, body = text.split("---\n", 2)
    assert empty == ""
    found = yaml.safe_load(front)
    assert list(found) == ["library_name", "pipeline_tag", "tags", "model-index"]
    (result,) = found["model-index"][0]["results"]
    assert isinstance(result["dataset"]["name"], str) and result["dataset"]["name"].isprintable()
    if name.isprintable() and name.split() == name.split(" "):
        assert result["dataset"]["name"] == name
    assert {metric["type"]: metric["value"] for metric in result["metrics"]} == {
        "accuracy": 0.975, "macro_f1": 0.97, "log_loss": 0.1,
    }  # fmt: skip
    assert all(line.isprintable() for line in text.splitlines())
    headings = [line for line in body.splitlines() if line.startswith("#")]
    assert headings == ["# `model`", "## Data and recipe", "## Figures", "## Limits"]
    assert not [line for line in body.splitlines() if line.startswith(("license", "---", "<"))]
    assert load(tmp_path / "model").labels[1] == "other"


def test_folder_card_of_a_hostile_folder_name(tiny_model, tmp_path):
    yaml = pytest.importorskip("yaml")
    model = dataclasses.replace(tiny_model, facts=tiny_model.facts | {"test": FIGURES})
    front = card(model, 'a"\n# b\udce9👍').split("---\n")[1]
    assert yaml.safe_load(front)["model-index"][0]["name"].isprintable()


def test_folder_card_tells_recipe_figures_and_limits(tiny_model):
    text = card(tiny_model, "reviews")
    for words in ("`hidden_size=8`", "`seed=1`", "Dev split (it chose the epoch", "## Limits", "tiny reviews", "`neg`"):
        assert words in text
    assert "Test part" not in text
    assert "accuracy 0.9750 (95 % interval 0.9000 to 0.9900, 40 texts)" in card(
        dataclasses.replace(tiny_model, facts={"test": FIGURES}), "x"
    )


def test_folder_update_card_leaves_weights_alone(tiny_model, saved):
    weights, temperature = (saved / WEIGHTS).read_bytes(), load(saved).temperature
    model = dataclasses.replace(tiny_model, facts=tiny_model.facts | {"test": FIGURES})
    update_card(model, saved)
    assert (saved / WEIGHTS).read_bytes() == weights
    again = load(saved)
    assert again.temperature == temperature and again.facts["test"] == FIGURES
    assert "Test part (never seen before): accuracy 0.9750" in (saved / CARD).read_text(encoding="utf-8")


def test_folder_config_is_what_the_network_was_made_with(saved):
    config = json.loads((saved / CONFIG).read_text(encoding="utf-8"))
    assert NetworkConfig(**config["network"]) == load(saved).network.config
    assert config["format"] == folder.FORMAT


# ---------------------------------------------------------------- encoders


@pytest.fixture
def reader(english, tmp_path) -> Path:
    """An encoder that has read nothing, which is no matter here."""
    config = NetworkConfig(embedding_dim=4, hidden_size=3)
    tokenizer = train_tokenizer([english[0]], TokenizerConfig(min_count=1, max_tokens=32))
    random, shapes = np.random.default_rng(0), language_shapes(config, tokenizer.vocab_size)
    weights = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    save_encoder(PretrainedEncoder(tokenizer, config, weights, {"data": "mail"}), tmp_path / "reader")
    return tmp_path / "reader"


def refused_encoder(path: Path, message: str = "") -> None:
    with pytest.raises(ModelError, match=message or None) as caught:
        load_encoder(path)
    sentence = str(caught.value)
    assert sentence.endswith(".") and len(sentence) < 600 and sentence.isprintable()


def test_folder_saves_equal_encoders_as_equal_bytes(reader, tmp_path):
    save_encoder(load_encoder(reader), tmp_path / "again" / "reader")
    for name in (CONFIG, TOKENIZER, WEIGHTS, CARD):
        assert (tmp_path / "again" / "reader" / name).read_bytes() == (reader / name).read_bytes()


@pytest.mark.parametrize("name", [CONFIG, TOKENIZER, WEIGHTS])
def test_folder_of_an_encoder_with_a_damaged_file_is_refused(reader, tmp_path, name):
    content = (reader / name).read_bytes()
    cuts = random.Random(0).sample(range(len(content) - 1), 20)
    for rubbish in [*(content[:cut] for cut in [0, 7, len(content) - 2, *cuts]), b"\xff\xfe", b"[" * 100_000, b"{}"]:
        (reader / name).write_bytes(rubbish)
        refused_encoder(reader)
    (reader / name).unlink()
    refused_encoder(reader, f"{name} is missing")
    (tmp_path / "outside").write_bytes(content)
    (reader / name).symlink_to(tmp_path / "outside")
    refused_encoder(reader, f"{name} is a symbolic link")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"task": []}, "task"), ({"task": "translating"}, "task"), ({"task": "tagging"}, "is a tagger, not an encoder"),
        ({"format": 2}, "install a newer gatewise"),
        ({"labels": ["a", "b"]}, "labels"), ({"storage": "float8"}, "storage"), ({"storage": "int8"}, "does not fit"),
        ({"vocab_size": 10**9}, "vocab_size is 1000000000, which cannot be"),
        ({"vocab_size": 5}, "the files do not belong together"),
        ({"hidden_size": 9}, "does not fit config.json: tensor "), ({"num_layers": 2}, "does not fit"),
        ({"bidirectional": False}, "does not fit"), ({"pooling": 3}, "does not describe a network"),
        ({"vocab_size": 1_000_000, "embedding_dim": 8192}, "more than 16 GiB; it is not opened"),
    ],
    ids=repr,
)  # fmt: skip
def test_folder_of_an_encoder_with_another_config_is_refused(reader, values, message):
    refused_encoder(changed(reader, **values), message)


def test_folder_of_an_encoder_with_a_weight_that_is_no_number_is_refused(reader):
    weights = {name: array.copy() for name, array in load_encoder(reader).weights.items()}
    weights["next_words.bias"][1] = math.nan
    (reader / WEIGHTS).write_bytes(tensor_bytes(weights))
    refused_encoder(reader, "NaN or infinite weight in 'next_words.bias'")


# ---------------------------------------------------------------- in the box


def test_folder_what_is_in_the_box_opens_answers_and_is_small(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    model, encoder = load("sentiment-en"), load_encoder("reviews-en")
    assert model.predict(["A warm and funny film.", "A dull script, two hours that feel like four."]) == [
        "positive", "negative",
    ]  # fmt: skip
    assert model.facts["test"]["accuracy"] > 0.94 and encoder.facts["left_out_equal_to_test"] > 0
    assert model.network.config.hidden_size == encoder.network.hidden_size
    size = {name: sum(file.stat().st_size for file in place.iterdir()) for name, place in BUNDLED.items()}
    assert size["sentiment-en"] < 16e6 and sum(size.values()) < 45e6 and size["reviews-zh"] < 8e6
    assert {file.name for file in BUNDLED["sentiment-en"].iterdir()} == {CARD, CONFIG, TOKENIZER, WEIGHTS}


def test_folder_a_bundled_model_that_is_damaged_is_refused(monkeypatch, tmp_path):
    damaged = tmp_path / "sentiment-en"
    shutil.copytree(BUNDLED["sentiment-en"], damaged)
    weights = damaged / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    monkeypatch.setitem(BUNDLED, "sentiment-en", damaged)
    monkeypatch.chdir(tmp_path.parent)
    with pytest.raises(ModelError, match=r"model.safetensors is truncated or damaged .*; copy it again"):
        load("sentiment-en")
