"""A classifier's network and encoded texts to what its head sees, by the compiled library; packs each network once."""

from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import ModelError
from gatewise.runtime.batches import Rows
from gatewise.runtime.kernel.cells import Floats, PackedCell, encode, pack
from gatewise.runtime.kernel.library import NUMPY, engine
from gatewise.runtime.network import Network
from gatewise.runtime.network import pooled as by_numpy

NAMES = {"max": "highest", "mean": "mean", "last": "last"}  # of poolings, in what is read
_PACKED: "WeakKeyDictionary[Network, dict[str, list[list[PackedCell]]]]" = WeakKeyDictionary()  # by the name of a path


def path_for(network: Network) -> str | None:
    """Name the path that answers for a network; None where NumPy does, as for weights that are no numbers."""
    name = engine()
    if name == NUMPY:
        return None
    try:
        packed(network, name)
    except ModelError:
        return None
    return name


def packed(network: Network, path: str) -> list[list[PackedCell]]:
    """Give a network's cells, [layer][direction], packed for a path; raises ModelError as pack() does."""
    paths = _PACKED.setdefault(network, {})
    if path not in paths:  # two threads may both pack: to the same
        paths[path] = [[pack(weights, path) for weights in directions] for directions in network.layers]
    return paths[path]


def pooled(network: Network, ids: npt.NDArray[np.integer], lengths: Rows, path: str, *, fast: bool = False) -> Floats:
    """Give what the head sees, [B, poolings * directions * H], of texts of falling lengths, [B], laid end to end."""
    layers, table = packed(network, path), network.embedding
    words, places = np.unique(ids, return_inverse=True)
    if table.scale is None:
        rows, scale = table.rows(words), None
        if not np.isfinite(rows).all():
            return by_numpy(network, ids, lengths)  # which says so; the compiled engine takes for granted what it reads
    else:
        rows, scale = table.values[words], table.scale[words]
    sides, _ = encode(layers, rows, scale, places, lengths, fast=fast)
    parts: list[Floats] = [getattr(side, NAMES[name]) for name in network.config.pooling for side in sides]
    return np.concatenate(parts, axis=1)
