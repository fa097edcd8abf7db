"""Preparation: dev splits by group and by text, labels that can be learnt, and no test text in training."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.errors import DataError
from gatewise.base.settings import TrainingConfig
from gatewise.data.reading import Dataset, from_lists
from gatewise.tasks.classify.prepare import NEW_WORD_COUNT, prepare, prepare_corpus, split, text_key, tokenizer_for
from gatewise.tasks.classify.settings import Settings
from gatewise.tasks.pretrain.settings import PretrainingSettings


def words_of(prepared, sequences) -> list[tuple[int, ...]]:
    return [tuple(sequences.select(np.array([row])).steps.tolist()) for row in range(len(sequences))]


@given(st.data())
def test_preparation_split_keeps_groups_whole_and_every_class_in_training(data):
    n = data.draw(st.integers(8, 60))
    groups = data.draw(st.lists(st.sampled_from("abcdefghijkl"), min_size=n, max_size=n))
    targets = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    kept = np.array(data.draw(st.lists(st.sampled_from([True, True, True, False]), min_size=n, max_size=n)))
    config = TrainingConfig(dev_share=0.2, seed=data.draw(st.integers(0, 5)))
    if len(set(targets[kept])) < 2:
        return
    try:
        flags = split(targets, groups, kept, config)
    except DataError:
        return
    in_dev = {group for group, flag in zip(groups, flags, strict=True) if flag}
    assert not in_dev & {group for group, flag in zip(groups, flags, strict=True) if not flag}
    assert set(targets[kept & ~flags]) == set(targets[kept])
    assert len(set(targets[kept & flags])) >= 2
    assert (split(targets, groups, kept, config) == flags).all()


@given(st.integers(30, 200), st.integers(2, 4), st.floats(0.05, 0.4))
def test_preparation_split_of_single_rows_is_stratified_and_of_the_size_asked_for(n, classes, share):
    targets = np.arange(n) % classes
    flags = split(targets, [str(row) for row in range(n)], np.ones(n, bool), TrainingConfig(dev_share=share))
    assert flags.sum() == max(classes, round(share * n))
    counts = np.bincount(targets[flags], minlength=classes)
    assert counts.max() - counts.min() <= 1 and counts.min() >= 1


def test_preparation_split_takes_many_small_classes_although_one_text_stands_twice():
    """A single copy makes groups of the rows; drawing all of 60 classes by chance would then never succeed."""
    targets = np.arange(600) % 60
    groups = [str(row) for row in range(600)]
    groups[60] = groups[0]
    flags = split(targets, groups, np.ones(600, bool), TrainingConfig())
    assert len(set(targets[~flags])) == 60
    assert len(set(targets[flags])) > 30
    assert flags[0] == flags[60]


def test_preparation_split_says_when_it_cannot_be():
    with pytest.raises(DataError, match=r"dev file of your own\.$"):
        split(np.array([0, 0, 1, 1]), ["film a", "film a", "film b", "film b"], np.ones(4, bool), TrainingConfig())


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


# ---------------------------------------------------------------- text without labels

LANGUAGE = PretrainingSettings().replace(min_count=1, max_tokens=8, dev_share=0.2)


OWN = ["word" + "".join("abcdefghij"[int(digit)] for digit in str(row)) for row in range(200)]  # letters: one word each


def with_own_words(english) -> list[str]:
    return [f"{word} {text}" for word, text in zip(OWN, english[0], strict=True)]


def test_preparation_of_a_corpus_reads_every_part_but_the_test_part(english):
    texts = with_own_words(english)
    test = [texts[0].replace(" ", "<br />  ", 1), "unseen"]  # a copy but for spaces and a line break
    parts = {
        "train": from_lists(texts[:80], english[1][:80]),
        "dev": from_lists(texts[60:90], english[1][60:90]),
        "unlabelled": from_lists([*texts[90:], texts[0], texts[5], " ", " \n"]),
        "test": from_lists(test, ["pos", "neg"]),
    }
    corpus = prepare_corpus(Dataset("d", **parts), LANGUAGE)
    notes = corpus.notes
    assert (notes["left_out_equal_to_test"], notes["left_out_copies"]) == (2, 21)
    assert notes["training_texts"] + notes["dev_texts"] == len(texts) - 1
    assert 0.1 < notes["dev_texts"] / len(texts) < 0.3 and notes["training_tokens"] == len(corpus.train.steps)
    assert corpus.tokenizer.encode_batch([f"{OWN[0]} unseen"])[0].tolist() == [1, 1]  # of the test part, so never read
    assert corpus.tokenizer.max_tokens == 8
    assert corpus.train.lengths.max() <= 8 and corpus.dev.lengths.max() <= 8  # windows
    total = sum(len(ids) for ids in corpus.tokenizer.limited(99).encode_batch(texts[1:]))
    assert len(corpus.train.steps) + len(corpus.dev.steps) == total  # nothing of a long text is left out


def test_preparation_of_a_corpus_learns_no_word_from_its_dev_texts(english):
    corpus = prepare_corpus(Dataset("d", unlabelled=from_lists(with_own_words(english))), LANGUAGE)
    known = sum(ids.tolist() != [1] for ids in corpus.tokenizer.encode_batch(OWN))
    assert known == corpus.notes["training_texts"]  # each text has a word of its own
    assert (corpus.train.steps != 1).all() and (corpus.dev.steps == 1).sum() == corpus.notes["dev_texts"]
    again = prepare_corpus(Dataset("d", unlabelled=from_lists(with_own_words(english))), LANGUAGE)
    assert again.fingerprint() == corpus.fingerprint()
    other = prepare_corpus(Dataset("d", unlabelled=from_lists(with_own_words(english))), LANGUAGE.replace(seed=2))
    assert other.fingerprint() != corpus.fingerprint()


def test_preparation_of_a_corpus_holds_groups_out_whole(english):
    texts = [f"group{'abcdefghij'[row // 20]} {text} {OWN[row]}" for row, text in enumerate(english[0])]
    part = from_lists(texts, None, [row // 20 for row in range(200)])
    corpus = prepare_corpus(Dataset("d", unlabelled=part), LANGUAGE.replace(dev_share=0.3, max_tokens=50))
    names = [corpus.tokenizer.encode_batch([f"group{letter}"])[0].tolist() for letter in "abcdefghij"]
    known = [name for name in names if name != [1]]  # a group in dev gave no word to the vocabulary
    counts = Counter(words[0] for words in words_of(corpus, corpus.train))
    assert counts == {name[0]: 20 for name in known} and corpus.notes["dev_texts"] == 20 * (10 - len(known)) > 0


@pytest.mark.parametrize("texts", [[], [""], [" "] * 9, ["one text"], ["the same", "the  same<br />"] * 50])
def test_preparation_of_a_corpus_refuses_too_little_text(texts):
    with pytest.raises(
        DataError, match=r"^mail holds [01] different texts .*; give more text, or a larger --dev-share"
    ):
        prepare_corpus(Dataset("mail", unlabelled=from_lists(texts)), LANGUAGE)


def test_preparation_adds_to_an_encoders_words_those_that_are_frequent(english, tiny_settings):
    known = prepare_corpus(Dataset("d", unlabelled=from_lists(english[0])), LANGUAGE).tokenizer
    often, rare = ["zonk"] * NEW_WORD_COUNT, ["quux"] * (NEW_WORD_COUNT - 1)
    both = tokenizer_for(iter([[*often, *rare, "good"]]), tiny_settings.tokenizer, known)
    ids = both.encode_batch(["zonk", "quux", "good film"])
    assert [row.tolist() for row in ids[:2]] == [[known.vocab_size], [1]] and both.vocab_size == known.vocab_size + 1
    assert ids[2].tolist() == known.encode_batch(["good film"])[0].tolist()
    assert both.max_tokens == tiny_settings.tokenizer.max_tokens == 32
    none = tokenizer_for(iter([rare]), tiny_settings.tokenizer, known)
    assert none.to_json() == known.to_json() and none.max_tokens == 32
