"""Does the compiled engine keep to its buffers and to its answers? Random shapes under the address and
undefined-behaviour sanitizers, for as long as asked; every path of this CPU against plain C, and each text alone.

    python benchmarks/fuzz_kernel.py --minutes 30
    python benchmarks/fuzz_kernel.py --compiler "python -m ziglang cc -target aarch64-linux-musl -static" \\
        --run "qemu-aarch64 -cpu max" --no-sanitizers        # NEON, emulated
"""

import argparse
import shlex
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
KERNEL, DRIVER = ROOT / "src/gatewise/runtime/kernel", ROOT / "tests/fixtures/kernel_fuzz.c"
SANITIZED = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
ROUNDS = 300  # of one process


def main() -> None:
    """Compile the driver, then run it with seed after seed until the time is over or something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--compiler", default="cc")
    parser.add_argument("--run", default="", help="command that runs what was compiled")
    parser.add_argument("--no-sanitizers", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fuzz = Path(folder) / "fuzz"
        options = ["-O1", "-std=gnu11", "-Wno-psabi", "-I", str(KERNEL), *([] if given.no_sanitizers else SANITIZED)]
        subprocess.run([*shlex.split(given.compiler), *options, "-o", str(fuzz), str(DRIVER), "-lm"], check=True)
        end, texts, seed = time.monotonic() + 60 * given.minutes, 0, given.seed
        while time.monotonic() < end:
            done = subprocess.run(
                [*shlex.split(given.run), str(fuzz), str(seed), str(ROUNDS)],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise SystemExit(f"seed {seed}: {done.stderr}")
            texts += int(done.stdout.split()[0])
            seed += 1
        print(f"{texts} texts read with {seed - given.seed} seeds, nothing wrong")


if __name__ == "__main__":
    main()
