"""How a setting is declared, once: name, default, range, sentence; and those that every task shares.

`--help`, the signatures of commands and LSTMClassifier, config.json, the docs and the model card all come from here.
"""

import dataclasses
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, ClassVar, Literal, Protocol, TypeVar, get_args, get_origin

from gatewise.base.errors import ConfigError

Pooling = Literal["max", "mean", "last"]
POOLINGS = get_args(Pooling)
Precision = Literal["auto", "float32", "bfloat16"]
Sharing = Literal["auto", "texts", "operations"]
TokenizerKind = Literal["word", "bpe"]
Storage = Literal["float32", "float16", "int8"]
ForecastKind = Literal["auto", "lstm", "gru", "bilstm", "cnn-lstm"]
ForecastScaling = Literal["auto", "window", "global"]
ForecastBase = Literal["auto", "last", "seasonal", "ridge"]
TagUnits = Literal["auto", "words", "characters"]


def setting(default: Any, sentence: str, low: float | None = None, high: float | None = None, option: str = "") -> Any:
    """Declare a dataclass field: its sentence, a number's closed range, its option where that has another name."""
    return dataclasses.field(
        default=default, metadata={"sentence": sentence, "low": low, "high": high, "option": option}
    )


@dataclass(frozen=True, slots=True)
class TokenizerConfig:
    """How text becomes ids."""

    kind: TokenizerKind = setting(
        "word", "Unit of text: whole words, or byte-level BPE subwords.", option="--tokenizer"
    )
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
    pooling: tuple[Pooling, ...] = setting(
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
        check(self)


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


@dataclass(frozen=True, slots=True)
class TaggingConfig:
    """What a tagger sees of a word beside its own vector, and how it decides."""

    units: TagUnits = setting(
        "auto", "What tokens are, and so which features are read: words, or single characters, as of Chinese."
    )
    crf: bool = setting(True, "Score tags together, by a linear-chain CRF; without it, each by itself.")
    recurrent: bool = setting(True, "Read the sentence with LSTM layers; without them only hashed features decide.")
    wide: bool = setting(True, "Let hashed features of a word and its neighbours score tags directly, as a CRF does.")
    feature_count: int = setting(1, "A feature seen less often than this in the training text says nothing.", 1, 10_000)
    apart: bool = setting(True, "Let features and LSTM learn to score tags each alone too, beside their sum.")
    wide_dropout: float = setting(0.2, "Share of these features hidden while training.", 0.0, 0.95)
    affix_dim: int = setting(64, "Numbers per vector of hashed beginnings, endings and shapes; 0 for none.", 0, 1024)
    known_dim: int = setting(64, "Numbers to which an encoder's word vectors are brought down.", 1, 1024)
    known_dropout: float = setting(0.2, "Share of features of an encoder's vectors dropped while training.", 0.0, 0.95)
    singletons: float = setting(0.5, "Share of the uses of a word seen once that are hidden while training.", 0.0, 1.0)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class ForecastConfig:
    """What a forecaster forecasts, what it reads, and what lies under its networks."""

    horizon: int = setting(24, "How many rows ahead.", 1, 10_000)
    net: ForecastKind = setting("auto", "Recurrent networks: of one kind, or lstm and gru in turn.")
    nets: int = setting(6, "Networks that are trained, each for itself; 0 for none.", 0, 100)
    kept: int = setting(3, "How many of them, the best on dev, are averaged.", 1, 100)
    window: int = setting(
        0, "Rows of the past that are read; 0 takes two long seasons, within some hundred rows.", 0, 10_000
    )
    segment: int = setting(
        0, "Rows of the past that are one step of a network; 0 takes a season where that is short.", 0, 1000
    )
    scaling: ForecastScaling = setting("auto", "Scale each window by itself, or all alike; auto takes turns.")
    base: ForecastBase = setting("auto", "What lies under the networks; auto takes the best on dev.")
    windows: int = setting(6000, "Most windows to learn from, drawn at random.", 16, 1_000_000)
    mixed: int = setting(64, "Units between the last state and the quantiles.", 1, 4096)

    def __post_init__(self) -> None:
        check(self)


def check(config: Any) -> None:
    """Hold every field of a config to its type and range, or raise ConfigError."""
    for field in dataclasses.fields(config):
        object.__setattr__(config, field.name, accepted(field, getattr(config, field.name)))


def accepted(field: dataclasses.Field[Any], value: Any) -> Any:
    """Give a value as its setting keeps it: lists taken apart, numbers as Python's own. Raises ConfigError."""
    name, kind, low, high = typed(field), field.type, field.metadata["low"], field.metadata["high"]
    if hasattr(value, "dtype"):  # a grid of scikit-learn's holds NumPy's numbers
        value = value.tolist()
    if get_origin(kind) is tuple:
        return _several(field, value)
    whole = kind is float and type(value) is int
    if isinstance(kind, UnionType) and not isinstance(value, kind):
        raise ConfigError(f"{name} is {value!r}; it takes {str(kind).replace(' | ', ' or ')}.")
    if isinstance(kind, type) and type(value) is not kind and not whole:
        raise ConfigError(f"{name} is {value!r}; it takes a value of type {kind.__name__}.")
    if choices(field) and value not in choices(field):
        raise ConfigError(f"{name} is {value!r}; choose one of {', '.join(choices(field))}.")
    if low is not None and not low <= value <= high:
        raise ConfigError(f"{name} is {value!r}; choose a value from {low:g} to {high:g}.")
    return float(value) if whole else value


def _several(field: dataclasses.Field[Any], value: Any) -> tuple[str, ...]:
    given = [value] if isinstance(value, str) else value
    if isinstance(given, (list, tuple)) and all(isinstance(one, str) for one in given):
        names, known = split(given), choices(field)
        if not known or (names and all(name in known and names.count(name) == 1 for name in names)):
            return names
        value = ",".join(given)
    wanted = f"one or more of {', '.join(choices(field))}, each once" if choices(field) else "names, joined by commas"
    raise ConfigError(f"{typed(field)} is {value!r}; give {wanted}.")


def typed(field: dataclasses.Field[Any]) -> str:
    """Name a setting as people type it: its option too where that has another name."""
    option = field.metadata["option"]
    return f"{option} ({field.name} in Python)" if option else field.name


def split(given: Iterable[str]) -> tuple[str, ...]:
    """Take apart what was given several times, joined by commas, or both."""
    return tuple(name for part in given for name in map(str.strip, part.split(",")) if name)


def choices(field: dataclasses.Field[Any]) -> tuple[str, ...]:
    """Give the names of which a setting takes one or, where it is a tuple, several; none where it takes any value."""
    kind = get_args(field.type)[0] if get_origin(field.type) is tuple else field.type
    return get_args(kind) if get_origin(kind) is Literal else ()


def values_of(field: dataclasses.Field[Any]) -> str:
    """Say what a setting may be: its range or its choices, and nothing where any text will do."""
    low, high = field.metadata["low"], field.metadata["high"]
    return ", ".join(choices(field)) if low is None else f"{low:,.10g} to {high:,.10g}"


def shown(value: Any) -> str:
    """Show a setting's value to people, as a command line takes it."""
    return (",".join(value) if isinstance(value, tuple) else str(value)) or "none"


class Groups(Protocol):
    """Frozen groups of settings that share no field name."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class Grouped(Groups, Protocol):
    """Settings of a task, two groups of which are those of every task."""

    @property
    def network(self) -> NetworkConfig: ...
    @property
    def training(self) -> TrainingConfig: ...
    def flat(self) -> dict[str, Any]: ...


AnyGroups = TypeVar("AnyGroups", bound=Groups)
AnySettings = TypeVar("AnySettings", bound=Grouped)


def declared(settings: Groups) -> Iterator[tuple[dataclasses.Field[Any], Any]]:
    """Give every setting of all groups, and its value here, which is its default."""
    for group in dataclasses.fields(settings):
        config = getattr(settings, group.name)
        for field in dataclasses.fields(config):
            yield field, getattr(config, field.name)


def replaced(settings: AnyGroups, **values: Any) -> AnyGroups:
    """Give a copy with some fields, named without their group, set to other values; None leaves one as it is."""
    refuse_unknown(flattened(settings), values)
    given = {name: value for name, value in values.items() if value is not None}
    groups = {}
    for group in dataclasses.fields(settings):
        config = getattr(settings, group.name)
        names = [field.name for field in dataclasses.fields(config) if field.name in given]
        groups[group.name] = dataclasses.replace(config, **{name: given[name] for name in names})
    return type(settings)(**groups)


def flattened(settings: Groups) -> dict[str, Any]:
    """Give all fields without their groups."""
    return {field.name: value for field, value in declared(settings)}


def refuse_unknown(known: Collection[str], given: Iterable[str]) -> None:
    """Raise ConfigError where a name given is no setting's, with the one it is nearest to."""
    for name in given:
        if name not in known:
            import difflib

            near = difflib.get_close_matches(name, known, 1)
            raise ConfigError(f"There is no setting named {name!r}{f'; did you mean {near[0]}?' if near else '.'}")


Function = TypeVar("Function", bound=Callable[..., Any])
Annotate = Callable[[dataclasses.Field[Any], Any], Any]


def keyword(field: dataclasses.Field[Any], default: Any) -> Any:
    """Give the type of a setting as a keyword of Python's; None takes the default."""
    kind: Any = field.type
    several: Any = Sequence
    return str | several[get_args(kind)[0]] | None if get_origin(kind) is tuple else kind | None


def takes(
    settings: Groups, annotate: Annotate = keyword, leave_out: Sequence[str] = ()
) -> Callable[[Function], Function]:
    """Put one keyword, default None, for every setting in the place of a function's `**given`.

    `annotate` makes its annotation of its field and default: a type, or what a command line needs.
    """

    def declare(function: Function) -> Function:
        own = inspect.signature(function)
        kept = [one for one in own.parameters.values() if one.kind is not one.VAR_KEYWORD]
        made = [
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotate(field, value)
            )
            for field, value in declared(settings)
            if field.name not in leave_out
        ]
        target: Any = function
        target.__signature__ = own.replace(parameters=[*kept, *made])  # typer, scikit-learn, help() and Sphinx read it
        annotations = {one.name: one.annotation for one in [*kept, *made]}
        target.__annotations__ = annotations | {"return": own.return_annotation}
        return function

    return declare
