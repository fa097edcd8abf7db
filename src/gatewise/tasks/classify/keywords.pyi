"""LSTMClassifier's keywords, for editors and mypy; written by tests/tasks/classify/test_settings.py."""

from collections.abc import Sequence
from typing import Literal, TypedDict

class Keywords(TypedDict, total=False):
    kind: Literal["word", "bpe"] | None
    """Unit of text: whole words, or byte-level BPE subwords."""
    vocab_size: int | None
    """Largest number of different tokens."""
    min_count: int | None
    """A token seen less often than this in the training text is unknown."""
    lowercase: bool | None
    """Read upper and lower case as the same."""
    max_tokens: int | None
    """Longest text in tokens; a longer one keeps its first quarter of these and its end."""
    embedding_dim: int | None
    """Numbers per token vector."""
    hidden_size: int | None
    """LSTM units per layer and direction."""
    num_layers: int | None
    """Stacked LSTM layers."""
    bidirectional: bool | None
    """Read the text in both directions."""
    pooling: str | Sequence[Literal["max", "mean", "last"]] | None
    """How all states become one vector: max, mean, last, or several joined by commas."""
    word_dropout: float | None
    """Share of whole words hidden while training."""
    embedding_dropout: float | None
    """Share of embedding features dropped, one mask per text for all its tokens."""
    dropout: float | None
    """Share of pooled (and between-layer) features dropped."""
    forget_bias: float | None
    """Forget gate's bias at the start; 1 keeps 73 % of the cell per step."""
    chrono_horizon: int | None
    """If above 1, chrono initialisation: forget biases log U(1, horizon - 1), input biases their negatives."""
    epochs: int | None
    """Passes over the training text; 0 chooses 6 to 100, so that small data gets about 500 steps."""
    minutes: float | None
    """Hard budget of minutes, reading included; 0 sets none."""
    learning_rate: float | None
    """Peak learning rate of AdamW."""
    layer_decay: float | None
    """Learning rate of each group below the head (LSTM layers, embedding) as a share of the one above."""
    weight_decay: float | None
    """Decoupled weight decay of AdamW."""
    warmup: float | None
    """Share of the run in which the learning rate rises; it falls linearly after."""
    clip_norm: float | None
    """Largest gradient norm."""
    averaging: float | None
    """Decay of the averaged weights (EMA) that are measured and kept; 0 turns averaging off."""
    batch_tokens: int | None
    """Most tokens in a batch, padding included."""
    batch_texts: int | None
    """Most texts in a batch."""
    pretrained: str | None
    """Encoder to start from: a folder that `gatewise pretrain` made, or reviews-en, the bundled one."""
    word_vectors: bool | None
    """Start the embedding from co-occurrences in the training (and unlabelled) text, compressed (PPMI, SVD)."""
    dev_share: float | None
    """Share of the training text held out to choose by (the dev split)."""
    patience: int | None
    """Stop after this many epochs, or a quarter of all if that is more, without a better dev score."""
    checkpoint_seconds: float | None
    """Seconds between checkpoints."""
    precision: Literal["auto", "float32", "bfloat16"] | None
    """Arithmetic of training; auto measures whether bfloat16 is faster here."""
    sharing: Literal["auto", "texts", "operations"] | None
    """What the cores share: the texts of a batch, or each operation; auto measures which is faster here and now."""
    threads: int | None
    """CPU threads; 0 takes torch's own choice."""
    label_smoothing: float | None
    """Share of each label spread over all classes."""
    train_tokens: int | None
    """Most tokens of a text to learn from; 0 is max_tokens, which is what a trained network reads."""
    student_epochs: int | None
    """Passes of a second network, taught by the first on unlabelled text, that is then kept; 0 keeps the first."""
    student_texts: int | None
    """Most unlabelled texts, drawn at random, that are answered for a student to learn from; 0 takes all."""
    teachers: str | Sequence[str] | None
    """Model folders, a comma between, that together teach the student in place of a first network."""
    freeze: bool | None
    """Leave the network as it begins, an encoder's or new: fit its head alone, out of fold. For few texts."""
    class_weights: bool | None
    """Weigh classes by the inverse of their frequency, in the loss and in the dev score."""
    companion: bool | None
    """Add the log-odds of a linear model on word n-grams, weighed on the dev split, to the network's."""
    companion_words: int | None
    """Longest run of words that the companion reads."""
    companion_pieces: int | None
    """Longest piece of a word, in letters, that the companion reads too; 0 reads whole words only."""
    companion_buckets: int | None
    """Most rows of the companion's table, each a byte a class; less text has fewer."""
