"""A text to its tokens' places, for tagging: by words, by words as treebanks write them, or by characters.

Knows no ids: the classifier's tokenizer keeps "Berlin's" whole, of which no span could be "Berlin".
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from tokenizers import Regex, pre_tokenizers

from gatewise.base.text import clean
from gatewise.runtime.tokenizer import ALONE, LETTER

Places = list[tuple[int, int]]
_CLITIC = r"['’](?i:s|m|d|re|ve|ll)(?![\p{L}\p{N}])"
_NOT = r"(?i:n)['’](?i:t)(?![\p{L}\p{N}])"
_LETTERS = rf"{LETTER}[{LETTER}\p{{M}}]*"
_EMOJI = r"[\x{1f1e6}-\x{1f1ff}]{2}|[\p{So}\x{1f1e6}-\x{1f1ff}](?:[\p{Mn}\p{Sk}\x{fe0f}]|\x{200d}\p{So})*"
_SIGNS = r"([^\s\p{L}\p{N}])\1*"
_PIECE = rf"(?:{_LETTERS}|\p{{N}}+)"
_BEFORE_NOT = rf"{LETTER}[{LETTER}\p{{M}}]*?(?={_NOT})"
RULES = {
    # One Han or kana character | a word, "n't" and "'s" set off | a number, "1,000.5" whole | emoji | a run of one sign
    "words": rf"[{ALONE}]|{_BEFORE_NOT}|{_NOT}|{_CLITIC}|{_LETTERS}|\p{{N}}+(?:[.,/:]\p{{N}}+)*|{_EMOJI}|{_SIGNS}",
    # As above, but an address of the web, "U.S.", "Mr.", "Anglo-American", "O'Brien", "1996-08-22" and "3rd" whole
    "treebank": rf"[{ALONE}]|(?i:https?://|www\.)[^\s<>\"]*[\p{{L}}\p{{N}}/]|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    rf"|{_BEFORE_NOT}|{_NOT}|{_CLITIC}|(?:{LETTER}\.){{2,}}|(?:Mr|Mrs|Ms|Dr|Prof|St|Inc|Corp|Ltd|Co|Jr|Sr|Gen|Sen|Rep|Gov|vs)\."
    rf"|[@#]?{_PIECE}{_PIECE}*(?:(?!{_CLITIC})(?:[-/.:,'’&](?={_PIECE})){_PIECE}+)*|{_EMOJI}|{_SIGNS}",
    "characters": r"[^\s\p{M}\x{200d}][\p{M}\x{fe0f}]*|[\p{M}\x{200d}]+",
}  # fmt: skip


def words_of(text: str, rule: str = "words") -> Places:
    """Give the (start, end) of each token of a text, in code points; all but blanks stands in one.

    `rule` is one of RULES.
    """
    return [place for _, place in _splitter(rule)(clean(text))]


@cache
def _splitter(rule: str) -> Callable[[str], list[tuple[str, tuple[int, int]]]]:
    made: Any = pre_tokenizers.Split(Regex(RULES[rule]), "removed", invert=True)
    split: Callable[[str], list[tuple[str, tuple[int, int]]]] = made.pre_tokenize_str
    return split


def rule_of(texts: Iterable[tuple[str, Sequence[tuple[int, int]]]], most: int = 1000) -> str:
    """Say which rule finds again the most tokens of texts with tokens given, of which so many are looked at.

    Each text comes with its tokens' (start, end), in code points. Of equal rules the first of RULES wins.
    """
    right, found = dict.fromkeys(RULES, 0), dict.fromkeys(RULES, 0)
    given = 0
    for _, (text, places) in zip(range(most), texts, strict=False):
        wanted = {(start, end) for start, end in places}
        given += len(wanted)
        for rule in RULES:
            words = words_of(text, rule)
            right[rule] += len(wanted.intersection(words))
            found[rule] += len(words)
    return max(RULES, key=lambda rule: right[rule] / max(1, given + found[rule]))
