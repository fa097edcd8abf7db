"""A pretrained encoder: what reads a language and answers nothing by itself."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gatewise.base.settings import NetworkConfig
from gatewise.runtime.tokenizer import TextTokenizer


@dataclass(frozen=True, slots=True)
class PretrainedEncoder:
    """A language model's tokenizer, shape and weights: embedding.weight, encoder.*, and what predicts words."""

    tokenizer: TextTokenizer
    network: NetworkConfig
    weights: dict[str, npt.NDArray[np.float32]]
    facts: dict[str, Any] = field(default_factory=dict)
