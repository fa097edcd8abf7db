"""The examples as a user runs them: each ends well and prints what it promises, on a little data."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gatewise

EXAMPLES = Path(__file__).parents[2] / "examples"
DOCS = Path(__file__).parents[2] / "docs"


def run(name: str, *options: str, cwd: Path) -> str:
    """Run one example in an empty folder, with one thread, and give what it printed."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *options],
        cwd=cwd, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, encoding="utf-8",
        timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_imdb_prints_loss_and_accuracy_for_each_epoch(tmp_path: Path) -> None:
    printed = run("imdb.py", "reviews", "--epochs", "2", "--limit", "200", cwd=tmp_path)
    assert re.fullmatch(r"(Epoch: \d, Test Loss: \d\.\d{4}, Test Acc: [01]\.\d{4}\n){2}", printed)


def test_imdb_learns(tmp_path: Path) -> None:
    """Texts that one word gives away must be told apart: a tutorial that does not learn is where we set out from."""
    for part, count in (("train", 400), ("test", 100)):
        rows = [f"a film that i found {('dull', 'fine')[row % 2]} number {row},{row % 2}\n" for row in range(count)]
        (tmp_path / f"{part}.csv").write_text("text,label\n" + "".join(rows), encoding="utf-8")
    printed = run("imdb.py", str(tmp_path), "--epochs", "8", cwd=tmp_path)
    assert float(printed.split()[-1]) > 0.95


def test_imdb_is_short_enough_to_read() -> None:
    assert len((EXAMPLES / "imdb.py").read_text(encoding="utf-8").splitlines()) <= 60


def test_demo_trains_measures_predicts_and_says_where_the_report_lies(tmp_path: Path) -> None:
    options = ["--epochs", "1", "--embedding-dim", "16", "--hidden-size", "16", "--max-tokens", "32"]
    for _ in range(2):  # the second run replaces what the first one left
        printed = run("demo.py", *options, cwd=tmp_path)
    assert re.search(r"accuracy +[01]\.\d{4}", printed)
    assert len(re.findall(r"^(?:negative|positive)\t[01]\.\d{4}$", printed, re.MULTILINE)) == 3
    assert "demo-model/report.html" in printed
    assert re.search(
        r"^without it: gatewise train reviews --recipe labels", printed, re.MULTILINE
    )
    assert (tmp_path / "demo-model" / "report.html").is_file()
    assert not (tmp_path / "demo-model.training").exists()


def test_api_fits_saves_loads_and_predicts(tmp_path: Path) -> None:
    printed = run("api.py", cwd=tmp_path)
    assert "loaded        ['good', 'bad']" in printed
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("page", ["how-an-lstm-decides.md", "how-an-lstm-decides-zh.md"])
def test_the_chapter_tells_what_the_model_in_the_box_computes(page: str) -> None:
    chapter = (DOCS / page).read_text(encoding="utf-8")
    for theirs, ours in (("−", "-"), ("（", " ("), ("）", ")")):
        chapter = chapter.replace(theirs, ours)
    text = re.search(r'gatewise explain sentiment-en "(.*)" --html', chapter)
    assert text
    found = gatewise.explain(gatewise.load("sentiment-en"), text[1])
    told = re.search(r"^\| ([-+][\d.]+) \| (\S+) \| (\S+) \| (\S+) \|$", chapter, re.MULTILINE)
    assert told
    row = [found.contributions.sum(), found.bias, found.residual, found.logit]
    assert row == pytest.approx([float(cell) for cell in told.groups()], abs=2e-4)
    for token in ("3", "potential", "underdeveloped", "nowhere", "problem", "good", "neat"):
        share = found.contributions[found.tokens.index(token)]
        assert f"*{token}* ({share:+.2f})" in chapter
    assert f"{100 * found.probability:.1f}" in chapter
