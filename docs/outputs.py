"""Run the commands and the snippets of a chapter, and write what they print where it stands: python docs/outputs.py.

A ```console block is a command and what it prints; a ```python block is run after those before it, and what it prints
stands in the ```text block behind it.
"""

import contextlib
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path

CHAPTERS = ("how-an-lstm-crf-reads.md", "how-an-lstm-crf-reads-zh.md")
BLOCK = re.compile(
    r"(```console\n\$ gatewise )(.*?\n)(.*?)(```\n)|(```python\n(.*?)```\n)(\n```text\n)(.*?)(```\n)", re.DOTALL
)


def filled(chapter: str) -> str:
    """Give a chapter with what its commands and snippets print now."""
    names: dict[str, object] = {}

    def run(block: re.Match[str]) -> str:
        command, snippet = block[2], block[6]
        if command:
            arguments = [sys.executable, "-m", "gatewise", *shlex.split(command)]
            done = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=120)
            return block[1] + command + done.stdout + block[4]
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(snippet, names)
        return block[5] + block[7] + printed.getvalue() + block[9]

    return BLOCK.sub(run, chapter)


if __name__ == "__main__":
    for name in CHAPTERS:
        page = Path(__file__).with_name(name)
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
