"""Unlabelled text, and an encoder that has read it."""

from pathlib import Path

import pytest

from gatewise.data.part import Dataset, from_lists
from gatewise.tasks.pretrain.fit import pretrain_encoder
from gatewise.tasks.pretrain.settings import PretrainingSettings

READING = PretrainingSettings().replace(
    min_count=1, max_tokens=32, embedding_dim=12, hidden_size=8, epochs=3, batch_texts=8, learning_rate=0.02,
    averaging=0.9, dev_share=0.1, precision="float32", threads=1, ahead_words=4, function_words=3,
)  # fmt: skip


@pytest.fixture(scope="session")
def corpus(english) -> Dataset:
    """The English sentences, numbered, without labels."""
    return Dataset("mail", unlabelled=from_lists([f"{text} number {row}" for row, text in enumerate(english[0])]))


@pytest.fixture(scope="session")
def reader(corpus, tmp_path_factory) -> Path:
    """An encoder that has read the corpus. Shared: do not change it."""
    out = tmp_path_factory.mktemp("encoders") / "reader"
    pretrain_encoder(corpus, out, settings=READING)
    return out
