"""Text to token ids with character offsets, on Hugging Face `tokenizers`; knows nothing of labels or tensors.

An HTML line break is one token, a Chinese character stands alone (no segmenter is needed), and a text never gives an
empty sequence: without any token it becomes one unknown token.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from gatewise.base.errors import ModelError, one_line
from gatewise.base.text import clean

PAD, UNKNOWN = "[PAD]", "[UNK]"
PAD_ID, UNKNOWN_ID = 0, 1
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


def from_json(content: str, max_tokens: int) -> TextTokenizer:
    """Rebuild a tokenizer from the text of its `tokenizer.json`, or raise ModelError."""
    try:
        tokenizer = Tokenizer.from_str(content)
        tokenizer.no_padding()  # batching pads, and TextTokenizer cuts
        tokenizer.no_truncation()
        special = (tokenizer.token_to_id(PAD), tokenizer.token_to_id(UNKNOWN), tokenizer.model.unk_token)
        ids = sorted(tokenizer.get_vocab().values())
    except BaseException as error:  # the library raises bare Exceptions and, from Rust, PanicException
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        raise ModelError(
            f"tokenizer.json is damaged ({one_line(error) or 'malformed'}); copy the model folder again."
        ) from error
    if special != (PAD_ID, UNKNOWN_ID, UNKNOWN):
        raise ModelError(
            f"tokenizer.json does not have {PAD} and {UNKNOWN} as ids 0 and 1; it is not a gatewise tokenizer."
        )
    if ids != list(range(tokenizer.get_vocab_size())):
        raise ModelError("tokenizer.json gives ids twice or leaves some out; copy the model folder again.")
    return TextTokenizer(tokenizer, max_tokens)
