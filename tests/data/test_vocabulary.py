"""What is a word, which words are learnt, and that the same texts give the same tokenizer."""

import pytest
from tests.runtime.test_tokenizer import KINDS, trained, vocabulary

from gatewise.base.errors import DataError
from gatewise.base.settings import TokenizerConfig
from gatewise.data.vocabulary import train_tokenizer
from gatewise.runtime.tokenizer import UNKNOWN_ID


@pytest.mark.parametrize("kind", KINDS)
def test_vocabulary_training_is_reproducible(kind, english, chinese):
    texts = english[0] + chinese[0]
    config = TokenizerConfig(kind=kind, min_count=1, vocab_size=400)
    whole = train_tokenizer([texts], config).to_json()
    assert train_tokenizer([texts], config).to_json() == whole
    assert train_tokenizer([[text] for text in texts], config).to_json() == whole  # however the stream is cut


def test_vocabulary_words_are_what_a_reader_expects():
    def words(text):
        return trained(["any words"]).encode(text).tokens

    assert words("It's GOOD, don’t miss!!! 3/10...") == ["It's", "GOOD", ",", "don’t", "miss", "!!!", "3/10", "..."]
    assert words("a<br /><br />b<BR>\n<br/>c<i>") == ["a", "<br /><br />", "b", "<BR>\n<br/>", "c", "<", "i", ">"]
    assert words("很好看的film电影") == ["很", "好", "看", "的", "film", "电", "影"]
    assert words("カタカナです") == list("カタカナです")
    assert words("film电影a好b") == ["film", "电", "影", "a", "好", "b"]
    assert words("cafe\u0301 naïve") == ["cafe\u0301", "naïve"]


def test_vocabulary_html_line_breaks_are_one_token():
    text = "good<br /><br />film"
    (ids,) = trained([text]).encode_batch([text])
    assert len(set(ids.tolist())) == 3 and UNKNOWN_ID not in ids


def test_vocabulary_chinese_characters_stand_alone(chinese):
    tokenizer = trained(chinese[0])
    ids = tokenizer.encode_batch(["电影很好", "好很影电"])
    assert ids[0].tolist() == ids[1].tolist()[::-1]
    assert UNKNOWN_ID not in ids[0]


@pytest.mark.parametrize("kind", KINDS)
def test_vocabulary_lowercase_is_a_choice(kind):
    texts = ["Good good GOOD film Film"] * 3
    lower, exact = trained(texts, kind=kind), trained(texts, kind=kind, lowercase=False)
    assert lower.encode_batch(["GOOD"])[0].tolist() == lower.encode_batch(["good"])[0].tolist()
    assert exact.encode_batch(["GOOD"])[0].tolist() != exact.encode_batch(["good"])[0].tolist()


def test_vocabulary_min_count_and_vocab_size():
    texts = ["good " * 5 + "film " * 4 + "dull " * 3 + "rare"]
    assert vocabulary(trained(texts, min_count=3)) == {"[PAD]": 0, "[UNK]": 1, "good": 2, "film": 3, "dull": 4}
    assert set(vocabulary(trained(texts, min_count=4))) == {"[PAD]", "[UNK]", "good", "film"}
    assert "rare" in vocabulary(trained(texts, min_count=1))
    many = [" ".join(chr(0x4E00 + number) * (1 + number % 3) for number in range(500))]
    assert trained(many, vocab_size=300).vocab_size == 300
    assert trained(many, vocab_size=300, kind="bpe").vocab_size == 300


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("texts", [[], [""], [" \n", "\t"]])
def test_vocabulary_without_any_text_is_refused(kind, texts):
    with pytest.raises(DataError, match="hold no word that is seen 1 times"):
        trained(texts, kind=kind)


def test_vocabulary_without_a_frequent_word_is_refused():
    with pytest.raises(DataError, match="lower min_count"):
        trained(["every word once"], min_count=2)
