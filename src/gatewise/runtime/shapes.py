"""The name and shape of every weight of a network, told from its settings alone, before anything is opened or built."""

from gatewise.base.settings import NetworkConfig


def encoder_shapes(config: NetworkConfig, vocab_size: int) -> dict[str, tuple[int, ...]]:
    """Give the name and shape of every parameter of an embedding and an Encoder without building them."""
    hidden, directions = config.hidden_size, 2 if config.bidirectional else 1
    shapes: dict[str, tuple[int, ...]] = {"embedding.weight": (vocab_size, config.embedding_dim)}
    for index in range(config.num_layers * directions):
        inputs = config.embedding_dim if index < directions else directions * hidden
        name = f"encoder.lstms.{index}."
        shapes[f"{name}weight_ih_l0"] = (4 * hidden, inputs)
        shapes[f"{name}weight_hh_l0"] = (4 * hidden, hidden)
        shapes[f"{name}bias_ih_l0"] = shapes[f"{name}bias_hh_l0"] = (4 * hidden,)
    return shapes


def parameter_shapes(config: NetworkConfig, vocab_size: int, num_classes: int) -> dict[str, tuple[int, ...]]:
    """Give the name and shape of every parameter of a TextLSTM without building it."""
    features = (2 if config.bidirectional else 1) * config.hidden_size * len(config.pooling)
    return encoder_shapes(config, vocab_size) | {"head.weight": (num_classes, features), "head.bias": (num_classes,)}


def language_shapes(config: NetworkConfig, vocab_size: int) -> dict[str, tuple[int, ...]]:
    """Give the name and shape of every parameter of a LanguageModel without building it."""
    shapes = encoder_shapes(config, vocab_size)
    for task in ("next_words", "ahead_words"):
        shapes[f"{task}.bias"] = (vocab_size,)
        for direction in range(2 if config.bidirectional else 1):
            shapes[f"{task}.maps.{direction}.weight"] = (config.embedding_dim, config.hidden_size)
            shapes[f"{task}.maps.{direction}.bias"] = (config.embedding_dim,)
    return shapes
