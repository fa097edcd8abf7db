"""Training texts to a tokenizer: which words or subwords there are. Knows nothing of labels or tensors.

An HTML line break is one token, and a Chinese character stands alone (no segmenter is needed).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tokenizers import models, pre_tokenizers, trainers

from gatewise.base.errors import DataError
from gatewise.base.settings import TokenizerConfig
from gatewise.base.text import clean
from gatewise.runtime.tokenizer import PAD, UNKNOWN, TextTokenizer, with_rules


def train_tokenizer(texts: Iterable[Sequence[str]], config: TokenizerConfig) -> TextTokenizer:
    """Learn a vocabulary from batches of training texts; the same texts give the same tokenizer.

    Only word level and byte-level BPE are offered, because WordPiece and Unigram training is not reproducible
    (huggingface/tokenizers#1794). Raises DataError when no token is frequent enough.
    """
    options: dict[str, Any] = {
        "vocab_size": config.vocab_size, "min_frequency": config.min_count, "special_tokens": [PAD, UNKNOWN],
        "show_progress": False,
    }  # fmt: skip
    if config.kind == "word":
        tokenizer = with_rules(models.WordLevel(unk_token=UNKNOWN), lowercase=config.lowercase)
        trainer: trainers.Trainer = trainers.WordLevelTrainer(**options)
    else:
        tokenizer = with_rules(models.BPE(unk_token=UNKNOWN), lowercase=config.lowercase)
        trainer = trainers.BpeTrainer(initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), **options)
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
