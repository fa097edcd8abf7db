"""The JSON of annotation tools, each as its tool writes it, becomes the same spans; what is wrong is told by place."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from gatewise.base.errors import DataError
from gatewise.data.tagged import TaggedPart
from gatewise.data.tagged_reading import read_tagged

TEXT = "EU rejects German Ünion."
FOUND = [("EU", "ORG"), ("German Ünion", "MISC")]
STUDIO = {"id": 1, "data": {"text": TEXT}, "predictions": []}
REGIONS = [
    {"id": "gew3t9", "from_name": "label", "to_name": "text", "type": "labels",
     "value": {"start": 0, "end": 2, "text": "EU", "labels": ["ORG"]}},
    {"id": "x", "type": "labels", "value": {"start": 11, "end": 23, "labels": ["MISC"]}},
    {"from_id": "gew3t9", "to_id": "x", "type": "relation", "direction": "right"},
    {"id": "c", "type": "choices", "value": {"choices": ["news"]}},
]  # fmt: skip
TOKENS = [
    {"text": TEXT[start:end], "start": start, "end": end, "id": number, "ws": True}
    for number, (start, end) in enumerate([(0, 2), (3, 10), (11, 17), (18, 24)])
]
OBJECTS: dict[str, Any] = {
    "doccano 1": {"text": TEXT, "labels": [[0, 2, "ORG"], [11, 23, "MISC"]]},
    "doccano 1.5": {"id": 3, "text": TEXT, "label": [[11, 23, "MISC"], [0, 2, "ORG"]], "author": "x"},
    "doccano, relations": {"id": 1, "text": TEXT, "entities": [
        {"id": 0, "label": "ORG", "start_offset": 0, "end_offset": 2},
        {"id": 1, "label": "MISC", "start_offset": 11, "end_offset": 23}],
        "relations": [{"id": 0, "from_id": 0, "to_id": 1, "type": "foundedAt"}], "Comments": []},
    "Label Studio": {**STUDIO, "annotations": [{"id": 9, "was_cancelled": False, "result": REGIONS}]},
    "Label Studio, older": {**STUDIO, "completions": [{"id": 9, "result": REGIONS}]},
    "Label Studio, several": {**STUDIO, "annotations": [
        {"id": 1, "result": REGIONS[:1]}, {"id": 2, "result": REGIONS},
        {"id": 3, "was_cancelled": True, "result": []}]},
    "Label Studio, other key": {"data": {"body_of_it": TEXT, "day": 3}, "annotations": [{"result": REGIONS}]},
    "JSON-MIN": {"id": 1, "text": TEXT, "label": [one["value"] for one in REGIONS[:2]], "annotator": 1},
    "JSON-MIN, other control": {"id": 1, "text": TEXT, "ner": [one["value"] for one in REGIONS[:2]], "made": "x"},
    "spaCy": {"text": TEXT, "entities": [[0, 2, "ORG"], [11, 23, "MISC"]]},
    "spaCy, Python-style": [TEXT, {"entities": [[0, 2, "ORG"], [11, 23, "MISC"]]}],
    "spaCy, to_json": {"text": TEXT, "ents": [
        {"start": 0, "end": 2, "label": "ORG"}, {"start": 11, "end": 23, "label": "MISC"}],
                       "sents": [{"start": 0, "end": 24}]},
    "Prodigy": {"text": TEXT, "spans": [{"start": 0, "end": 2, "token_start": 0, "token_end": 0, "label": "ORG"},
                                        {"start": 11, "end": 23, "label": "MISC"}], "answer": "accept"},
    "Prodigy, tokens alone": {"text": TEXT, "tokens": [*TOKENS[:3], {**TOKENS[3], "end": 23}], "spans": [
        {"token_start": 0, "token_end": 0, "label": "ORG"}, {"token_start": 2, "token_end": 3, "label": "MISC"}]},
    "DataTurks": {"content": TEXT, "annotation": [
        {"label": ["ORG"], "points": [{"start": 0, "end": 1, "text": "EU"}]},
        {"label": ["MISC"], "points": [{"start": 11, "end": 22, "text": "German Ünion"}]}]},
    "our own": {"text": TEXT, "spans": [[0, 2, "ORG"], [11, 23, "MISC"]]},
}  # fmt: skip


def part_of(folder: Path, content: str, name: str = "data.jsonl", **given: object) -> TaggedPart:
    (folder / name).write_text(content, encoding="utf-8")
    part = read_tagged(folder / name, **given).train
    assert part is not None
    return part


def found(part: TaggedPart) -> list[list[tuple[str, str]]]:
    return [[(one.text[start:end], label) for start, end, label in one.spans()] for one in part.sentences()]


def shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("form", ["lines", "array", "array of one line", "pretty"])
def test_objects_of_every_tool(tmp_path: Path, name: str, form: str) -> None:
    value = OBJECTS[name]
    content = {
        "lines": f"{shown(value)}\n\n{shown(value)}", "array": json.dumps([value, value], indent=2),
        "array of one line": shown([value, value]), "pretty": json.dumps(value, indent=2) * 2,
    }[form]  # fmt: skip
    if form == "pretty" and isinstance(value, list):
        content = json.dumps([value, value], indent=1)
    part = part_of(tmp_path, content, "data.json" if form != "lines" else "data.jsonl")
    assert found(part) == [FOUND, FOUND] and part.scheme.name == "IOB2"
    assert [one.document for one in part.sentences()] == [0, 1]
    assert part.notes[0].endswith("4 spans of 2 types")


def test_objects_numbered_labels(tmp_path: Path) -> None:
    old = {"id": 1, "text": TEXT, "annotations": [{"id": 1, "label": 2, "start_offset": 0, "end_offset": 2, "user": 1}]}
    with pytest.raises(DataError, match=r"line 1 has label 2, and there are no names .* label_config.json"):
        part_of(tmp_path, shown(old))
    config = [{"id": 1, "text": "LOC", "prefix_key": None}, {"id": 2, "text": "ORG", "suffix_key": "p"}]
    (tmp_path / "label_config.json").write_text(shown(config), encoding="utf-8")
    assert found(part_of(tmp_path, shown(old))) == [[("EU", "ORG")]]
    assert found(part_of(tmp_path, shown(old), names=["A", "B", "C"])) == [[("EU", "C")]]


def test_objects_tokens_with_tags(tmp_path: Path) -> None:
    rows = [{"id": "0", "tokens": ["EU", "is"], "ner_tags": ["B-ORG", "O"]}, {"tokens": ["a"], "ner_tags": ["O"]}]
    part = part_of(tmp_path, "\n".join(map(shown, rows)))
    assert found(part) == [[("EU", "ORG")], []] and part.scheme.name == "IOB2"
    numbered = shown({"tokens": ["EU", "is"], "ner_tags": [1, 0], "pos_tags": [4, 5]})
    with pytest.raises(DataError, match="line 1 has label 1, and there are no names"):
        part_of(tmp_path, numbered)
    assert found(part_of(tmp_path, numbered, names=["O", "B-ORG"])) == [[("EU", "ORG")]]
    features = {"default": {"features": {"ner_tags": {"feature": {"names": ["O", "B-LOC"], "_type": "ClassLabel"}}}}}
    (tmp_path / "dataset_infos.json").write_text(shown(features), encoding="utf-8")
    assert found(part_of(tmp_path, numbered)) == [[("EU", "LOC")]]
    plain = part_of(tmp_path, shown({"tokens": ["EU", "is"], "upos": ["PROPN", "AUX"], "x": []}), tag_key="upos")
    assert next(plain.sentences()).tags == ("PROPN", "AUX") and not plain.scheme.name


def test_rows_of_parquet_and_arrow(tmp_path: Path) -> None:
    table = pa.table({
        "id": ["0", "1"], "tokens": [["EU", "is"], ["a"]], "ner_tags": [[1, 0], [0]], "upos": [[0, -1], [1]],
        "spans": pa.array([None, None], pa.list_(pa.struct([("start", pa.int64())]))),
    })  # fmt: skip
    path = tmp_path / "train-00000-of-00001.parquet"
    pq.write_table(table, path)
    with pytest.raises(DataError, match=r"parquet, row 1 has label 1, and there are no names"):
        read_tagged(path)
    assert found(read_tagged(path, names=["O", "B-ORG"]).train) == [[("EU", "ORG")], []]
    tags, upos = ({"names": names, "_type": "ClassLabel"} for names in (["O", "B-LOC"], ["PROPN", "DET"]))
    features = {"ner_tags": {"feature": tags, "_type": "Sequence"}, "upos": {"feature": upos, "_type": "List"}}
    named = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(named, path)
    dataset = read_tagged(tmp_path)  # in a folder its name says the part
    assert dataset.train is not None and found(dataset.train) == found(dataset.train) == [[("EU", "LOC")], []]
    assert [one.tags for one in read_tagged(path, tag_key="upos").train.sentences()] == [("PROPN", ""), ("DET",)]
    texts = pa.table({"text": [TEXT], "entities": [[{"start": 0, "end": 2, "label": "ORG"}]]})
    feather.write_feather(texts, tmp_path / "texts.feather")
    assert found(read_tagged(tmp_path / "texts.feather").train) == [[("EU", "ORG")]]


def test_objects_left_out_are_counted(tmp_path: Path) -> None:
    rows = [OBJECTS["Prodigy"], {**OBJECTS["Prodigy"], "answer": "reject"}, {"text": "x y", "answer": "ignore"},
            {"text": "none", "answer": "accept"}, {"text": " ", "spans": []}]  # fmt: skip
    part = part_of(tmp_path, "\n".join(map(shown, rows)))
    assert found(part) == [FOUND, []]
    assert [note.partition(": ")[2] for note in part.notes[1:]] == [
        "1 text without a word left out", "2 texts left out whose answer is not accept",
    ]  # fmt: skip
    tasks = [OBJECTS["Label Studio, several"], {**STUDIO, "annotations": []}]
    part = part_of(tmp_path, shown(tasks), "data.json")
    assert found(part) == [FOUND]
    assert "left out that nobody annotated" in part.notes[1] and "annotated several times" in part.notes[2]


def test_objects_several_labels_of_one_span(tmp_path: Path) -> None:
    value = {"start": 0, "end": 2, "labels": ["ORG", "LOC"]}
    part = part_of(tmp_path, shown({"text": TEXT, "label": [value]}))
    assert found(part) == [[("EU", "LOC")]] and "1 span over or under another left out" in part.notes[1]


def test_objects_of_given_tokens_are_kept(tmp_path: Path) -> None:
    part = part_of(tmp_path, shown({"text": TEXT, "tokens": TOKENS, "spans": [{"start": 0, "end": 2, "label": "ORG"}]}))
    assert next(part.sentences()).tokens == ("EU", "rejects", "German", "Ünion.")


def test_objects_without_labels_wanted(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(shown({"text": TEXT}) + "\n", encoding="utf-8")
    part = read_tagged(path, labels=False).train
    assert part is not None and not part.labelled
    assert [one.tags for one in part.sentences()] == [None]
    with pytest.raises(DataError, match="no spans or tags in any text; name their key with --tag-key"):
        read_tagged(path)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["text"], "item 1 is no object"),
        ({"text": TEXT, "label": ["pos"]}, "has 'pos' as a span, which is none"),
        ({"text": TEXT, "label": "pos"}, "no list of spans as 'label'"),
        ({"a": "x", "b": "y", "spans": []}, "has no string 'text'; name the key of the text with --text-key"),
        ({"text": TEXT, "spans": [[0, 2]]}, "write it as"),
        ({"text": TEXT, "spans": [[0, 2.5, "X"]]}, "start or end is '2.5'; give whole numbers"),
        ({"text": TEXT, "spans": [[0, "2", "X"]]}, "give whole numbers"),
        ({"text": TEXT, "spans": [{"end": 2, "label": "X"}]}, "start or end is 'None'"),
        ({"text": TEXT, "spans": [[0, 2, " "]]}, "has '' as a label"),
        ({"text": TEXT, "spans": [[0, 2, None]]}, "has 'None' as a label"),
        ({"text": TEXT, "spans": [[0, 99, "X"]]}, r"line 1 has a span 0 to 99 \('X'\).* of some beyond the text's 24"),
        ({"text": TEXT, "spans": [[-1, 2, "X"]]}, r"line 1 has a span -1 to 2"),
        ({"text": TEXT, "spans": [[2, 2, "X"]]}, r"line 1 has a span 2 to 2 \('X'\) of no character"),
        ({"text": TEXT, "tokens": [{"start": 3, "end": 2}], "spans": []}, "has a token from 3 to 2"),
        (
            {"text": TEXT, "tokens": TOKENS, "spans": [{"token_start": 3, "token_end": 4, "label": "X"}]},
            "tokens 3 to 4, of 4",
        ),
        ({"tokens": ["a", "b"], "ner_tags": ["O"]}, "has 2 tokens but 1 'ner_tags'"),
        ({"tokens": ["a", ""], "ner_tags": ["O", "O"]}, "has an empty token"),
        ({"tokens": [], "ner_tags": []}, "has no tokens"),
        (
            {"tokens": ["a", "b", "c"], "ner_tags": ["B-X", "E-X", "U-X"]},
            "line 1 has tags of two schemes, 'E-X' and 'U-X'",
        ),
    ],
)
def test_objects_faults_with_their_line(tmp_path: Path, value: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        part_of(tmp_path, shown(value))


def test_objects_that_are_no_json(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2 is not valid JSON"):
        part_of(tmp_path, shown(OBJECTS["spaCy"]) + "\n{")
    with pytest.raises(DataError, match="has no texts to read"):
        part_of(tmp_path, "")
    rows = [{"tokens": ["a"], "tags": ["O"]}, {"text": "a", "spans": []}]
    with pytest.raises(DataError, match="keep one kind a file"):
        part_of(tmp_path, "\n".join(map(shown, rows)))
    rows = [{"tokens": ["a"], "tags": ["O"]}, {"tokens": ["a"]}]
    with pytest.raises(DataError, match="has tags in 1 of 2 sentences"):
        part_of(tmp_path, "\n".join(map(shown, rows)))
