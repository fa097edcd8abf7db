"""Letters are the text's own, in any script, and each knows its token."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.runtime.test_tokenizer import KINDS, STRANGE, trained

from gatewise.runtime.spelling import BLANK, in_small_letters, spelling_of, written

EXAMPLES = [*STRANGE.values(), "", "  ", "good!good", "ΣΑΣ İA", "a b" * 40]


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request, english):
    return trained([*english[0], *EXAMPLES], kind=request.param, max_tokens=100_000)


def text_of(letters) -> str:
    return "".join(map(chr, letters.tolist()))


@pytest.mark.parametrize("text", EXAMPLES)
def test_spelling_is_the_text_in_small_letters_with_single_blanks(tokenizer, text):
    encoding = tokenizer.encode(text)
    letters, owners = tokenizer.letters(text, encoding.offsets)
    small = "".join(char if len(char.lower()) > 1 else char.lower() for char in text).replace("İ", "i")
    plain = "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in small)
    codes = [ord(char) ^ ord(char) >> 16 for char in f" {' '.join(plain.split())} "]
    assert [code & 0xFFFF for code in codes if code != BLANK] == [code for code in letters.tolist() if code != BLANK]
    assert letters[0] == letters[-1] == BLANK and letters.dtype == np.uint16
    assert len(owners) == len(letters) and (np.diff(owners) >= 0).all() and owners[-1] == len(encoding.ids) - 1


def test_spelling_has_a_blank_where_the_text_has_one_and_a_run_of_tokens_is_a_word(tokenizer):
    text = "A  good,film\n(3/10)!"
    letters, owners = tokenizer.letters(text, tokenizer.encode(text).offsets)
    assert text_of(letters) == " a good,film (3/10)! "
    for token, (start, end) in enumerate(tokenizer.encode(text).offsets):
        assert text_of(letters[owners == token]).strip() == text[start:end].lower()


def test_spelling_of_a_batch_is_that_of_each_text_and_its_ids_are_the_usual_ones(tokenizer):
    ids, letters = tokenizer.spell_batch(EXAMPLES)
    for text, own, spelt in zip(EXAMPLES, ids, letters, strict=True):
        alone, [same] = tokenizer.spell_batch([text])
        assert own.tolist() == alone[0].tolist() == tokenizer.encode_batch([text])[0].tolist()
        assert spelt.tolist() == same.tolist() == tokenizer.letters(text, tokenizer.encode(text).offsets)[0].tolist()
    assert tokenizer.spell_batch([]) == ([], [])


def test_spelling_leaves_out_the_middle_as_ids_do(tokenizer):
    text = "one two three four five six seven eight nine ten"
    limited = tokenizer.limited(8)
    encoding = limited.encode(text)
    letters = limited.spell_batch([text])[1][0]
    assert text_of(letters).split()[-1] == "ten"
    same = limited.spell_batch([text, "x"])[1][0]
    assert same.tolist() == letters.tolist() == limited.letters(text, encoding.offsets)[0].tolist()
    assert len(text_of(letters)) < len(text)


def test_spelling_keeps_capitals_where_the_tokenizer_does(english):
    tokenizer = trained(english[0], lowercase=False)
    assert text_of(tokenizer.letters("A Film", [(0, 1), (2, 6)])[0]) == " A Film "


def test_spelling_of_one_letter_does_not_depend_on_its_neighbours():
    assert in_small_letters("ΣΑΣ") == "σασ" and in_small_letters("İİ") == "ii"


@given(st.text(max_size=30))
def test_spelling_in_small_letters_keeps_every_place(text):
    assert len(in_small_letters(text)) == len(text)


def test_spelling_keeps_emoji_apart_in_two_bytes():
    letters, _ = written("\N{GRINNING FACE}\N{CRYING FACE}a", [(0, 1), (1, 2), (2, 3)])
    assert letters.tolist() == [BLANK, 0xF600 ^ 1, 0xF622 ^ 1, ord("a"), BLANK]


def test_spelling_selects_and_joins_as_texts_do():
    texts = [written(text, [(0, len(text))])[0] for text in ("a", "bcd", "ef")]
    chosen = spelling_of(texts).select(np.array([2, 0, 2]))
    assert text_of(chosen.letters) == " ef  a  ef " and chosen.starts.tolist() == [0, 4, 7, 11]
    assert spelling_of([]).starts.tolist() == [0]
