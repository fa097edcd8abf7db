"""The settings of an encoder's pretraining, with defaults of their own. Knows nothing of training."""

from dataclasses import dataclass
from typing import Any

from gatewise.base.settings import (
    NetworkConfig,
    PretrainingConfig,
    TokenizerConfig,
    TrainingConfig,
    flattened,
    replaced,
)


@dataclass(frozen=True, slots=True)
class PretrainingSettings:
    """Everything that shapes the pretraining of an encoder."""

    tokenizer: TokenizerConfig = TokenizerConfig()
    network: NetworkConfig = NetworkConfig(
        embedding_dim=256, hidden_size=512, bidirectional=False, word_dropout=0.0, embedding_dropout=0.1, dropout=0.1
    )
    training: TrainingConfig = TrainingConfig(
        epochs=4,
        learning_rate=5e-3,
        batch_tokens=4096,
        warmup=0.05,
        averaging=0.999,
        dev_share=0.01,
    )
    pretraining: PretrainingConfig = PretrainingConfig()

    replace = replaced
    flat = flattened


PRETRAINING: dict[str, Any] = {  # of `best`, on DATA's text: some two passes, and dropout slows the first
    "bidirectional": True, "minutes": 112.0, "embedding_dropout": 0.0, "dropout": 0.0,
}  # fmt: skip
