"""Compile the engine to WebAssembly, and hold it in node to NumPy's answers; how much time does it take there?

    pip install ziglang        # or any clang with a WebAssembly target and lld
    python benchmarks/kernel_wasm.py --compiler "python -m ziglang cc" --keep

`--keep` puts kernel.wasm beside its source, where pages take it from. Without `--compiler` the one there is measured.
"""

import argparse
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.runtime.test_kernel_wasm import WASM, features  # noqa: E402

from gatewise.runtime.folder import load  # noqa: E402
from gatewise.runtime.network import logits_from, pooled  # noqa: E402

OPTIONS = [
    "--target=wasm32-freestanding", "-msimd128", "-O3", "-std=gnu11", "-fvisibility=hidden", "-nostdlib",
    "-Wl,--no-entry", "-Wl,--export-dynamic", "-Wl,--export=__heap_base", "-Wl,-s",
]  # fmt: skip


def main() -> None:
    """Compile if asked, then read texts of several lengths."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", help="command of a clang with a WebAssembly target")
    parser.add_argument("--keep", action="store_true", help="put the result beside its source")
    parser.add_argument("--repeats", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wasm = WASM
        if given.compiler:
            wasm = WASM if given.keep else Path(folder) / WASM.name
            command = [*shlex.split(given.compiler), *OPTIONS, "-o", str(wasm), str(WASM.with_suffix(".c"))]
            subprocess.run(command, check=True)
        print(f"{wasm.name}: {wasm.stat().st_size} bytes")
        network = load("sentiment-en").network
        random = np.random.default_rng(0)
        for tokens in (20, 230, 300, 1000):
            ids, lengths = np.minimum(random.zipf(1.2, tokens), len(network.embedding) - 1), np.array([tokens])
            found, milliseconds = features(network, ids, lengths, Path(folder), wasm, given.repeats)
            apart = np.abs(logits_from(network, found) - logits_from(network, pooled(network, ids, lengths))).max()
            print(f"{tokens:5} tokens: {milliseconds:6.1f} CPU ms, logits within {apart:.1e} of NumPy's")


if __name__ == "__main__":
    main()
