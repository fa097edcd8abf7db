"""Train on the bundled reviews, measure, predict: what `make demo` runs, as commands you could type.

Options given here go to `gatewise train` in place of its --minutes: `python examples/demo.py --epochs 1`.
"""

import subprocess
import sys

SENTENCES = [
    "A warm, funny film with two leads you miss as soon as it is over.",
    "A dull script, wooden acting, and two hours that feel like four.",
    "The plot makes no sense at all, and I still enjoyed every minute of it.",
]


def gatewise(*arguments: str) -> None:
    """Show a command, run it, and stop where it fails."""
    print("\n$ gatewise", *(f'"{word}"' if " " in word else word for word in arguments), flush=True)
    if code := subprocess.call([sys.executable, "-m", "gatewise", *arguments]):
        sys.exit(code)


# The figures printed after training are those of the test part: 2,000 reviews of films that training never met.
gatewise("train", "reviews", "--out", "demo-model", "--overwrite", *(sys.argv[1:] or ["--minutes", "2.5"]))
print("""
The companion weighs the words and phrases of these 4,000 reviews alone; the network began with an encoder that had read
many more, so it knows more, and their sum, weighed on the dev split, is mostly best. To see what these reviews teach
without it: gatewise train reviews --recipe labels --out demo-labels""")
gatewise("predict", "demo-model", *SENTENCES)
print("\nOpen demo-model/report.html in a browser: learning curves, confusion matrix, the most confident errors.")
