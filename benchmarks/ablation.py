"""What is each ingredient of a recipe worth? Accuracy on IMDB's dev split, one ingredient changed at a time.

    GATEWISE_DATA=... python benchmarks/ablation.py --threads 2

Every row is one run of `fast` (the bundled encoder's forward direction, one pass, no limit of minutes) with the change
that its name tells. A fifth of the training part, by film, is held out to measure on; the test part is read only to
leave its texts out. Rows measured earlier stay while the recipe is the same, so that hours of runs can be spread over
days. One run a row: a difference of a quarter of a point may be chance.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import gatewise
from gatewise.runtime.encoder import shaped_as
from gatewise.tasks.classify.fit import fit, sources
from gatewise.tasks.classify.prepare import prepare
from gatewise.tasks.classify.settings import RECIPES, Settings
from tutorial import RESULTS, record

BASE: dict[str, Any] = RECIPES["fast"] | {"minutes": 0.0, "dev_share": 0.2}
CHANGES: dict[str, dict[str, Any]] = {
    "`fast`, one pass": {},
    "no encoder: word vectors alone": {"pretrained": ""},
    "no encoder, no word vectors": {"pretrained": "", "word_vectors": False},
    "`--bidirectional`": {"bidirectional": True},
    "`--word-dropout 0`": {"word_dropout": 0.0},
    "`--embedding-dropout 0`": {"embedding_dropout": 0.0},
    "`--dropout 0`": {"dropout": 0.0},
    "`--dropout 0.5`": {"dropout": 0.5},
    "`--layer-decay 1`": {"layer_decay": 1.0},
    "`--batch-texts 64`": {"batch_texts": 64},
    "`--averaging 0`": {"averaging": 0.0},
    "`--label-smoothing 0`": {"label_smoothing": 0.0},
    "`--pooling max,mean`": {"pooling": ("max", "mean")},
    "`--pooling max`": {"pooling": ("max",)},
    "`--pooling mean`": {"pooling": ("mean",)},
    "`--pooling last`": {"pooling": ("last",)},
    "`--train-tokens 200`": {"train_tokens": 200},
    "`--train-tokens 0`: texts whole": {"train_tokens": 0},
    "two passes": {"epochs": 2},
    "`--student-epochs 1 --student-texts 25000`": {"student_epochs": 1, "student_texts": 25_000},
    "the same, `--no-companion`": {"student_epochs": 1, "student_texts": 25_000, "companion": False},
}


def main() -> None:
    """Train each row and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", nargs="+", default=list(CHANGES), choices=CHANGES, metavar="ROW")
    parser.add_argument("--again", action="store_true", help="measure also what is measured already")
    parser.add_argument("--json", type=Path, default=RESULTS / "ablation.json")
    options = parser.parse_args()
    base = Settings().replace(**BASE, threads=options.threads)
    recipe, rows = json.loads(json.dumps(base.flat() | {"threads": 0})), {}  # as many as there are: no ingredient
    if options.json.is_file():
        earlier = json.loads(options.json.read_text(encoding="utf-8"))
        rows = earlier["rows"] if earlier["recipe"] == recipe else {}
    encoder, _ = sources(base)
    assert encoder is not None
    prepared = prepare(gatewise.read("imdb"), shaped_as(encoder, base), known=encoder.tokenizer)
    for name in options.only:
        if name in rows and not options.again:
            continue
        started, settings = time.perf_counter(), shaped_as(encoder, base).replace(**CHANGES[name])
        model, _ = fit(prepared, settings, encoder=encoder if settings.training.pretrained else None)
        both = model.facts["dev"]
        network = both.get("alone", {}).get("network", both)
        rows[name] = {
            "network": network["accuracy"], "network_log_loss": network["log_loss"], "accuracy": both["accuracy"],
            "log_loss": both["log_loss"], "seconds": round(time.perf_counter() - started, 1),
        }  # fmt: skip
        print(name, json.dumps(rows[name]), flush=True)
        head = record("ablation", options.threads, ["torch", "gatewise"])
        content = head | {"dev_texts": len(prepared.dev), "recipe": recipe, "rows": rows}
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print("| change | network | its log-loss | with companion | log-loss | minutes |\n|---|--:|--:|--:|--:|--:|")
    for name, row in rows.items():
        print(
            f"| {name} | {100 * row['network']:.2f} | {row['network_log_loss']:.4f} | {100 * row['accuracy']:.2f} | "
            f"{row['log_loss']:.4f} | {row['seconds'] / 60:.1f} |"
        )


if __name__ == "__main__":
    main()
