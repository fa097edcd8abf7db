"""What did the house in rooms bring? An earlier commit and this tree, in turn, each command in a process of its own.

    git worktree add ../before 3fb3649
    GATEWISE_DATA=../shared/data python benchmarks/house.py --before ../before

Both trees run in the environment this program runs in (`pip install '.[train]'`), found through PYTHONPATH. A figure is
the median over the repeats, a ratio the median of the repeats' ratios. CPU seconds are user and system together, of all
threads, from start to end. All code is compiled, and one sentence answered, before anything counts.

Reviews are drawn evenly from the whole IMDB test part (it is sorted by label), or are the bundled ones again and again.
The rate is of a process's second call: the first, of 256 reviews, loads what is loaded late. What an install takes is
the sum of all files a fresh environment holds after `pip install TREE`, without pip itself; of the earlier commit it is
counted from the packages of this environment that it names as needed, one through the other.
"""

import argparse
import datetime
import importlib.metadata
import json
import math
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

# Nothing but the standard library: what a process was before it became another counts in that other's peak memory.

HERE = Path(__file__).resolve().parent.parent
PACKAGES = ["torch", "numpy", "tokenizers", "safetensors", "typer", "rich", "scikit-learn", "pyarrow", "gatewise"]
SHORT = "A film worth seeing, though its ending is not."
TEXT = (
    "I went to see this film with low hopes, since the first one was dull and far too long. The opening half hour did "
    "little to change my mind: the jokes are old, the music never stops, and nobody seems to care. But then the story "
    "turns, the two leads are given something to do, and what follows is one of the most moving endings I have seen in "
    "years. Not perfect, but worth your evening."
)  # 76 words
FIRST = 256  # reviews of a process's first call
BEFORE, NOW, FAST = "before", "now", "now, fast"
QUESTIONS = ["commands", "reviews", "size"]


@dataclass(frozen=True, slots=True)
class Goal:
    """What a row is to reach: a figure of now, or its ratio to before, on one side of a bound."""

    name: str
    ratio: bool
    most: float = math.inf
    least: float = 0.0


GOALS = [
    Goal("predict, CPU seconds", True, most=1 / 12),
    Goal("predict, peak MB", False, most=100),
    Goal("--help, seconds", False, most=0.2),
    Goal("train --help, seconds", False, most=0.3),
    Goal("explain 76 words --html, CPU seconds", True, most=1 / 4),
    Goal("wrong column, seconds to the sentence", False, most=0.5),
    *(Goal(f"reviews a second, {threads}", True, least=1) for threads in ("1 thread", "2 threads")),
    *(Goal(f"reviews a second, {threads}, fast", True, least=2) for threads in ("1 thread", "2 threads")),
    Goal("installed, MB", False, most=180),
    Goal("lines of Python in src", True),  # about as many: a reader counts more than a line
]
Figures = dict[str, dict[str, list[float]]]  # by row, then before or now: one a repeat


@dataclass(frozen=True, slots=True)
class Taken:
    """What one process took, and what it said."""

    cpu: float
    wall: float
    sentence: float  # seconds until it said what is wrong
    peak_mb: float
    out: str


def run(tree: Path, arguments: list[str], folder: Path, *, code: int = 0, threads: int = 0) -> Taken:
    """Run Python on a tree's code, in an empty folder, and take its use of the machine from the kernel."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment |= {"PYTHONPATH": str(tree / "src")} | ({"OMP_NUM_THREADS": str(threads)} if threads else {})
    sentence, errors = math.nan, []
    with tempfile.TemporaryFile() as out:
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=folder, env=environment, stdout=out, stderr=subprocess.PIPE
        )
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(b"gatewise: ") and math.isnan(sentence):
                sentence = time.perf_counter() - started
            errors.append(line)
        _, status, usage = os.wait4(process.pid, 0)  # of this process and those it waited for, and of no other
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stderr.close()
        if process.returncode != code:
            raise SystemExit(f"{shlex.join(arguments)} ended with {process.returncode}: {b''.join(errors).decode()}")
        out.seek(0)
        said = out.read().decode()
    scale = 1 if platform.system() == "Darwin" else 1024
    return Taken(usage.ru_utime + usage.ru_stime, wall, sentence, usage.ru_maxrss * scale / 1e6, said)


def ready(tree: Path, folder: Path) -> None:
    """Make sure that a tree's code is what runs, not an installed one, and that nothing is read or compiled first."""
    where = run(tree, ["-c", "import gatewise; print(gatewise.__file__)"], folder).out.strip()
    if Path(where).resolve().parent != (tree / "src" / "gatewise").resolve():
        raise SystemExit(f"{where} was imported in place of {tree}/src; give the path of a checkout.")
    subprocess.run([sys.executable, "-m", "compileall", "-q", tree / "src"], check=True)
    run(tree, ["-m", "gatewise", "predict", SHORT], folder)


# -- commands --


def commands(trees: dict[str, Path], folder: Path, repeats: int, long_repeats: int) -> Figures:
    """Time the command line; an explanation, which takes long, less often."""
    rows = "".join(f"{'good' if row % 2 else 'bad'} film number {row},{row % 2}\n" for row in range(100))
    (folder / "some.csv").write_text("text,label\n" + rows)
    gatewise = ["-m", "gatewise"]
    asked: dict[str, tuple[list[str], int, Callable[[Taken], dict[str, float]]]] = {
        "predict": ([SHORT], 0, lambda taken: {"predict, CPU seconds": taken.cpu, "predict, peak MB": taken.peak_mb}),
        "--help": ([], 0, lambda taken: {"--help, seconds": taken.wall}),
        "train": (["--help"], 0, lambda taken: {"train --help, seconds": taken.wall}),
        "explain": (
            ["sentiment-en", TEXT, "--html", "page.html"], 0,
            lambda taken: {"explain 76 words --html, CPU seconds": taken.cpu, "explain, seconds": taken.wall},
        ),
        "train ": (
            ["some.csv", "--text-column", "nope", "--out", "model"], 2,
            lambda taken: {"wrong column, seconds to the sentence": taken.sentence},
        ),
    }  # fmt: skip
    figures: Figures = {}
    for repeat in range(max(repeats, long_repeats)):
        for name, (arguments, code, figures_of) in asked.items():
            for when, tree in trees.items() if repeat < (long_repeats if name == "explain" else repeats) else ():
                taken = run(tree, [*gatewise, name.strip(), *arguments], folder, code=code)
                for row, figure in figures_of(taken).items():
                    figures.setdefault(row, {}).setdefault(when, []).append(figure)
    return figures


# -- many reviews --


def draw(count: int, path: Path) -> None:
    """Write reviews as JSON; in a process of its own, for what it loads."""
    import pyarrow.parquet as pq

    imdb = Path(os.environ.get("GATEWISE_DATA", "")) / "imdb" / "test.parquet"
    bundled = HERE / "src" / "gatewise" / "samples" / "reviews" / "test.parquet"
    texts = pq.read_table(imdb if imdb.is_file() else bundled, columns=["text"]).column("text").to_pylist()
    step = max(1.0, len(texts) / count)
    path.write_text(json.dumps([texts[int(number * step) % len(texts)] for number in range(count)]))
    print(f"{count:,} reviews of {imdb if imdb.is_file() else bundled}", file=sys.stderr)


def score(path: Path, fast: bool) -> None:
    """Classify the reviews and print how many a second, with the log-odds, uncalibrated."""
    import gatewise

    texts = json.loads(path.read_text())
    model = gatewise.load("sentiment-en")
    more = {"fast": True} if fast else {}
    model.probabilities(texts[:FIRST], **more)
    started, worked = time.perf_counter(), time.process_time()
    chances = model.probabilities(texts, **more)
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    odds = [model.temperature * math.log(first / second) for first, second in chances.tolist()]
    print(json.dumps({"rate": len(texts) / seconds, "cpu_rate": len(texts) / worked, "odds": odds}))


def reviews(trees: dict[str, Path], folder: Path, repeats: int, count: int) -> Figures:
    """Time the scoring of many reviews, with torch installed."""
    figures: Figures = {}
    path = folder / "reviews.json"
    subprocess.run([sys.executable, __file__, "--draw", str(path), "--reviews", str(count)], check=True)
    for _ in range(repeats):
        for threads, named in ((1, "1 thread"), (2, "2 threads")):
            odds = {}
            for when in [*trees, *([FAST] if NOW in trees else [])]:
                asked = [str(Path(__file__).resolve()), "--score", str(path), *(["--fast"] if when == FAST else [])]
                taken = run(trees[NOW if when == FAST else when], asked, folder, threads=threads)
                answer = json.loads(taken.out)
                odds[when] = answer["odds"]
                ways = {"": when} if when == NOW else {", fast": NOW} if when == FAST else {"": when, ", fast": when}
                for fast, side in ways.items():
                    for row, figure in {
                        f"reviews a second, {named}{fast}": answer["rate"],
                        f"reviews a CPU second, {named}{fast}": answer["cpu_rate"],
                        f"scoring, {named}{fast}, whole process, seconds": taken.wall,
                        f"scoring, {named}{fast}, peak MB": taken.peak_mb,
                    }.items():
                        figures.setdefault(row, {}).setdefault(side, []).append(figure)
            for fast, when in {"": NOW, ", fast": FAST}.items() if NOW in trees else ():
                most = max(abs(now - then) for now, then in zip(odds[when], odds[BEFORE], strict=True))
                row = f"log-odds moved at most by, {named}{fast}"
                figures.setdefault(row, {}).setdefault(NOW, []).append(most)
    return figures


# -- size --


def installed(tree: Path, folder: Path) -> float:
    """Install a tree into a fresh environment; give the megabytes it then has."""
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", tree], check=True)
    site = next((environment / "lib").glob("python*/site-packages"))
    tools = re.compile(r"(pip|setuptools|_distutils_hack|distutils-)")
    brought = [part for part in site.iterdir() if not tools.match(part.name)]
    return sum(file.lstat().st_size for part in brought for file in ([part] if part.is_file() else walked(part))) / 1e6


def walked(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def counted(tree: Path) -> float:
    """Add up the packages of this environment that a tree needs, and the tree's own: megabytes."""
    from packaging.requirements import Requirement

    project = tomllib.loads((tree / "pyproject.toml").read_text())["project"]
    waiting, size, seen = [(text, "") for text in project["dependencies"]], 0, set()
    while waiting:
        text, extra = waiting.pop()
        needed = Requirement(text)
        if needed.marker and not needed.marker.evaluate({"extra": extra}):
            continue
        for more in {"", *needed.extras} - {known for name, known in seen if name == needed.name}:
            distribution = importlib.metadata.distribution(needed.name)
            if not any(name == needed.name for name, _ in seen):
                places = (Path(str(file.locate())) for file in distribution.files or ())
                size += sum(path.stat().st_size for path in places if path.is_file())
            seen.add((needed.name, more))
            waiting += [(inner, more) for inner in distribution.requires or ()]
    return (size + sum(path.stat().st_size for path in walked(tree / "src"))) / 1e6


def lines(tree: Path) -> float:
    """Count the lines of Python that git knows under src."""
    listed = subprocess.run(
        ["git", "-C", tree, "ls-files", "-z", "src/*.py"], check=True, capture_output=True, text=True
    ).stdout
    return float(sum((tree / name).read_bytes().count(b"\n") for name in listed.split("\0") if name))


# -- the table --


def table(figures: Figures) -> dict[str, dict[str, float | bool | None]]:
    """Print a line a row, goals first; give the same as numbers."""
    goals = {goal.name: goal for goal in GOALS}
    rows: dict[str, dict[str, float | bool | None]] = {}
    print(f"\n| {'':45} | {'before':>9} | {'now':>9} | {'ratio':>7} | goal\n|---|--:|--:|--:|---")
    for name in sorted(figures, key=lambda name: list(goals).index(name) if name in goals else len(goals)):
        middle = {when: statistics.median(values) for when, values in figures[name].items()}
        ratio = None
        if BEFORE in middle and NOW in middle:
            pairs = zip(figures[name][NOW], figures[name][BEFORE], strict=True)
            ratio = statistics.median(now / then for now, then in pairs)
        met, said = reached(goals[name], ratio, middle.get(NOW)) if name in goals else (None, "")
        shown = [number(value) for value in (middle.get(BEFORE), middle.get(NOW), ratio)]
        print(f"| {name:45} | {shown[0]:>9} | {shown[1]:>9} | {shown[2]:>7} | {said}")
        rows[name] = {**{when: round(value, 9) for when, value in middle.items()}, "ratio": ratio, "met": met}
    return rows


def reached(goal: Goal, ratio: float | None, now: float | None) -> tuple[bool | None, str]:
    """Say whether a row reached its goal, where that was measured, and what the goal is."""
    if goal.most == math.inf and not goal.least:
        return None, ""
    said = f"at most {goal.most:.3g}" if goal.most < math.inf else f"at least {goal.least:g}"
    said += " of before" * goal.ratio
    figure = ratio if goal.ratio else now
    if figure is None:
        return None, said
    met = goal.least <= figure <= goal.most
    return met, f"{said}: {'yes' if met else 'NO'}"


def number(value: float | None) -> str:
    """Show a figure."""
    return "" if value is None else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def machine() -> dict[str, object]:
    """Describe the machine."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*:\s*(.+)$", info.read_text(), flags=re.MULTILINE) if info.is_file() else []
    return {"cpu": (names or [platform.machine()])[0], "cores": os.cpu_count(), "system": platform.system()}


def commit(tree: Path) -> str:
    said = subprocess.run(["git", "-C", tree, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return said.stdout.strip()


def measure(trees: dict[str, Path], options: argparse.Namespace) -> Figures:
    """Measure what was asked for."""
    figures: Figures = {}
    wanted = options.only or QUESTIONS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for tree in trees.values():
            ready(tree, folder)
        if "commands" in wanted:
            figures |= commands(trees, folder, options.repeats, options.long_repeats)
        if "reviews" in wanted:
            figures |= reviews(trees, folder, options.long_repeats, options.reviews)
        if "size" in wanted:
            figures["lines of Python in src"] = {when: [lines(tree)] for when, tree in trees.items()}
            figures["installed, MB"] = {BEFORE: [counted(trees[BEFORE])]}
            if NOW in trees:
                figures["installed, MB"][NOW] = [counted(HERE) if options.no_install else installed(HERE, folder)]
    return figures


def write(path: Path, trees: dict[str, Path], options: argparse.Namespace, figures: Figures, rows: object) -> None:
    """Write the figures with the machine, the versions and the command."""
    content = {
        "benchmark": "house",
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "command": f"python benchmarks/house.py {shlex.join(sys.argv[1:])}",
        "machine": machine(),
        "versions": {"python": platform.python_version()}
        | {package: importlib.metadata.version(package) for package in PACKAGES},
        "commits": {when: commit(tree) for when, tree in trees.items()},
        "settings": {name: getattr(options, name) for name in ("repeats", "long_repeats", "reviews", "no_install")},
        "rows": rows,
        "measured": {
            row: {when: [round(figure, 6) for figure in taken] for when, taken in sides.items()}
            for row, sides in figures.items()
        },
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Print the table and write it; or be one of the processes that are timed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="a checkout of the earlier commit")
    parser.add_argument("--only", nargs="+", choices=QUESTIONS, default=[], help="a part; writes no file")
    parser.add_argument("--skip-now", action="store_true", help="measure the earlier commit alone; writes no file")
    parser.add_argument("--no-install", action="store_true", help="count packages, install into no fresh environment")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--long-repeats", type=int, default=3, help="of explaining and of scoring")
    parser.add_argument("--reviews", type=int, default=2000)
    parser.add_argument("--json", type=Path, default=HERE / "benchmarks" / "results" / "house.json")
    for name in ("--draw", "--score"):
        parser.add_argument(name, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--fast", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.draw:
        return draw(options.reviews, options.draw)
    if options.score:
        return score(options.score, options.fast)
    if not options.before:
        parser.error("give --before, a checkout of the earlier commit")
    trees = {BEFORE: options.before.resolve()} | ({} if options.skip_now else {NOW: HERE})
    figures = measure(trees, options)
    rows = table(figures)
    if not options.skip_now and not options.only:
        write(options.json, trees, options, figures, rows)
    return None


if __name__ == "__main__":
    main()
