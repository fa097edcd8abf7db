"""What a wheel carries is enough: typed, with pages and samples, and it works away from this repository."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "gatewise"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="building a wheel needs hatchling (the dev extra)")
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [
            sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--no-build-isolation", "--quiet",
            "--disable-pip-version-check", "--wheel-dir", str(folder),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def unpacked(wheel: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(wheel.parent / "unpacked")
    return wheel.parent / "unpacked"


def test_wheel_carries_every_file_of_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        carried = {name for name in archive.namelist() if not name.split("/")[0].endswith(".dist-info")}
    ours = {
        path.relative_to(SOURCE.parent).as_posix()
        for path in SOURCE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert carried == ours
    assert "gatewise/py.typed" in carried
    pages = ("page.html", "css/page.css", "js/numbers.js", "words/en.json", "words/zh.json")
    assert {f"gatewise/pages/{name}" for name in pages} | {"gatewise/explanation/gradients.json"} <= carried
    assert {f"gatewise/samples/reviews/{part}" for part in ("train.parquet", "test.parquet", "README.md")} <= carried
    assert {f"gatewise/samples/{name}/model.safetensors" for name in ("reviews-en", "sentiment-en")} <= carried
    compiled = {f"gatewise/runtime/kernel/kernel.{ending}" for ending in ("so", "dylib", "dll")} & carried
    assert wheel.name.endswith("-py3-none-any.whl") != bool(compiled)  # of one platform if it carries an engine for it
    assert "-py3-none-" in wheel.name and wheel.stat().st_size < 45e6


def test_wheel_without_a_compiler_is_pure(tmp_path):
    """And leaves nothing of an earlier build in it; with GATEWISE_KERNEL=require it is none."""
    copy = tmp_path / "tree"
    copy.mkdir()
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(
        SOURCE, copy / "src" / "gatewise", ignore=shutil.ignore_patterns("__pycache__", "samples", "kernel.so")
    )
    (copy / "src/gatewise/runtime/kernel/kernel.so").write_bytes(b"of an earlier build")
    command = [
        sys.executable, "-m", "pip", "wheel", str(copy), "--no-deps", "--no-build-isolation", "--quiet",
        "--disable-pip-version-check", "--wheel-dir", str(tmp_path),
    ]  # fmt: skip
    without = os.environ | {"CC": str(tmp_path / "no-compiler")}
    assert subprocess.run(command, env=without | {"GATEWISE_KERNEL": "require"}, capture_output=True).returncode
    done = subprocess.run(command, env=without, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = tmp_path.glob("*.whl")
    assert built.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(built) as archive:
        names = archive.namelist()
    assert "gatewise/runtime/kernel/kernel.c" in names and "gatewise/runtime/kernel/kernel.so" not in names


def test_wheel_names_its_license_command_and_needs(unpacked):
    (info,) = unpacked.glob("*.dist-info")
    metadata = (info / "METADATA").read_text(encoding="utf-8")
    assert "Requires-Python: >=3.11" in metadata and "License-Expression: Apache-2.0" in metadata
    needs = [line for line in metadata.splitlines() if line.startswith("Requires-Dist: ")]
    extra: dict[str, str] = {}
    for line in sorted(needs, key=lambda line: "extra == 'train'" not in line):  # extras of extras name them again
        extra.setdefault(re.match(r"[\w-]+", line.split()[1])[0], line.partition("extra == ")[2].strip("'"))
    assert [extra[name] for name in ("numpy", "tokenizers", "safetensors", "typer", "rich")] == [""] * 5
    assert [extra[name] for name in ("torch", "scikit-learn", "pyarrow")] == ["train"] * 3
    assert "gatewise = gatewise.cli.main:main" in (info / "entry_points.txt").read_text(encoding="utf-8")
    assert list(info.glob("licenses/LICENSE"))


def away(unpacked: Path, folder: Path, *arguments: str) -> str:
    """Run Python with the unpacked wheel in front of this repository's own package, in an empty folder."""
    dropped = ("GATEWISE_DATA", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    done = subprocess.run(
        [sys.executable, "-P", *arguments],
        cwd=folder, env=kept | {"PYTHONPATH": str(unpacked), "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
        encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_wheel_answers_version_and_reads_its_reviews(unpacked, tmp_path):
    (info,) = unpacked.glob("*.dist-info")
    version = info.name.removeprefix("gatewise-").removesuffix(".dist-info")
    said = away(unpacked, tmp_path, "-m", "gatewise", "--version")
    assert re.fullmatch(rf"gatewise {re.escape(version)} \((avx512-vnni|avx2|neon|c|numpy)\)", said)
    code = (
        "import gatewise; print(gatewise.__file__)\n"
        "data = gatewise.read('reviews')\n"
        "print(*[sum(len(batch) for batch in part.batches()) for part in (data.train, data.test)])"
    )
    place, counts = away(unpacked, tmp_path, "-c", code).splitlines()
    assert Path(place) == unpacked / "gatewise" / "__init__.py"
    train, test = map(int, counts.split())
    assert train >= 3500 and test >= 1800
    assert not any(tmp_path.iterdir())


def test_wheel_trains_and_writes_a_report(unpacked, tmp_path):
    """With the page's parts and the tokenizer from the wheel alone."""
    rows = [f"{('good', 'bad')[row % 2]} film {row},{row % 2}\n" for row in range(40)]
    (tmp_path / "data.csv").write_text("text,label\n" + "".join(rows), encoding="utf-8")
    command = ["-m", "gatewise", "train", "data.csv", "--quiet", "--epochs", "1", "--hidden-size", "4"]
    code = ["--precision", "float32", "--min-count", "1", "--embedding-dim", "4"]
    done = subprocess.run(
        [sys.executable, "-P", *command, *code],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(unpacked), "OMP_NUM_THREADS": "1"}, capture_output=True,
        text=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "data" / "report.html").stat().st_size > 10_000
