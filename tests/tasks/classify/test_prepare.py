"""Preparation: dev splits by group and by text, labels that can be learnt, and no test text in training."""

import json
import re
from collections import Counter

import numpy as np
import pytest

from gatewise.base.errors import DataError
from gatewise.base.settings import TokenizerConfig
from gatewise.data.part import Dataset, Part, from_lists
from gatewise.data.reading import read
from gatewise.data.splitting import text_key
from gatewise.data.vocabulary import train_tokenizer
from gatewise.runtime.tokenizer import UNKNOWN_ID
from gatewise.tasks.classify.prepare import NEW_WORD_COUNT, prepare, tokenizer_for
from gatewise.tasks.classify.settings import Settings


def words_of(prepared, sequences) -> list[tuple[int, ...]]:
    return [tuple(sequences.select(np.array([row])).steps.tolist()) for row in range(len(sequences))]


def test_preparation_splits_by_group(english, tiny_settings):
    texts, labels = english
    marked = [f"{row // 4} {text}" for row, text in enumerate(texts)]  # four reviews of each film
    groups = [row // 4 for row in range(len(texts))]
    prepared = prepare(Dataset("d", from_lists(marked, labels, groups)), tiny_settings)
    assert prepared.notes["dev_split"] == "by group"
    first = {words[0] for words in words_of(prepared, prepared.dev)}
    assert first == {1}, "a film in dev is unknown to the vocabulary, which was learnt from training texts alone"
    films = Counter(words[0] for words in words_of(prepared, prepared.train))
    assert set(films.values()) == {4}
    assert len(prepared.dev) + len(prepared.train) == 200 and 0.15 < len(prepared.dev) / 200 < 0.25


def test_preparation_keeps_copies_together(english, tiny_settings):
    """Copies differ in spaces and line breaks only; with them on both sides the dev score would flatter."""
    texts, labels = english
    copies = [text.replace(" ", "<br />  ", 1) for text in texts]
    prepared = prepare(Dataset("d", from_lists(texts + copies, labels * 2)), tiny_settings)
    assert len(prepared.train) + len(prepared.dev) == 400

    def plain(part):
        marks = {prepared.tokenizer.encode("<br />").ids[0]}
        return {tuple(word for word in words if word not in marks) for words in words_of(prepared, part)}

    assert not plain(prepared.train) & plain(prepared.dev)


def test_preparation_leaves_out_texts_of_the_test_part(english, tiny_settings):
    texts, labels = english
    held = [f" {text}<br /> " for text in texts[:20]]
    train = from_lists(texts, labels)
    prepared = prepare(Dataset("d", train, test=from_lists(held, labels[:20])), tiny_settings)
    distinct = {text_key(text) for text in texts[:20]}
    assert prepared.notes["left_out_equal_to_test"] == sum(text_key(text) in distinct for text in texts) >= 20
    known = set(words_of(prepared, prepared.train)) | set(words_of(prepared, prepared.dev))
    assert not known & {tuple(prepared.tokenizer.encode(text).ids.tolist()) for text in texts[:20]}


def test_preparation_learns_no_word_from_dev_or_test(tiny_settings, english):
    texts, labels = english
    parts = {
        "train": from_lists(texts, labels),
        "dev": from_lists(["devword good", "bad"], ["pos", "neg"]),
        "test": from_lists(["testword good"], ["pos"]),
    }
    vocabulary = prepare(Dataset("d", **parts), tiny_settings).tokenizer.to_json()
    assert '"good"' in vocabulary and "devword" not in vocabulary and "testword" not in vocabulary


def test_preparation_uses_the_given_dev_part_without_texts_of_the_test_part(english, tiny_settings):
    texts, labels = english
    dev = from_lists(["a superb cast", "an awful cast", "a warm story"], ["pos", "neg", "pos"])
    test = from_lists(["a  superb cast"], ["pos"])
    prepared = prepare(Dataset("d", from_lists(texts, labels), dev, test), tiny_settings)
    assert (len(prepared.train), len(prepared.dev), prepared.notes["dev_split"]) == (200, 2, "given")
    assert prepared.dev.targets.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("dev", "complaint"),
    [
        (from_lists(["a cast"], ["meh"], name="dev.csv"), r"^dev\.csv holds the label 'meh', .* are neg, pos\.$"),
        (from_lists(["a cast"], name="dev.csv"), r"^dev\.csv has no labels to choose by"),
        (from_lists(["so it is"], ["pos"], name="dev.csv"), r"^dev\.csv holds no text that the test part does not"),
    ],
)
def test_preparation_refuses_a_dev_part_it_cannot_use(english, tiny_settings, dev, complaint):
    test = from_lists(["so it is"], ["pos"])
    with pytest.raises(DataError, match=complaint):
        prepare(Dataset("d", from_lists(*english), dev, test), tiny_settings)


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        (["a"] * 6, "single label 'a'"),
        (["a"] * 5 + ["b"], "label 'b' has one example"),
        ([], "no rows to learn from"),
    ],
)
def test_preparation_refuses_classes_that_cannot_be_learnt(labels, complaint):
    part = from_lists([f"text {row}" for row in range(len(labels))], labels, name="mine.csv")
    with pytest.raises(DataError, match=rf"mine\.csv.*{complaint}|{complaint}.*mine\.csv"):
        prepare(Dataset("d", part), Settings())


def test_preparation_keeps_classes_seen_once_or_twice_out_of_the_dev_split_and_says_so():
    labels = ["a"] * 40 + ["b"] * 40 + ["c"] + ["d"] * 2
    part = from_lists([f"text {row}" for row in range(len(labels))], labels)
    prepared = prepare(Dataset("d", part), Settings())
    assert set(prepared.dev.targets.tolist()) == {0, 1} and set(prepared.train.targets.tolist()) == {0, 1, 2, 3}
    assert "2 of 4 classes, seen once or twice, are kept out of the dev split." in prepared.warnings
    given = prepare(Dataset("d", part, from_lists(["text of a", "of b"], ["a", "b"])), Settings())
    assert not any("kept out" in message for message in given.warnings)


def test_preparation_refuses_an_unlabelled_or_missing_training_part():
    for part in (None, from_lists(["a", "b"])):
        with pytest.raises(DataError, match="no labelled training part"):
            prepare(Dataset("d", part), Settings())


def test_preparation_counts_blank_training_texts(english, tiny_settings):
    texts, labels = english
    prepared = prepare(Dataset("d", from_lists([*texts, "", " \n"], [*labels, "pos", "neg"])), tiny_settings)
    assert prepared.notes["blank_training_texts"] == 2
    assert len(prepared.train) + len(prepared.dev) == 202


def test_preparation_counts_unlabelled_text_for_the_word_vectors_alone_and_never_a_test_text(english, tiny_settings):
    more = from_lists(["a plumgood plot", "<br /> seen  in the test", "a plain plot"])
    test = from_lists(["seen in the test", "b"], ["pos", "neg"])
    dataset = Dataset("d", from_lists(*english), test=test, unlabelled=more)
    prepared = prepare(dataset, tiny_settings)
    assert len(prepared.unlabelled) == prepared.notes["unlabelled_texts"] == 2
    assert "plumgood" not in prepared.tokenizer.to_json()
    assert prepare(dataset, tiny_settings.replace(word_vectors=False)).unlabelled is None


def test_preparation_spells_what_a_companion_reads_the_pieces_of(english, tiny_settings):
    more = from_lists(["a plumgood plot"])
    dataset = Dataset("d", from_lists(*english), dev=from_lists(["goood"], ["pos"]), unlabelled=more)
    plain = prepare(dataset, tiny_settings.replace(companion=False, companion_pieces=5))
    assert {part.spelling for part in (plain.train, plain.dev, plain.unlabelled)} == {None}
    spelt = prepare(dataset, tiny_settings.replace(companion_pieces=5))
    assert len(spelt.train.spelling.starts) == len(spelt.train) + 1
    assert "".join(map(chr, spelt.dev.spelling.letters)) == " goood "
    assert "".join(map(chr, spelt.unlabelled.spelling.letters)) == " a plumgood plot "


def test_preparation_leaves_out_unlabelled_copies_of_test_texts_and_refuses_a_test_part(english):
    texts, labels = english
    tests = [f"test {number} film" for number in range(10)]
    parts = {"train": from_lists(texts, labels), "test": from_lists(tests, ["pos", "neg"] * 5)}
    settings = Settings().replace(min_count=1, dev_share=0.2)
    few = Dataset("d", **parts, unlabelled=from_lists([*texts, tests[0] + "  ", tests[1]], name="more.txt"))
    prepared = prepare(few, settings)
    assert len(prepared.unlabelled) == len(texts) and prepared.notes["unlabelled_equal_to_test"] == 2
    most = Dataset("d", **parts, unlabelled=from_lists(tests[:6], name="more.txt"))
    with pytest.raises(DataError, match=r"more.txt holds 6 of the test part's 10 texts, .*; give other"):
        prepare(most, settings)


def test_preparation_adds_to_an_encoders_words_those_that_are_frequent(english, tiny_settings):
    known = train_tokenizer([english[0]], TokenizerConfig(min_count=1, max_tokens=8))
    often, rare = ["zonk"] * NEW_WORD_COUNT, ["quux"] * (NEW_WORD_COUNT - 1)
    both = tokenizer_for(iter([[*often, *rare, "good"]]), tiny_settings.tokenizer, known)
    ids = both.encode_batch(["zonk", "quux", "good film"])
    assert [row.tolist() for row in ids[:2]] == [[known.vocab_size], [1]] and both.vocab_size == known.vocab_size + 1
    assert ids[2].tolist() == known.encode_batch(["good film"])[0].tolist()
    assert both.max_tokens == tiny_settings.tokenizer.max_tokens == 32
    none = tokenizer_for(iter([rare]), tiny_settings.tokenizer, known)
    assert none.to_json() == known.to_json() and none.max_tokens == 32


@pytest.mark.parametrize("own_dev", [False, True])
def test_preparation_vocabulary_never_sees_held_out_words(tiny_settings, english, own_dev):
    texts, labels = english
    texts = [f"{text} train{number:03}" for number, text in enumerate(texts)]
    texts = [re.sub(r"(\d)", lambda digit: "abcdefghij"[int(digit[0])], text) for text in texts]  # letters: one word
    test = from_lists(["good testword film", "bad testword"], ["pos", "neg"])
    dev = from_lists(["good devword film", "bad devword"], ["pos", "neg"]) if own_dev else None
    prepared = prepare(Dataset("x", from_lists(texts, labels), dev, test, None), tiny_settings)
    vocabulary = json.loads(prepared.tokenizer.to_json())["model"]["vocab"]
    known = {word for word in vocabulary if word.startswith("train")}
    assert not {"testword", "devword"} & set(vocabulary)
    assert len(known) == len(prepared.train) == (200 if own_dev else 160)
    unknown_in = [int((part.steps == UNKNOWN_ID).sum()) for part in (prepared.train, prepared.dev)]
    assert unknown_in == [0, len(prepared.dev)]  # each dev text has the one word that no training text has


def test_preparation_notes_say_what_was_read_and_left_out(english, tiny_settings):
    alone = prepare(Dataset("d", from_lists(*english)), tiny_settings)
    assert alone.notes == {
        "data": "d", "training_texts": 160, "dev_texts": 40, "dev_split": "by text", "left_out_equal_to_test": 0,
        "blank_training_texts": 0, "rows_without_label": 0, "unlabelled_texts": 0, "unlabelled_equal_to_test": 0,
        "class_counts": "neg 100, pos 100",
    }  # fmt: skip
    assert alone.unlabelled is None


def test_preparation_takes_a_label_with_two_examples():
    part = from_lists([f"text {row}" for row in range(30)], ["a"] * 28 + ["b"] * 2)
    prepared = prepare(Dataset("d", part), Settings().replace(min_count=1))
    assert prepared.notes["class_counts"] == "a 28, b 2" and prepared.train.targets.sum() >= 1


def test_preparation_reads_no_more_unlabelled_text_than_is_counted(english, tiny_settings, monkeypatch):
    monkeypatch.setattr("gatewise.tasks.classify.prepare.COUNTED_TOKENS", 3000)
    more = from_lists(["a film"] * 5000)
    prepared = prepare(Dataset("d", from_lists(*english), unlabelled=more), tiny_settings)
    assert len(prepared.unlabelled) == 2048  # whole batches of 1,024 texts


def test_preparation_counts_classes_rarest_last_and_warns_of_few_examples_and_of_case():
    labels = ["Pos"] * 3 + ["pos"] * 40 + ["neg, or so"] * 20 + ["odd"] * 9
    part = from_lists([f"text {row}" for row in range(72)], labels)
    prepared = prepare(Dataset("d", part), Settings().replace(min_count=1))
    assert list(prepared.told()["classes"].items()) == [("pos", 40), ("neg, or so", 20), ("odd", 9), ("Pos", 3)]
    rare, case = prepared.warnings
    assert rare == (
        "2 of 4 classes have under 10 examples (Pos 3, odd 9); label more of them, or join them with others."
    )
    assert case.startswith("Classes differ only in upper and lower case (Pos 3 and pos 40) and are learnt as different")


@pytest.mark.parametrize(
    ("other", "shown"),
    [
        ("caf\u00e9", r"'cafe\u0301' 20 and 'caf\xe9' 20"),
        ("cafe\u200b\u0301", r"'cafe\u0301' 20 and 'cafe\u200b\u0301' 20"),
    ],
)
def test_preparation_warns_of_classes_that_look_alike(other, shown):
    labels = ["cafe\u0301", other] * 20
    prepared = prepare(Dataset("d", from_lists([f"text {row}" for row in range(40)], labels)), Settings())
    assert len(prepared.warnings) == 1 and f"differ only in what is hardly seen ({shown})" in prepared.warnings[0]


def test_preparation_warns_of_nothing_where_classes_have_ten_examples(english, tiny_settings):
    assert prepare(Dataset("d", from_lists(*english)), tiny_settings).warnings == ()


def test_preparation_warns_of_the_rarest_of_many_classes():
    labels = [f"class {row // 2}" for row in range(40)] + ["plenty"] * 10
    prepared = prepare(Dataset("d", from_lists([f"text {row}" for row in range(50)], labels)), Settings())
    assert prepared.warnings[0].startswith("20 of 21 classes have under 10 examples (class 19 2, ")
    assert prepared.warnings[0].count("class ") == 5 and " and 15 more)" in prepared.warnings[0]


def test_prepare_copies_of_one_text_are_named_as_such():
    part = from_lists(["the same text"] * 8, ["a", "b"] * 4)
    with pytest.raises(DataError, match="8 training texts are copies of 1 different ones"):
        prepare(Dataset("copies", part), Settings())


def test_prepare_counts_rows_that_were_left_out_without_a_label(tmp_path):
    rows = [(f"text number {row}", "" if row == 3 else "ab"[row % 2]) for row in range(20)]
    data = tmp_path / "data.csv"
    data.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    assert prepare(read(data, skip_unlabelled=True), Settings()).notes["rows_without_label"] == 1


@pytest.mark.parametrize("reading", [1, 2])
@pytest.mark.parametrize("more", [-1, 1])
def test_prepare_a_file_that_changes_between_two_readings_is_one_sentence(reading, more):
    rows = [(f"text {row}", "ab"[row % 2], None) for row in range(40)]
    readings = [rows] * reading + [rows[:more] if more < 0 else [*rows, rows[0]]] * 3
    part = Part("growing", lambda: readings.pop(0), labelled=True, grouped=False)
    with pytest.raises(DataError, match=f"growing has changed while it was read: 40 rows, then {40 + more}"):
        prepare(Dataset("d", part), Settings())


LONG = "label " * 100


@pytest.mark.parametrize(
    ("labels", "test", "dev"),
    [(["a"] * 4 + [LONG], [], []), ([LONG] * 4, [], []), ([f"{LONG}{row % 20}" for row in range(40)], [LONG], []),
     ([f"{LONG}{row % 20}" for row in range(40)], [], [LONG])],
)  # fmt: skip
def test_prepare_quotes_little_of_long_labels(labels, test, dev):
    parts = [from_lists([f"{name} {row}" for row in range(len(of))], of, name=name) if of else None
             for name, of in (("train", labels), ("dev", dev), ("test", test))]  # fmt: skip
    with pytest.raises(DataError) as fault:
        prepare(Dataset("d", *parts), Settings().replace(min_count=1))
    assert "label" in str(fault.value) and len(str(fault.value)) < 400
