"""What a classifier adds to the settings that every task has, and its recipes. Knows nothing of training."""

from dataclasses import dataclass
from typing import Any

from gatewise.base.settings import (
    NetworkConfig,
    TokenizerConfig,
    TrainingConfig,
    check,
    flattened,
    replaced,
    setting,
)


@dataclass(frozen=True, slots=True)
class ClassificationConfig:
    """What a classifier learns from, and beside what."""

    label_smoothing: float = setting(0.05, "Share of each label spread over all classes.", 0.0, 0.5)
    train_tokens: int = setting(
        0, "Most tokens of a text to learn from; 0 is max_tokens, which is what a trained network reads.", 0, 100_000
    )
    student_epochs: int = setting(
        0, "Passes of a second network, taught by the first on unlabelled text, that is then kept; 0 keeps the first.",
        0, 10_000,
    )  # fmt: skip
    student_texts: int = setting(
        0, "Most unlabelled texts, drawn at random, that are answered for a student to learn from; 0 takes all.",
        0, 2**31 - 1,
    )  # fmt: skip
    teachers: tuple[str, ...] = setting(
        (), "Model folders, a comma between, that together teach the student in place of a first network."
    )
    freeze: bool = setting(
        False, "Leave the network as it begins, an encoder's or new: fit its head alone, out of fold. For few texts."
    )
    class_weights: bool = setting(
        False, "Weigh classes by the inverse of their frequency, in the loss and in the dev score."
    )
    companion: bool = setting(
        True, "Add the log-odds of a linear model on word n-grams, weighed on the dev split, to the network's."
    )
    companion_words: int = setting(3, "Longest run of words that the companion reads.", 1, 6)
    companion_pieces: int = setting(
        0, "Longest piece of a word, in letters, that the companion reads too; 0 reads whole words only.", 0, 8
    )
    companion_buckets: int = setting(
        2**22, "Most rows of the companion's table, each a byte a class; less text has fewer.", 2**12, 2**22
    )

    def __post_init__(self) -> None:
        check(self)

    @property
    def spelt(self) -> bool:
        """Whether texts must be encoded with their spelling, because a companion is to read pieces of words."""
        return self.companion and self.companion_pieces > 0


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that shapes the training of a classifier; the groups share no field name."""

    tokenizer: TokenizerConfig = TokenizerConfig()
    network: NetworkConfig = NetworkConfig()
    training: TrainingConfig = TrainingConfig()
    classification: ClassificationConfig = ClassificationConfig()

    replace = replaced
    flat = flattened


FROM_ENCODER = {  # what every recipe that starts from an encoder has: short steps and little noise
    "pretrained": "reviews-en", "pooling": ("max", "mean", "last"), "max_tokens": 1200, "batch_texts": 32,
    "learning_rate": 2e-3, "layer_decay": 0.7, "word_dropout": 0.1, "embedding_dropout": 0.2, "dropout": 0.1,
}  # fmt: skip
TAUGHT = FROM_ENCODER | {"epochs": 1, "student_epochs": 2, "student_texts": 25_000, "train_tokens": 400}
AUTO = "auto"  # the recipe that looks at the data
RECIPES: dict[str, dict[str, Any]] = {  # of `gatewise train`, as what they change in the defaults
    "labels": {},
    "fast": FROM_ENCODER | {"bidirectional": False, "epochs": 1, "minutes": 4.5, "train_tokens": 320},
    "standard": TAUGHT | {"minutes": 29.0},
    "best": TAUGHT | {"pretrained": "", "minutes": 45.0},
}
