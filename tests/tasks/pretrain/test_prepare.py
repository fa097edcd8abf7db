"""Text without labels: everything but the test part is read, copies once, whole texts or groups are held out."""

from collections import Counter

import pytest
from tests.tasks.classify.test_prepare import words_of

from gatewise.base.errors import DataError
from gatewise.data.part import Dataset, from_lists
from gatewise.tasks.pretrain.prepare import prepare_corpus
from gatewise.tasks.pretrain.settings import PretrainingSettings

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
    assert (corpus.train.steps != 1).all()
    assert (corpus.dev.steps == 1).sum() == notes["dev_texts"]  # each has a word of its own that no training text has
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
