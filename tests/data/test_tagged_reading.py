"""Labelled words as users have them: whole data sets with their known counts, and memory that does not grow."""

import json
import os
import tracemalloc
from pathlib import Path

import pytest

from gatewise.base.errors import ConfigError, DataError
from gatewise.data.tagged_reading import read_tagged
from gatewise.runtime.spans import spans_of

COUNTS = {  # sentences, tokens and spans by part, as published or counted by conlleval's rule
    "conll2003": ("IOB1", {
        "train": (14_041, 203_621, 23_499), "dev": (3_250, 51_362, 5_942), "test": (3_453, 46_435, 5_648)}),
    "conll2000": ("IOB2", {"train": (8_936, 211_727, 106_978), "test": (2_012, 47_377, 23_852)}),
    "wnut17": ("IOB2", {"train": (3_394, 62_730, 1_975), "dev": (1_009, 15_733, 836), "test": (1_287, 23_394, 1_079)}),
    "wikigold": ("IO", {"train": (1_696, 39_007, 3_558)}),
    "resume": ("BMES", {"train": (3_821, 124_099, 13_440), "dev": (463, 13_890, 1_497), "test": (477, 15_100, 1_630)}),
    "weibo": ("IOB2", {"train": (1_350, 73_778, 1_895), "dev": (270, 14_509, 389), "test": (270, 14_842, 418)}),
    "ud_ewt": ("", {"train": (12_544, 204_577, 0), "dev": (2_001, 25_147, 0), "test": (2_077, 25_094, 0)}),
    "ud_zh": ("", {"train": (3_997, 98_608, 0), "dev": (500, 12_663, 0), "test": (500, 12_012, 0)}),
}  # fmt: skip


def shared() -> Path:
    return Path(os.environ["GATEWISE_DATA"]) / "tagging"


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTS)
def test_reading_whole_data_sets(name: str) -> None:
    dataset = read_tagged(shared() / name)
    scheme, expected = COUNTS[name]
    found = {}
    for split in ("train", "dev", "test", "unlabelled"):
        if part := getattr(dataset, split):
            sentences = list(part.sentences())
            spans = sum(len(spans_of(one.tags)) for one in sentences) if scheme else 0
            found[split] = len(sentences), sum(len(one.tokens) for one in sentences), spans
            for one in sentences:
                assert all(0 <= start < end <= len(one.text) for start, end in one.offsets)
    assert (dataset.scheme, found) == (scheme, expected)


@pytest.mark.slow
def test_reading_the_borders_of_chinese_words() -> None:
    train = read_tagged(shared() / "ud_zh", layer="words").train
    assert train is not None
    sentences = list(train.sentences())
    assert sum(len(one.tokens) for one in sentences) == 156_360
    assert sum(len(spans_of(one.tags)) for one in sentences) == 98_608
    assert {tag for one in sentences for tag in one.tags} == {"B", "I", "E", "S"}


@pytest.mark.parametrize("form", ["conll", "conllu", "jsonl", "doccano"])
def test_reading_memory_does_not_grow_with_the_file(tmp_path: Path, form: str) -> None:
    block = {
        "conll": "EU\tB-ORG\nrejects\tO\nGerman\tB-MISC\n\n",
        "conllu": "".join(f"{n}\tEU\t_\tPROPN\t_\t_\t_\t_\t_\t_\n" for n in (1, 2, 3)) + "\n",
        "jsonl": json.dumps({"tokens": ["EU", "rejects"], "ner_tags": ["B-ORG", "O"]}) + "\n",
        "doccano": json.dumps({"text": "EU rejects German", "label": [[0, 2, "ORG"]]}) + "\n",
    }[form]
    peaks = []
    for count in (1_200, 3_600):
        path = tmp_path / f"{count}.{'jsonl' if form == 'doccano' else form}"
        path.write_text(block * count, encoding="utf-8")
        tracemalloc.start()
        part = read_tagged(path).train
        assert part is not None and sum(1 for _ in part.sentences()) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0] < 3_000_000


def test_reading_an_option_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_text("a B-X\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="did you mean nested"):
        read_tagged(path, nest="outer")
    with pytest.raises(ConfigError, match="choose one of outer, inner, refuse"):
        read_tagged(path, nested="middle")
    with pytest.raises(ConfigError, match="which is none of text"):
        read_tagged(path, encoding="utf-99")


def test_reading_a_file_that_vanished(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_text("a B-X\n", encoding="utf-8")
    part = read_tagged(path).train
    path.unlink()
    assert part is not None
    with pytest.raises(DataError, match="cannot be read"):
        list(part.sentences())
