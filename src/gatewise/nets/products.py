"""Matrix products by torch for the NumPy engine: where torch's are faster, or in bfloat16; knows no network."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from gatewise.runtime.network import Floats, Product, Ready

_LOCK = threading.Lock()
_THREADS: list[int] = []  # torch's own choice, and again for each who multiplies now


@contextmanager
def by_torch(fast: bool = False) -> Iterator[Ready]:
    """Give what makes a matrix, [M, K], ready to be multiplied with, rows @ matrix.T, [N, M], each by one thread.

    `fast` rounds both to bfloat16, and every product; the sums of a gate and the cell stay in 32 bits.
    """
    dtype = torch.bfloat16 if fast else torch.float32

    def ready(matrix: Floats) -> Product:
        with torch.inference_mode():
            into = torch.from_numpy(np.ascontiguousarray(matrix)).to(dtype).t()

        def product(rows: Floats) -> Floats:
            with torch.inference_mode():
                sums: Floats = (torch.from_numpy(rows).to(dtype) @ into).float().numpy()
            return sums

        return product

    with _LOCK:
        if not _THREADS:
            _THREADS.append(torch.get_num_threads())
        _THREADS.append(_THREADS[0])
        torch.set_num_threads(1)
    try:
        yield ready
    finally:
        with _LOCK:
            torch.set_num_threads(_THREADS.pop())
            if len(_THREADS) == 1:  # the last one out
                _THREADS.clear()
