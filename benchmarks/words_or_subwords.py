"""Whole words or subwords? The default recipe with each, on the dev split of IMDB's training part.

GATEWISE_DATA=../shared/data python benchmarks/words_or_subwords.py
"""

import argparse
import dataclasses
import json
import time
from pathlib import Path

from gatewise.data.reading import read
from gatewise.tasks.classify.fit import fit
from gatewise.tasks.classify.prepare import prepare
from gatewise.tasks.classify.settings import Settings

VARIANTS = {
    "words, 30,000": {},
    "words, 10,000": {"vocab_size": 10_000},
    "words, 30,000, case kept": {"lowercase": False},
    "BPE, 16,000": {"kind": "bpe", "vocab_size": 16_000},
}


def main() -> None:
    """Print a line per variant and write results/words_or_subwords.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--epochs", type=int, default=0)
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "words_or_subwords.json")
    arguments = parser.parse_args()
    dataset = dataclasses.replace(read("imdb"), test=None)
    answers = {}
    for name in arguments.only:
        settings = Settings().replace(epochs=arguments.epochs, **VARIANTS[name])
        prepared = prepare(dataset, settings)
        started = time.perf_counter()
        _, dev = fit(prepared, settings)
        answers[name] = {
            "vocab_size": prepared.tokenizer.vocab_size,
            "tokens_per_text": round(len(prepared.train.steps) / len(prepared.train), 1),
            "unknown_share": round(float((prepared.dev.steps == 1).mean()), 5),
            "dev_accuracy": round(dev.accuracy, 4),
            "dev_log_loss": round(dev.log_loss, 4),
            "seconds": round(time.perf_counter() - started, 1),
        }
        print(name, answers[name], flush=True)
        content = {"command": "python benchmarks/words_or_subwords.py", "dev_texts": dev.n, "answers": answers}
        arguments.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
