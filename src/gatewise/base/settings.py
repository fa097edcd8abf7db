"""Every setting with its default, its sentence and its check; no other module holds a default.

`--help`, the docs and the model card read the sentences from here.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeVar, get_args

from gatewise.base.errors import ConfigError

POOLINGS = ("max", "mean", "last")
Precision = Literal["auto", "float32", "bfloat16"]
Sharing = Literal["auto", "texts", "operations"]
TokenizerKind = Literal["word", "bpe"]
Storage = Literal["float32", "float16", "int8"]


def setting(default: Any, sentence: str, low: float | None = None, high: float | None = None) -> Any:
    """Declare a dataclass field with its sentence and, for numbers, its closed range."""
    return dataclasses.field(default=default, metadata={"sentence": sentence, "low": low, "high": high})


@dataclass(frozen=True, slots=True)
class TokenizerConfig:
    """How text becomes ids."""

    kind: TokenizerKind = setting("word", "Unit of text: whole words, or byte-level BPE subwords.")
    vocab_size: int = setting(30_000, "Largest number of different tokens.", 300, 1_000_000)
    min_count: int = setting(2, "A token seen less often than this in the training text is unknown.", 1, 1_000_000)
    lowercase: bool = setting(True, "Read upper and lower case as the same.")
    max_tokens: int = setting(
        512, "Longest text in tokens; a longer one keeps its first quarter of these and its end.", 8, 100_000
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The shape of the network and its noise while training."""

    embedding_dim: int = setting(128, "Numbers per token vector.", 1, 8192)
    hidden_size: int = setting(128, "LSTM units per layer and direction.", 1, 8192)
    num_layers: int = setting(1, "Stacked LSTM layers.", 1, 16)
    bidirectional: bool = setting(True, "Read the text in both directions.")
    pooling: tuple[str, ...] = setting(
        ("max", "mean"), "How all states become one vector: max, mean, last, or several joined by commas."
    )
    word_dropout: float = setting(0.3, "Share of whole words hidden while training.", 0.0, 0.95)
    embedding_dropout: float = setting(
        0.5, "Share of embedding features dropped, one mask per text for all its tokens.", 0.0, 0.95
    )
    dropout: float = setting(0.5, "Share of pooled (and between-layer) features dropped.", 0.0, 0.95)
    forget_bias: float = setting(1.0, "Forget gate's bias at the start; 1 keeps 73 % of the cell per step.", -20, 20)
    chrono_horizon: int = setting(
        0, "If above 1, chrono initialisation: forget biases log U(1, horizon - 1), input biases their negatives.",
        0, 1_000_000,
    )  # fmt: skip

    def __post_init__(self) -> None:
        if isinstance(self.pooling, list):  # as JSON and command lines give it
            object.__setattr__(self, "pooling", tuple(self.pooling))
        check(self)
        names = self.pooling if isinstance(self.pooling, tuple) else ()
        if not names or any(name not in POOLINGS or names.count(name) > 1 for name in names):
            raise ConfigError(f"pooling is {self.pooling!r}; give one or more of {', '.join(POOLINGS)}, each once.")


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """How the network learns."""

    epochs: int = setting(
        0, "Passes over the training text; 0 chooses 6 to 100, so that small data gets about 500 steps.", 0, 10_000
    )
    minutes: float = setting(0.0, "Hard budget of minutes, reading included; 0 sets none.", 0.0, 100_000.0)
    learning_rate: float = setting(2e-3, "Peak learning rate of AdamW.", 1e-7, 10.0)
    layer_decay: float = setting(
        1.0,
        "Learning rate of each group below the head (LSTM layers, embedding) as a share of the one above.",
        0.01,
        1.0,
    )
    weight_decay: float = setting(0.01, "Decoupled weight decay of AdamW.", 0.0, 10.0)
    warmup: float = setting(0.1, "Share of the run in which the learning rate rises; it falls linearly after.", 0, 0.9)
    clip_norm: float = setting(1.0, "Largest gradient norm.", 1e-6, 1e6)
    averaging: float = setting(
        0.998, "Decay of the averaged weights (EMA) that are measured and kept; 0 turns averaging off.", 0.0, 0.99999
    )
    batch_tokens: int = setting(16_384, "Most tokens in a batch, padding included.", 64, 4_000_000)
    batch_texts: int = setting(64, "Most texts in a batch.", 1, 100_000)
    pretrained: str = setting(
        "", "Encoder to start from: a folder that `gatewise pretrain` made, or reviews-en, the bundled one."
    )
    word_vectors: bool = setting(
        True, "Start the embedding from co-occurrences in the training (and unlabelled) text, compressed (PPMI, SVD)."
    )
    dev_share: float = setting(0.1, "Share of the training text held out to choose by (the dev split).", 0.01, 0.5)
    patience: int = setting(
        3, "Stop after this many epochs, or a quarter of all if that is more, without a better dev score.", 1, 10_000
    )
    checkpoint_seconds: float = setting(60.0, "Seconds between checkpoints.", 0.0, 100_000.0)
    precision: Precision = setting("auto", "Arithmetic of training; auto measures whether bfloat16 is faster here.")
    sharing: Sharing = setting(
        "auto",
        "What the cores share: the texts of a batch, or each operation; auto measures which is faster here and now.",
    )
    threads: int = setting(0, "CPU threads; 0 takes torch's own choice.", 0, 1024)
    seed: int = setting(1, "Seed of the split, the initial weights, the order and the noise.", 0, 2**31 - 1)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class PretrainingConfig:
    """What a language model adds to a network and its training."""

    sampled_words: int = setting(
        2048, "Words drawn, by their frequency, to stand for the whole vocabulary in each step.", 16, 1_000_000
    )
    ahead: float = setting(
        1.0, "Weight of the second task: to name a content word among the words ahead. 0 turns it off.", 0.0, 100.0
    )
    ahead_words: int = setting(30, "How many words ahead the second task looks.", 1, 10_000)
    function_words: int = setting(150, "The most frequent words, which are no content words.", 0, 1_000_000)

    def __post_init__(self) -> None:
        check(self)


def check(config: Any) -> None:
    """Hold every field of a config to its type and range, or raise ConfigError."""
    for field in dataclasses.fields(config):
        value, metadata = getattr(config, field.name), field.metadata
        allowed = get_args(field.type)
        whole = field.type is float and type(value) is int
        if isinstance(field.type, type) and type(value) is not field.type and not whole:
            raise ConfigError(f"{field.name} is {value!r}; it takes a value of type {field.type.__name__}.")
        if allowed and isinstance(allowed[0], str) and value not in allowed:
            raise ConfigError(f"{field.name} is {value!r}; choose one of {', '.join(allowed)}.")
        low, high = metadata["low"], metadata["high"]
        if low is not None and not low <= value <= high:
            raise ConfigError(f"{field.name} is {value!r}; choose a value from {low:g} to {high:g}.")
        if whole:
            object.__setattr__(config, field.name, float(value))


def sentence(config: type, name: str) -> str:
    """Give the one sentence that describes a setting."""
    return str(next(field for field in dataclasses.fields(config) if field.name == name).metadata["sentence"])


class Grouped(Protocol):
    """Settings of a task: frozen groups that share no field name, three of them those of every task."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def tokenizer(self) -> TokenizerConfig: ...
    @property
    def network(self) -> NetworkConfig: ...
    @property
    def training(self) -> TrainingConfig: ...
    def flat(self) -> dict[str, Any]: ...


AnySettings = TypeVar("AnySettings", bound=Grouped)


def replaced(settings: AnySettings, **values: Any) -> AnySettings:
    """Give a copy with some fields, named without their group, set to other values; None leaves one as it is."""
    given = {name: value for name, value in values.items() if value is not None}
    groups = {}
    for group in dataclasses.fields(settings):
        config = getattr(settings, group.name)
        names = [field.name for field in dataclasses.fields(config) if field.name in given]
        groups[group.name] = dataclasses.replace(config, **{name: given.pop(name) for name in names})
    if given:
        raise ConfigError(f"There is no setting named {sorted(given)[0]!r}.")
    return type(settings)(**groups)


def flattened(settings: Any) -> dict[str, Any]:
    """Give all fields without their groups."""
    groups = (getattr(settings, group.name) for group in dataclasses.fields(settings))
    return {name: value for config in groups for name, value in dataclasses.asdict(config).items()}
