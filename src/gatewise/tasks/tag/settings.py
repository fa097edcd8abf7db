"""What a tagger adds to the settings that every task has. Knows nothing of training."""

from dataclasses import dataclass

from gatewise.base.settings import NetworkConfig, TaggingConfig, TrainingConfig, flattened, replaced


@dataclass(frozen=True, slots=True)
class TagSettings:
    """Everything that shapes the training of a tagger; the groups share no field name."""

    network: NetworkConfig = NetworkConfig(
        embedding_dim=100, hidden_size=128, word_dropout=0.0, embedding_dropout=0.5, dropout=0.5
    )
    training: TrainingConfig = TrainingConfig(
        epochs=5, learning_rate=3e-3, weight_decay=0.0, warmup=0.05, batch_texts=16, batch_tokens=4096, patience=4,
        clip_norm=5.0,
    )  # fmt: skip
    tagging: TaggingConfig = TaggingConfig()

    replace = replaced
    flat = flattened
