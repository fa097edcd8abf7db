"""Training texts to a tokenizer: which words or subwords there are. Knows nothing of labels or tensors.

An HTML line break is one token, and a Chinese character stands alone (no segmenter is needed).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from gatewise.base.errors import DataError
from gatewise.base.settings import TokenizerConfig
from gatewise.base.text import clean
from gatewise.runtime.tokenizer import PAD, UNKNOWN, TextTokenizer

# A word is: HTML line breaks in a row | one Han or kana character | letters, with an apostrophe inside | a number,
# "3/10" and "1,000.5" whole | a run of one punctuation character.
ALONE = r"\p{Han}\p{Hiragana}\p{Katakana}"
LETTER = rf"[\p{{L}}&&[^{ALONE}]]"
WORD = (
    rf"<[bB][rR]\s*/?>(?:\s*<[bB][rR]\s*/?>)*|[{ALONE}]"
    rf"|{LETTER}[{LETTER}\p{{M}}]*(?:['’]{LETTER}+)?|\p{{N}}+(?:[.,/]\p{{N}}+)*|([^\s\p{{L}}\p{{N}}])\1*"
)


def train_tokenizer(texts: Iterable[Sequence[str]], config: TokenizerConfig) -> TextTokenizer:
    """Learn a vocabulary from batches of training texts; the same texts give the same tokenizer.

    Only word level and byte-level BPE are offered, because WordPiece and Unigram training is not reproducible
    (huggingface/tokenizers#1794). Raises DataError when no token is frequent enough.
    """
    words = pre_tokenizers.Split(Regex(WORD), "removed", invert=True)
    options: dict[str, Any] = {
        "vocab_size": config.vocab_size, "min_frequency": config.min_count, "special_tokens": [PAD, UNKNOWN],
        "show_progress": False,
    }  # fmt: skip
    if config.kind == "word":
        tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
        tokenizer.pre_tokenizer = words
        trainer: trainers.Trainer = trainers.WordLevelTrainer(**options)
    else:
        tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
        byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, byte_level])
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), **options)
    if config.lowercase:
        tokenizer.normalizer = normalizers.Lowercase()
    batches: Iterator[list[str]] = ([clean(text) for text in batch] for batch in texts)
    seen_text = False

    def watched() -> Iterator[list[str]]:
        nonlocal seen_text
        for batch in batches:
            seen_text = seen_text or any(not text.isspace() for text in batch if text)
            yield batch

    tokenizer.train_from_iterator(watched(), trainer)
    if not seen_text or (config.kind == "word" and tokenizer.get_vocab_size() <= 2):
        raise DataError(
            f"The training texts hold no word that is seen {config.min_count} times; give more text or a lower "
            "min_count."
        )
    return TextTokenizer(tokenizer, config.max_tokens)
