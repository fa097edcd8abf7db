"""What a forecaster adds to the settings that every task has. Knows nothing of training."""

from dataclasses import dataclass

from gatewise.base.settings import ForecastConfig, NetworkConfig, TrainingConfig, flattened, replaced


@dataclass(frozen=True, slots=True)
class ForecastSettings:
    """Everything that shapes the training of a forecaster; the groups share no field name."""

    network: NetworkConfig = NetworkConfig(hidden_size=64, bidirectional=False, dropout=0.1)
    training: TrainingConfig = TrainingConfig(
        epochs=10, learning_rate=2e-3, weight_decay=0.01, batch_texts=128, batch_tokens=1_000_000, patience=10,
        averaging=0.99, precision="float32", dev_share=0.12,
    )  # fmt: skip
    forecast: ForecastConfig = ForecastConfig()

    replace = replaced
    flat = flattened
