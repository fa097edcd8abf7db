"""Where and how finely torch computes."""

from contextlib import AbstractContextManager
from typing import Any

import torch


def autocast(precision: str) -> AbstractContextManager[Any]:
    """Compute in bfloat16 where that was chosen; weights, losses and optimiser stay float32."""
    return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")
