"""The engine as WebAssembly, in node: it answers as the reference does."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from gatewise.base.settings import NetworkConfig
from gatewise.runtime.kernel import library
from gatewise.runtime.network import Network, Table, from_weights, pooled
from gatewise.runtime.storage import in_bytes, packed

WASM = Path(library.__file__).with_name("kernel.wasm")
DRIVER = Path(__file__).parents[1] / "fixtures" / "kernel_wasm.mjs"


def features(
    network: Network, ids: np.ndarray, lengths: np.ndarray, folder: Path, wasm: Path = WASM, repeats: int = 1
) -> tuple[np.ndarray, float]:
    """Give what the head sees of texts of falling lengths, read in node, and the CPU's milliseconds."""
    content, own = bytearray(), network.layers[0]

    def put(named: dict[str, np.ndarray | None]) -> dict[str, list[int]]:
        places = {}
        for name, array in named.items():
            if array is not None:
                places[name] = [len(content), array.nbytes]
                content.extend(np.ascontiguousarray(array).tobytes())
        return places

    words, places = np.unique(ids, return_inverse=True)
    whole = network.embedding.scale is not None
    sides = []
    for cell in own:
        (inputs, input_scale), (recurrent, recurrent_scale) = (
            in_bytes(matrix) if whole else (matrix, None) for matrix in (cell.input, cell.recurrent)
        )
        sides.append(
            put({
                "input": inputs, "input_scale": input_scale, "recurrent": recurrent,
                "recurrent_scale": recurrent_scale, "bias": cell.bias,
            })
        )  # fmt: skip
    table = network.embedding
    job = {
        "stored": int(whole), "gates": 4, "hidden": network.config.hidden_size, "inputs": table.values.shape[1],
        "words": len(words), "texts": len(lengths), "tokens": len(ids), "repeats": repeats, "directions": sides,
        "arrays": put({
            "rows": table.values[words], "scale": None if table.scale is None else table.scale[words],
            "places": places.astype(np.int32), "lengths": lengths.astype(np.int32),
        }),
    }  # fmt: skip
    files = [folder / name for name in ("job.json", "arrays.bin", "out.bin")]
    files[0].write_text(json.dumps(job), encoding="utf-8")
    files[1].write_bytes(content)
    done = subprocess.run(["node", DRIVER, wasm, *files], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    found = np.frombuffer(files[2].read_bytes(), np.float32).reshape(len(own), 3, len(lengths), -1)
    order = {"max": 0, "mean": 1, "last": 2}
    parts = [found[side, order[name]] for name in network.config.pooling for side in range(len(own))]
    return np.concatenate(parts, axis=1), float(done.stdout)


@pytest.mark.skipif(not shutil.which("node"), reason="node runs WebAssembly here, and is not installed")
@pytest.mark.parametrize(("hidden", "inputs", "storage", "near"), [(37, 11, "int8", 1e-3), (6, 5, "float32", 2e-5)])
def test_kernel_wasm_equals_numpy(tmp_path, hidden, inputs, storage, near):
    random = np.random.default_rng(0)
    config = NetworkConfig(
        embedding_dim=inputs, hidden_size=hidden, bidirectional=True, pooling=("max", "mean", "last")
    )
    weights = {"embedding.weight": random.normal(size=(20, inputs)), "head.weight": random.normal(size=(2, 6 * hidden))}
    for side in range(2):
        name = f"encoder.lstms.{side}."
        weights[f"{name}weight_ih_l0"] = random.normal(size=(4 * hidden, inputs)) / np.sqrt(inputs)
        weights[f"{name}weight_hh_l0"] = random.normal(size=(4 * hidden, hidden)) / np.sqrt(hidden)
        weights |= {f"{name}bias_{part}_l0": random.normal(size=4 * hidden) for part in ("ih", "hh")}
    weights = {name: array.astype(np.float32) for name, array in weights.items()} | {"head.bias": np.zeros(2)}
    table = None
    if storage == "int8":
        stored = packed(weights, "int8")
        table = Table(stored["embedding.weight"], stored["embedding.weight.scale"])
        weights = {
            n: stored[n] * stored[f"{n}.scale"][:, None] if weights[n].ndim == 2 else weights[n] for n in weights
        }
    network = from_weights(config, weights, table)
    lengths = np.array([30, 9, 9, 4, 1, 1])
    ids = random.integers(0, 20, lengths.sum())
    found, _ = features(network, ids, lengths, tmp_path)
    np.testing.assert_allclose(found, pooled(network, ids, lengths), atol=near)
