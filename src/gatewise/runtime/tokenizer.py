"""Text to token ids with character offsets, on Hugging Face `tokenizers`; knows nothing of labels or tensors.

An HTML line break is one token, a Chinese character stands alone (no segmenter is needed), and a text never gives an
empty sequence: without any token it becomes one unknown token.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from gatewise.base.errors import ModelError, one_line
from gatewise.base.text import clean
from gatewise.runtime.spelling import Letters, Rows, in_small_letters, written

PAD, UNKNOWN = "[PAD]", "[UNK]"
PAD_ID, UNKNOWN_ID = 0, 1

# A word is: HTML line breaks in a row | one Han or kana character | letters, with an apostrophe inside | a number,
# "3/10" and "1,000.5" whole | a run of one punctuation character.
ALONE = r"\p{Han}\p{Hiragana}\p{Katakana}"
LETTER = rf"[\p{{L}}&&[^{ALONE}]]"
WORD = (
    rf"<[bB][rR]\s*/?>(?:\s*<[bB][rR]\s*/?>)*|[{ALONE}]"
    rf"|{LETTER}[{LETTER}\p{{M}}]*(?:['’]{LETTER}+)?|\p{{N}}+(?:[.,/]\p{{N}}+)*|([^\s\p{{L}}\p{{N}}])\1*"
)

Ids = npt.NDArray[np.int32]
Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Encoding:
    """One text as tokens: their ids, what stands in the text for each, and its (start, end) in characters."""

    ids: Ids
    tokens: list[str]
    offsets: list[tuple[int, int]]


class TextTokenizer:
    """Turn texts into ids, at most `max_tokens` a text: of a longer one its first quarter of these and its end."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._tokenizer.encode_special_tokens = True  # a text that spells "[PAD]" is text: it gives no padding
        self.max_tokens = max_tokens

    @property
    def vocab_size(self) -> int:
        """Number of different ids."""
        return int(self._tokenizer.get_vocab_size())

    def encode_batch(self, texts: Sequence[str]) -> list[Ids]:
        """Give each text's ids, [time], never empty."""
        if len(texts) == 1:  # a batch would start the library's threads
            return [self.encode(texts[0]).ids]
        encodings = self._tokenizer.encode_batch_fast([clean(text) for text in texts], add_special_tokens=False)
        return [self._cut(np.array(encoding.ids or [UNKNOWN_ID], dtype=np.int32)) for encoding in encodings]

    def spell_batch(self, texts: Sequence[str]) -> tuple[list[Ids], list[Letters]]:
        """Give each text's ids, [time], as encode_batch does, and the letters of the tokens that these stand for."""
        if len(texts) == 1:
            encoding = self.encode(texts[0])
            return [encoding.ids], [self.letters(texts[0], encoding.offsets)[0]]
        encodings = self._tokenizer.encode_batch([clean(text) for text in texts], add_special_tokens=False)
        ids = [self._cut(np.array(encoding.ids or [UNKNOWN_ID], dtype=np.int32)) for encoding in encodings]
        offsets = (self._cut(np.array(encoding.offsets or [(0, 0)], dtype=np.int64)) for encoding in encodings)
        return ids, [self.letters(text, places)[0] for text, places in zip(texts, offsets, strict=True)]

    def letters(self, text: str, offsets: npt.NDArray[np.int64] | Sequence[tuple[int, int]]) -> tuple[Letters, Rows]:
        """Give the letters, [L], of a text's tokens at these offsets, in small letters where it reads so.

        And each letter's token, [L]. See gatewise.runtime.spelling.
        """
        text = clean(text)
        return written(text if self._tokenizer.normalizer is None else in_small_letters(text), offsets)

    def encode(self, text: str) -> Encoding:
        """Give one text's ids with the words and characters they stand for."""
        encoding = self._tokenizer.encode(clean(text), add_special_tokens=False)
        offsets = self._cut(np.array(encoding.offsets or [(0, 0)], dtype=np.int64)).tolist()
        ids = self._cut(np.array(encoding.ids or [UNKNOWN_ID], dtype=np.int32))
        return Encoding(ids, [text[start:end] for start, end in offsets], [(start, end) for start, end in offsets])

    def commonest(self, count: int) -> list[str]:
        """Give the tokens most frequent in the training text, as text; the vocabulary is in that order."""
        ids = range(UNKNOWN_ID + 1, min(self.vocab_size, UNKNOWN_ID + 1 + count))
        return [self._tokenizer.decode([number]).strip() for number in ids]

    def limited(self, max_tokens: int) -> "TextTokenizer":
        """Give the same tokenizer with another limit on the length of a text."""
        return TextTokenizer(self._tokenizer, max_tokens)

    def extended(self, other: "TextTokenizer") -> "TextTokenizer":
        """Give a word-level tokenizer that knows the words of another one too, with ids after its own.

        Subwords know every word already, so a subword tokenizer is given back as it is.
        """
        content = json.loads(self._tokenizer.to_str())
        if content["model"]["type"] != "WordLevel":
            return self
        known = content["model"]["vocab"]
        theirs = other._tokenizer.get_vocab()
        for word in sorted(theirs.keys() - known.keys(), key=theirs.__getitem__):
            known[word] = len(known)
        return TextTokenizer(Tokenizer.from_str(json.dumps(content)), self.max_tokens)

    def to_json(self) -> str:
        """Give the tokenizer as the text of a `tokenizer.json`."""
        return str(self._tokenizer.to_str())

    def _cut(self, rows: npt.NDArray[Number]) -> npt.NDArray[Number]:
        middle = left_out(len(rows), self.max_tokens)
        return np.concatenate([rows[: middle.start], rows[middle.stop :]])


def left_out(length: int, most: int) -> slice:
    """Say which tokens of a text are left out where `most` are read: those between a quarter of `most` and the end."""
    head = min(length, most // 4)
    return slice(head, max(head, length - most + head))


def with_rules(model: models.Model, *, lowercase: bool) -> Tokenizer:
    """Give the one tokenizer that gatewise makes of a model of words (WordLevel) or subwords (BPE), learnt or not."""
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(WORD), "removed", invert=True)
    if isinstance(model, models.BPE):
        byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([tokenizer.pre_tokenizer, byte_level])
        tokenizer.decoder = decoders.ByteLevel()
    if lowercase:
        tokenizer.normalizer = normalizers.Lowercase()
    return tokenizer


def from_json(content: str, max_tokens: int) -> TextTokenizer:
    """Rebuild a tokenizer from the text of its `tokenizer.json`, or raise ModelError.

    Of the file only words, ids and merges are taken. A rule that is not gatewise's own, which may fail or work without
    end on some text, is refused and never built.
    """
    try:
        given = json.loads(content)
        fault = _fault(given)
        tokenizer = None if fault else _learnt(given["model"], lowercase=given["normalizer"] is not None)
    except BaseException as error:  # the library raises bare Exceptions and, from Rust, PanicException
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        raise ModelError(
            f"tokenizer.json is damaged ({one_line(error) or 'malformed'}); copy the model folder again."
        ) from error
    if tokenizer is None:
        raise ModelError(f"tokenizer.json {fault}.")
    return TextTokenizer(tokenizer, max_tokens)


def _learnt(model: dict[str, Any], *, lowercase: bool) -> Tokenizer:
    """Build a tokenizer with the words, and the merges, that a file tells of."""
    if model["type"] == "BPE":
        merges = [(left, right) for left, right in model["merges"]]
        tokenizer = with_rules(models.BPE(model["vocab"], merges, unk_token=UNKNOWN), lowercase=lowercase)
    else:
        tokenizer = with_rules(models.WordLevel(model["vocab"], unk_token=UNKNOWN), lowercase=lowercase)
    tokenizer.add_special_tokens([PAD, UNKNOWN])
    return tokenizer


def _fault(given: dict[str, Any]) -> str:
    """Say what is wrong with a tokenizer.json before anything is built of it; nothing where it is as gatewise's own.

    Padding and truncation are nobody's business: batching pads, and TextTokenizer cuts.
    """
    model = given["model"]
    empty: dict[str, Any] = {"type": model["type"], "vocab": {PAD: PAD_ID, UNKNOWN: UNKNOWN_ID}, "merges": []}
    own = json.loads(_learnt(empty, lowercase=given["normalizer"] is not None).to_str())
    rules, wanted = _rules(given), _rules(own)
    for name in sorted(rules.keys() | wanted.keys()):
        if not _alike(rules.get(name, ...), wanted.get(name)):
            return f"has a {one_line(name, 60)} that is not gatewise's own; give a folder that gatewise made"
    if [model["vocab"].get(token) for token in (PAD, UNKNOWN)] != [PAD_ID, UNKNOWN_ID]:
        return f"does not have {PAD} and {UNKNOWN} as ids 0 and 1; it is not a gatewise tokenizer"
    ids = model["vocab"].values()
    if set(map(type, ids)) != {int} or sorted(ids) != list(range(len(ids))):
        return "gives ids twice or leaves some out; copy the model folder again"
    merges = model["merges"] if model["type"] == "BPE" else []
    if not all(part in model["vocab"] for left, right in merges for part in (left, right, left + right)):
        return (
            "merges what is no subword of its own; copy the model folder again"  # the library may panic, and print so
        )
    return ""


def _rules(content: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a tokenizer.json what may differ."""
    model = {name: value for name, value in content["model"].items() if name not in ("vocab", "merges")}
    return {name: part for name, part in content.items() if name not in ("padding", "truncation")} | {"model": model}


def _alike(given: Any, own: Any) -> bool:
    """Compare a rule with gatewise's own; a key that an earlier library did not write is as it is here."""
    if isinstance(own, dict):
        return isinstance(given, dict) and all(name in own and _alike(given[name], own[name]) for name in given)
    if isinstance(own, list):
        return isinstance(given, list) and len(given) == len(own) and all(map(_alike, given, own))
    return type(given) is type(own) and bool(given == own)
