"""A pretrained encoder: what reads a language and answers nothing by itself."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import ConfigError
from gatewise.base.settings import AnySettings, NetworkConfig
from gatewise.runtime.tokenizer import TextTokenizer


@dataclass(frozen=True, slots=True)
class PretrainedEncoder:
    """A language model's tokenizer, shape and weights: embedding.weight, encoder.*, and what predicts words."""

    tokenizer: TextTokenizer
    network: NetworkConfig
    weights: dict[str, npt.NDArray[np.float32]]
    facts: dict[str, Any] = field(default_factory=dict)


def shaped_as(encoder: PretrainedEncoder, settings: AnySettings, *, grows: bool = False) -> AnySettings:
    """Give the settings with the shape of an encoder's network; raise ConfigError when they ask for another.

    A network may read in one direction where the encoder can in both; one that `grows` may learn the other direction.
    """
    names = ("embedding_dim", "hidden_size", "num_layers", "bidirectional")
    shape = {name: getattr(encoder.network, name) for name in names}
    usual, both, asked_both = type(settings)().network, encoder.network.bidirectional, settings.network.bidirectional
    shape["bidirectional"] = both or asked_both if grows else both and asked_both
    for name, value in shape.items():
        asked = getattr(settings.network, name)
        if asked not in (value, getattr(usual, name)):
            raise ConfigError(
                f"{name} is {asked!r} and the encoder, of another shape, has {value!r}; leave that option out."
            )
    return dataclasses.replace(settings, network=dataclasses.replace(settings.network, **shape))
