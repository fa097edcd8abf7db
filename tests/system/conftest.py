"""What a user has at hand: the command in this process or in one of its own, small data, a trained model folder."""

import csv
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from gatewise.cli.main import main
from gatewise.runtime import folder

ARGUMENTS = "--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update"
SMALL = shlex.split("""
    --epochs 2 --embedding-dim 8 --hidden-size 8 --min-count 1 --batch-texts 8 --learning-rate 0.02 --word-dropout 0
    --precision float32 --sharing texts --threads 1 --averaging 0.9
""")


@dataclass(frozen=True)
class Answer:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    def refusal(self) -> str:
        """Check that nothing but one sentence was printed, and give it."""
        assert (self.code, self.out) == (2, "")
        assert re.fullmatch(r"gatewise: [^\n]+[.?]\n", self.err), self.err
        sentence = self.err.removeprefix("gatewise: ").rstrip("\n")
        assert not re.search(r"[.!?] +[A-Z]", sentence), f"more than one sentence: {sentence}"
        assert len(sentence) < 600 and "Traceback" not in sentence
        return sentence


Command = Callable[..., Answer]


def environment(**more: str) -> dict[str, str]:
    dropped = ("PYTHONUNBUFFERED", "GATEWISE_DATA")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | {"OMP_NUM_THREADS": "1", "COLUMNS": "120"} | more


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `gatewise ...` in this process: quick, and through main() as in its own."""

    def run(*arguments: object, stdin: bytes = b"") -> Answer:
        monkeypatch.setattr(sys, "argv", ["gatewise", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return Answer(int(end.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture
def spawn(tmp_path: Path) -> Command:
    """Run `python -m gatewise ...` as a process of its own, in the test's folder."""

    def run(*arguments: object, stdin: bytes = b"", **more: str) -> Answer:
        done = subprocess.run(
            [sys.executable, "-m", "gatewise", *map(str, arguments)],
            cwd=tmp_path, env=environment(**more), input=stdin, capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def small() -> list[str]:
    """Options of a recipe that trains in a moment, silently."""
    return [*SMALL, "--quiet"]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write rows of (text, label) as CSV, TSV or JSON Lines, by the name's ending, or any bytes or text as they are."""

    def put(name: str, content: object, header: tuple[str, ...] = ("text", "label")) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, (bytes, str)):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        elif path.suffix == ".jsonl":
            rows = [json.dumps(dict(zip(header, row, strict=True))) for row in content]  # type: ignore[attr-defined]
            path.write_text("\n".join(rows) + "\n", encoding="utf-8")
        else:
            with path.open("w", encoding="utf-8", newline="") as file:
                tabs = path.suffix == ".tsv"
                quoting = csv.QUOTE_ALL if tabs else csv.QUOTE_MINIMAL  # with tabs, a mark is text in any other file
                writer = csv.writer(file, delimiter="\t" if tabs else ",", quoting=quoting)
                writer.writerows([header, *content])  # type: ignore[misc]
        return path

    return put


@pytest.fixture
def rows(english) -> list[tuple[str, str]]:
    """Rows of (text, label), more than enough to train on."""
    return list(zip(*english, strict=True))


@pytest.fixture(scope="session")
def model_folder(tiny_model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that knows neg and pos. Shared: copy it before changing it."""
    path = tmp_path_factory.mktemp("models") / "tiny"
    folder.save(tiny_model, path)
    return path


def snapshot(path: Path) -> dict[str, bytes | int]:
    """Everything under a folder, with its bytes; of what is too large, or no plain file, the size."""
    found = {}
    for entry in sorted(path.rglob("*")):
        size = entry.lstat().st_size
        plain = entry.is_file() and not entry.is_symlink() and size < 1 << 28
        found[str(entry.relative_to(path))] = entry.read_bytes() if plain else 0 if entry.is_dir() else size
    return found


@pytest.fixture
def untouched(tmp_path: Path) -> Callable[[], Callable[[], None]]:
    """Remember the test's folder now; calling what this gives checks that not a byte has changed."""

    def remember() -> Callable[[], None]:
        before = snapshot(tmp_path)

        def check() -> None:
            assert snapshot(tmp_path) == before

        return check

    return remember


def missing(reason: str) -> NoReturn:
    """Skip on a desk; fail where a skip would go unseen."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def browsing() -> Iterator[Any]:
    """Give a browser; two at once would each want the thread's loop, so tests/conftest.py makes the one of all."""
    chromium = shutil.which("chromium")
    if chromium is None:
        missing("chromium was not found on PATH: install it (Debian: apt-get install chromium) to test the pages")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("the package playwright is missing: install it (pip install playwright) to test the pages")

    with sync_playwright() as playwright:
        arguments = [*ARGUMENTS.split(), "--disable-sync"]
        launched = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield launched
        launched.close()
