"""Text of any kind becomes ids that never run out, with offsets that point back into it; damaged files are refused."""

import json
import time

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Regex

from gatewise.base.errors import ModelError
from gatewise.base.settings import TokenizerConfig
from gatewise.data.vocabulary import train_tokenizer
from gatewise.runtime.tokenizer import PAD_ID, UNKNOWN_ID, WORD, TextTokenizer, from_json

KINDS = ["word", "bpe"]
STRANGE = {
    "emoji": "good 👍🏽 film 👨‍👩‍👧 🇫🇷!",
    "right to left": "סרט טוב מאוד film فيلم جيّد",
    "combining": "cafe\u0301 na\u0131\u0308ve İstanbul ﬁlm",
    "html": "good<br /><br />film<BR><br/>end <b>x</b>",
    "surrogates": "a\ud800b \udfff\ud83d film",
    "control": "good\x00film\x07\x1b[2J\x7f\ufeff",
    "chinese": "很好看的电影,good 3分",
    "japanese": "とても良い映画カタカナ",
    "numbers": "3/10 1,000.5 don't it’s",
    "spaces": "\u3000good\u00a0film\t\u2028x\r\n",
}


def trained(texts, **values) -> TextTokenizer:
    return train_tokenizer([texts], TokenizerConfig(**({"min_count": 1} | values)))


def vocabulary(tokenizer: TextTokenizer) -> dict[str, int]:
    return json.loads(tokenizer.to_json())["model"]["vocab"]


@pytest.fixture(scope="module")
def both(english, chinese) -> dict[str, TextTokenizer]:
    texts = [*english[0], *chinese[0], *STRANGE.values()]
    return {kind: trained(texts, kind=kind, max_tokens=100_000) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_tokenizer_offsets_point_back_into_the_text(both, kind, text):
    encoding = both[kind].encode(text)
    assert len(encoding.ids) == len(encoding.tokens) == len(encoding.offsets) > 0
    assert encoding.tokens == [text[start:end] for start, end in encoding.offsets]
    starts, ends = zip(*encoding.offsets, strict=True)
    assert list(starts) == sorted(starts) and list(ends) == sorted(ends)
    covered = {place for start, end in encoding.offsets for place in range(start, end)}
    assert all(text[place].isspace() for place in set(range(len(text))) - covered)  # nothing but spaces is lost
    assert encoding.ids.tolist() == both[kind].encode_batch([text])[0].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_tokenizer_takes_any_text(both, kind):
    tokenizer = both[kind]

    @given(st.text(st.characters(exclude_categories=())))  # surrogates too
    @example("")
    @example("\ud800")
    def check(text):
        (ids,) = tokenizer.encode_batch([text])
        assert len(ids) > 0 and ids.dtype == np.int32
        assert ids.min() >= UNKNOWN_ID and ids.max() < tokenizer.vocab_size  # never the padding's id
        encoding = tokenizer.encode(text)
        assert encoding.ids.tolist() == ids.tolist()
        for token, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True):
            assert 0 <= start <= end <= len(text) and token == text[start:end]

    check()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["", " \t\n", "\u3000", "\u00a0"])
def test_tokenizer_blank_text_is_one_unknown_token(both, kind, text):
    assert both[kind].encode_batch([text, "good"])[0].tolist() == [UNKNOWN_ID]
    encoding = both[kind].encode(text)
    assert (encoding.ids.tolist(), encoding.tokens, encoding.offsets) == ([UNKNOWN_ID], [""], [(0, 0)])


@pytest.mark.parametrize("kind", KINDS)
def test_tokenizer_special_tokens_cannot_be_typed(both, kind):
    for text in ("a [PAD] film [UNK]", "[PAD]", "[pad][PAD]"):
        ids = both[kind].encode_batch([text])[0]
        assert PAD_ID not in ids
        assert len(ids) == len(both[kind].encode(text).ids) == len(both[kind].encode(text.lower()).ids)
    again = from_json(both[kind].to_json(), 100)
    assert PAD_ID not in again.encode_batch(["a [PAD] film"])[0]


@pytest.mark.parametrize("max_tokens", [8, 9, 10, 11])
@pytest.mark.parametrize("length", [1, 7, 8, 9, 10, 11, 12, 50])
def test_tokenizer_cut_keeps_the_first_quarter_and_the_end(max_tokens, length):
    tokenizer = trained(["any words"], max_tokens=max_tokens)
    text = "好" * length  # one token a character
    places = [start for start, _ in tokenizer.encode(text).offsets]
    head = max_tokens // 4
    expected = list(range(length))
    if length > max_tokens:
        expected = expected[:head] + expected[-(max_tokens - head) :]
    assert places == expected
    assert len(tokenizer.encode_batch([text])[0]) == min(length, max_tokens)


@pytest.mark.parametrize("kind", KINDS)
def test_tokenizer_json_round_trip(both, kind):
    tokenizer = both[kind]
    again = from_json(tokenizer.to_json(), tokenizer.max_tokens)
    assert again.to_json() == tokenizer.to_json()
    assert (again.vocab_size, again.max_tokens) == (tokenizer.vocab_size, tokenizer.max_tokens)
    for text in [*STRANGE.values(), "[PAD] x", ""]:
        assert again.encode_batch([text])[0].tolist() == tokenizer.encode_batch([text])[0].tolist()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("piece", ["a", "good film ", "<br />"], ids=["one word", "words", "breaks"])
def test_tokenizer_takes_five_million_characters(both, kind, piece):
    tokenizer = from_json(both[kind].to_json(), 512)
    text = piece * (5_000_000 // len(piece))
    started = time.perf_counter()
    (ids,) = tokenizer.encode_batch([text])
    assert 1 <= len(ids) <= 512
    assert time.perf_counter() - started < 30  # linear: about a second; anything quadratic takes hours


def damages(content: str) -> dict[str, str]:
    """Give a tokenizer.json's text in many wrong forms."""
    whole = json.loads(content)

    def changed(*path, value):
        copy = json.loads(content)
        place = copy
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        return json.dumps(copy)

    words = [word for word in whole["model"]["vocab"] if not word.startswith("[")]
    vocab = whole["model"]["vocab"]
    return {
        "empty": "",
        "no json": "{",
        "truncated": content[: len(content) // 2],
        "a list": "[]",
        "other json": '{"a": 1}',
        "deep": "[" * 100_000,
        "no model": json.dumps({key: value for key, value in whole.items() if key != "model"}),
        "model null": changed("model", value=None),
        "unknown normalizer": changed("normalizer", value={"type": "Custom"}),
        "bad regex": content.replace("(?:", "(((?:"),
        "vocab null": changed("model", "vocab", value=None),
        "vocab negative": changed("model", "vocab", words[0], value=-1),
        "vocab huge id": changed("model", "vocab", words[0], value=2**40),
        "a gap in the ids": changed("model", "vocab", words[0], value=999_999),
        "an id twice": changed("model", "vocab", words[0], value=vocab[words[1]]),
        "an id of the padding": changed("model", "vocab", words[0], value=0),
        "special tokens swapped": changed("model", "vocab", value=vocab | {"[PAD]": 1, "[UNK]": 0}),
        "no such unknown token": changed("model", "unk_token", value="[NONE]"),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_tokenizer_damaged_json_is_refused(both, kind):
    accepted = []
    for name, content in damages(both[kind].to_json()).items():
        try:
            tokenizer = from_json(content, 100)
        except ModelError as error:
            message = str(error)
            assert message.startswith("tokenizer.json ") and message.endswith("."), name
            assert "\n" not in message and len(message) < 300, name
        else:
            tokenizer.encode_batch(["good zzz unheard 好 \x00 👍"])  # what is taken must work
            accepted.append(name)
    assert accepted == []


SPLIT = {"type": "Split", "pattern": {"Regex": "[a-z]+"}, "behavior": "Removed", "invert": True}
FOREIGN = {  # harmless ones: what stands for a rule that fails, or works without end, on some text
    "another pattern": ("pre_tokenizer", SPLIT),
    "a plain pattern": ("pre_tokenizer", SPLIT | {"pattern": {"String": " "}}),
    "no cutting": ("pre_tokenizer", None),
    "another cutting": ("pre_tokenizer", {"type": "Whitespace"}),
    "another normalizer": ("normalizer", {"type": "NFC"}),
    "several normalizers": ("normalizer", {"type": "Sequence", "normalizers": [{"type": "Lowercase"}]}),
    "a normalizer with more": ("normalizer", {"type": "Lowercase", "more": 1}),
    "a post-processor": ("post_processor", {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True}),
    "another decoder": ("decoder", {"type": "Fuse"}),
    "another version": ("version", "2.0"),
    "no added tokens": ("added_tokens", []),
    "a rule unheard of": ("more", {}),
    "noise": ("model", {"dropout": 0.5}),
    "another unknown token": ("model", {"unk_token": "the"}),
    "pieces of bytes": ("model", {"byte_fallback": True}),
    "another model": ("model", {"type": "WordPiece"}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "value"), FOREIGN.values(), ids=FOREIGN)
def test_tokenizer_of_foreign_rules_is_refused_unbuilt(both, kind, name, value, monkeypatch):
    content = json.loads(both[kind].to_json())
    content[name] = content[name] | value if name == "model" else value
    made = []
    monkeypatch.setattr("gatewise.runtime.tokenizer.Regex", lambda pattern: made.append(pattern) or Regex(pattern))
    with pytest.raises(ModelError, match=f"^tokenizer.json has a ({name}|decoder) that is not gatewise's own"):
        from_json(json.dumps(content), 100)
    assert set(made) <= {WORD}


def test_tokenizer_of_an_earlier_library_may_lack_a_field(both):
    content = json.loads(both["bpe"].to_json())
    del content["model"]["ignore_merges"], content["pre_tokenizer"]["pretokenizers"][1]["use_regex"]
    assert from_json(json.dumps(content), 100).to_json() == both["bpe"].to_json()


@pytest.mark.parametrize("ids", [{"the": True}, {"the": 2.0}, {"the": "2"}, {"the": None}])
def test_tokenizer_whose_ids_are_no_whole_numbers_is_refused(ids):
    content = json.loads(trained(["the"]).to_json())
    content["model"]["vocab"] |= ids
    with pytest.raises(ModelError, match="gives ids twice or leaves some out"):
        from_json(json.dumps(content), 100)


@pytest.mark.parametrize("merge", [["t", "x"], ["[UNK]", "the"], ["the", "no such subword"]])
def test_tokenizer_whose_merges_are_not_of_its_subwords_is_refused_in_silence(merge, capfd):
    content = json.loads(trained(["the"], kind="bpe").to_json())
    content["model"]["merges"].append(merge)
    with pytest.raises(ModelError, match="merges what is no subword of its own; copy the model folder again"):
        from_json(json.dumps(content), 100)
    assert capfd.readouterr().err == ""


def test_tokenizer_from_elsewhere_neither_pads_nor_truncates(both):
    content = json.loads(both["word"].to_json())
    content["padding"] = {
        "strategy": {"Fixed": 1_000_000}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
        "pad_type_id": 0, "pad_token": "[PAD]",
    }  # fmt: skip
    content["truncation"] = {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0}
    tokenizer = from_json(json.dumps(content), 100)
    assert tokenizer.encode_batch(["a good film"])[0].tolist() == both["word"].encode_batch(["a good film"])[0].tolist()


def test_tokenizer_extended_keeps_its_ids_and_adds_the_words_it_lacks():
    old, other = trained(["good bad film"]), trained(["good dull dull zonk"])
    both = old.extended(other)
    for tokenizer in (both, from_json(both.to_json(), 32)):
        words = vocabulary(tokenizer)
        assert {word: words[word] for word in vocabulary(old)} == vocabulary(old)
        assert sorted(words.values()) == list(range(old.vocab_size + 2))
        assert tokenizer.encode_batch(["dull zonk good"])[0].tolist() == [words["dull"], words["zonk"], words["good"]]
    assert vocabulary(old.extended(old)) == vocabulary(old)


def test_tokenizer_extended_leaves_subwords_as_they_are():
    old = trained(["good bad film"], kind="bpe")
    assert old.extended(trained(["zonk"])) is old


def test_tokenizer_limited_cuts_otherwise_alike():
    text = " ".join(str(number) for number in range(40))
    tokenizer = trained([text], max_tokens=8)
    assert len(tokenizer.encode_batch([text])[0]) == 8
    assert len(tokenizer.limited(100).encode_batch([text])[0]) == 40 and tokenizer.max_tokens == 8
