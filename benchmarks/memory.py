"""How much memory? Reading and tokenising a million reviews, training on IMDB, classifying a million lines.

    GATEWISE_DATA=../shared/data python benchmarks/memory.py

Each question runs in a process of its own; the figure is that process's peak resident memory.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from gatewise.data.reading import read

MILLION = 1_000_000


def write_reviews(path: Path, count: int) -> float:
    """Write drawn IMDB reviews as JSON Lines, numbered so that none is a copy; give their mean length."""
    texts: list[str] = []
    labels: list[str] = []
    for batch in read("imdb").train.batches():
        texts += [example.text for example in batch]
        labels += [example.label for example in batch]
    characters = 0
    with path.open("w", encoding="utf-8") as file:
        for number, row in enumerate(np.random.default_rng(0).integers(len(texts), size=count).tolist()):
            text = f"{number} {texts[row]}"
            characters += len(text)
            file.write(json.dumps({"text": text, "label": labels[row]}) + "\n")
    return characters / count


def in_own_process(question: str, path: Path) -> dict[str, float]:
    """Run one question in a child; give its seconds and peak memory in GB."""
    started = time.perf_counter()
    subprocess.run([sys.executable, __file__, "--child", question, "--path", str(path)], check=True)
    seconds = time.perf_counter() - started
    return json.loads((path.parent / "peak.json").read_text()) | {"seconds": round(seconds, 1)}


def child(question: str, path: Path) -> None:
    """Answer one question and write the peak."""
    if question == "prepare":
        from gatewise.tasks.classify.prepare import prepare
        from gatewise.tasks.classify.settings import Settings

        prepared = prepare(read(path), Settings())
        tokens = len(prepared.train.steps) + len(prepared.dev.steps)
        print(f"{len(prepared.train) + len(prepared.dev):,} reviews, {tokens:,} tokens")
    elif question == "train":
        from gatewise.tasks.classify.fit import train_classifier

        train_classifier(read("imdb"), path.parent / "model", overwrite=True)
    else:
        from gatewise.data.reading import stream_texts
        from gatewise.runtime.folder import load

        with path.open("rb") as file:
            count = sum(1 for _ in load(path.parent / "model").stream(stream_texts(file, name=path.name)))
        print(f"{count:,} lines")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    (path.parent / "peak.json").write_text(json.dumps({"peak_gb": round(peak, 3)}))


def train_small(folder: Path) -> None:
    """Make a model of the default shape to predict with."""
    from gatewise.tasks.classify.fit import train_classifier
    from gatewise.tasks.classify.settings import Settings

    train_classifier(read("reviews"), folder / "model", settings=Settings().replace(epochs=1), overwrite=True)


def main() -> None:
    """Answer the questions asked for and write results/memory.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=["prepare", "predict"], choices=["prepare", "predict", "train"])
    parser.add_argument("--reviews", type=int, default=MILLION)
    parser.add_argument("--lines", type=int, default=MILLION)
    parser.add_argument("--child")
    parser.add_argument("--path", type=Path)
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "memory.json")
    arguments = parser.parse_args()
    if arguments.child:
        return child(arguments.child, arguments.path)
    answers = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reviews.jsonl"
        for question in arguments.only:
            if question == "prepare":
                length = write_reviews(path, arguments.reviews)
                print(f"{arguments.reviews:,} reviews of {length:.0f} characters, {path.stat().st_size / 1e9:.2f} GB")
            elif question == "predict":
                train_small(Path(folder))
                lines = ["A film worth seeing.", "Two hours I will never get back.", "It is what it is."]
                path.write_text("".join(f"{number} {lines[number % 3]}\n" for number in range(arguments.lines)))
            answers[question] = in_own_process(question, path)
            print(question, answers[question], flush=True)
    arguments.json.write_text(
        json.dumps({"command": "python benchmarks/memory.py", "answers": answers}, indent=2) + "\n"
    )
    return None


if __name__ == "__main__":
    main()
