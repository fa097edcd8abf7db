"""What accuracy for how many minutes? gatewise and its peers on IMDB's test part (`make bench-curve`).

    GATEWISE_DATA=... python benchmarks/curve.py --threads 2

Each budget of gatewise is one training of the recipe that is meant for it, with `--minutes`; reading the data counts.
The linear models, fastText and VADER have one time of their own; the tutorial's network is trained for one epoch and
for more. What results/curve.json or, of the peers, results/peers.json holds already is not measured again without
--again: hours of runs can be spread over days. `--model FOLDER --minutes M --name NAME --command COMMAND`
records a model trained apart, with the minutes that its encoder and it took and the command that made it. The time of
`best` is the whole command's, measuring included. What is below 85 % is in the figures and not in the picture. Every
reading of the test part belongs into docs/experiments.md.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from gatewise.lab.plots import STYLE, new_figure, save
from peers import PEERS, measure_apart
from tutorial import RESULTS, record

LABELS, ENCODER = "gatewise, labels alone", "gatewise, from the bundled encoder"
SCRATCH = "gatewise, its encoder's pretraining counted"
BUDGETS: dict[str, list[tuple[float, list[str]]]] = {  # minutes, and the options of `gatewise train imdb`
    LABELS: [
        (0.5, ["--recipe", "labels", "--no-word-vectors"]), (2, ["--recipe", "labels"]), (10, ["--recipe", "labels"]),
    ],
    ENCODER: [
        (2, ["--recipe", "fast"]), (4.5, ["--recipe", "fast"]),
        (10, ["--recipe", "standard", "--student-epochs", "0"]),  # no time for a second network
        (30, ["--recipe", "standard"]),
    ],
    SCRATCH: [(180, ["--recipe", "best"])],
}  # fmt: skip
LEAST = 85  # percent, of the picture
TUTORIAL, TUTORIAL_EPOCHS = "tutorial network, repaired", (1, 3, 10)
COLOURS = {
    LABELS: ("#0072B2", "o", "--"), ENCODER: ("#0072B2", "o", "-"), SCRATCH: ("#0072B2", "D", ""),
    TUTORIAL: ("#888888", "s", ":"), "TF-IDF + logistic regression": ("#E69F00", "^", ""),
    "NB-SVM": ("#D55E00", "v", ""), "fastText (floret)": ("#009E73", "P", ""), "VADER": ("#CC79A7", "X", ""),
}  # fmt: skip


def ours(minutes: float, extra: list[str], threads: int) -> dict[str, Any]:
    """Train one budget and measure it on the test part."""
    budget = 0 if "best" in extra else minutes  # this recipe keeps its own
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        command = [sys.executable, "-m", "gatewise", "train", "imdb", *extra, "--threads", str(threads)]
        command += ["--minutes", str(budget)] if budget else []
        started = time.perf_counter()
        subprocess.run([*command, "--out", str(model)], check=True, stdout=sys.stderr)
        taken = (time.perf_counter() - started) / 60
        found = evaluated(model)
    return found | {"command": " ".join(["gatewise", *command[3:]]), "minutes": budget or round(taken, 2)}


def evaluated(model: Path) -> dict[str, Any]:
    """Give what `gatewise train` measured on the test part, and the minutes that training took."""
    facts = json.loads((model / "config.json").read_text(encoding="utf-8"))["facts"]
    test = facts["test"]
    return {
        "accuracy": test["accuracy"], "alone": {name: part["accuracy"] for name, part in test.get("alone", {}).items()},
        "trained_minutes": round(facts["trained_seconds"] / 60, 2),
    }  # fmt: skip


def from_table(path: Path) -> list[dict[str, Any]]:
    """Give the peers' points from the table of `make bench`."""
    return [
        {
            "system": row["name"], "budget": TUTORIAL_EPOCHS[-1] if row["name"] == TUTORIAL else 0,
            "minutes": round(row["train_seconds"] / 60, 2), "date": row["date"], "threads": row["threads"],
            "accuracy": row["test_accuracy"], "note": row["note"],
        }
        for row in json.loads(path.read_text(encoding="utf-8"))["rows"]
        if row["name"] in PEERS
    ]  # fmt: skip


def draw(points: list[dict[str, Any]], folder: Path) -> None:
    """Draw test accuracy against minutes of training."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figure = new_figure(8, 4.6)
        panel = figure.subplots()
        for name, (colour, mark, dash) in COLOURS.items():
            reached = [(p["minutes"], 100 * p["accuracy"]) for p in points if p["system"] == name]
            if own := sorted(point for point in reached if point[1] >= LEAST):
                panel.plot(*zip(*own, strict=True), color=colour, marker=mark, linestyle=dash or "none", label=name)
                for minutes, accuracy in own:
                    panel.annotate(
                        f"{accuracy:.1f}", (minutes, accuracy), (0, -13 if mark == "v" else 6), ha="center",
                        textcoords="offset points", fontsize=8, color=colour,
                    )  # fmt: skip
        ticks = (0.2, 0.5, 1, 2, 5, 10, 30, 60, 180)
        panel.set(xscale="log", xlabel="minutes of training, two CPU cores", ylabel="IMDB test accuracy, %")
        panel.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        panel.set_xticks([], minor=True)
        panel.margins(x=0.06, y=0.1)
        figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
        save(figure, folder, "curve")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", nargs="+", default=list(COLOURS), choices=COLOURS, metavar="SYSTEM")
    parser.add_argument("--budgets", type=float, nargs="+", help="of gatewise, these minutes only")
    parser.add_argument("--again", action="store_true", help="measure also what is measured already")
    parser.add_argument("--draw", action="store_true", help="measure nothing; draw the picture")
    parser.add_argument("--model", type=Path, help="record a model trained apart")
    parser.add_argument("--minutes", type=float, help="the minutes that it took, its encoder's included")
    parser.add_argument("--command", help="the command that made it")
    parser.add_argument("--name", choices=[LABELS, ENCODER, SCRATCH], default=SCRATCH)
    parser.add_argument("--json", type=Path, default=RESULTS / "curve.json")
    parser.add_argument("--pictures", type=Path, default=Path(__file__).parent.parent / "docs" / "pictures")
    options = parser.parse_args()
    if options.model and not (options.minutes and options.command):
        parser.error("--model needs --minutes and --command.")
    table = from_table(RESULTS / "peers.json") if (RESULTS / "peers.json").is_file() else []  # of `make bench`
    points: dict[tuple[str, float], dict[str, Any]] = {}
    if options.json.is_file():
        points = {(p["system"], p["budget"]): p for p in json.loads(options.json.read_text("utf-8"))["points"]}
    measured = {(p["system"], p["budget"]) for p in table} | points.keys()

    def keep(system: str, budget: float, found: dict[str, Any]) -> None:
        today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
        points[system, budget] = {"system": system, "budget": budget, "date": today, "threads": options.threads} | found
        print(f"{system}: {found['accuracy']:.2%} in {found['minutes']:.1f} minutes", flush=True)
        head = record("curve", options.threads, ["torch", "scikit-learn", "gatewise"])
        head["command"] = "python benchmarks/curve.py, in parts: see each point"
        options.json.write_text(json.dumps(head | {"points": list(points.values())}, indent=1) + "\n", encoding="utf-8")

    if options.model:
        told = {"minutes": options.minutes, "command": options.command}
        budget = min((most for most, _ in BUDGETS[options.name] if most >= options.minutes), default=options.minutes)
        keep(options.name, budget, evaluated(options.model) | told)
    for system in [] if options.draw or options.model else options.only:
        budgets = BUDGETS.get(system, [])
        for budget, extra in budgets:
            wanted = not options.budgets or budget in options.budgets
            if wanted and (options.again or (system, budget) not in measured):
                keep(system, budget, ours(budget, extra, options.threads))
        for epochs in TUTORIAL_EPOCHS if system == TUTORIAL else [0] if system in PEERS else []:
            if options.again or (system, epochs) not in measured:
                asked = argparse.Namespace(data="imdb", threads=options.threads, tutorial_epochs=epochs)
                if row := measure_apart(system, asked):
                    minutes = round(row.train_seconds / 60, 2)
                    keep(system, epochs, {"accuracy": row.test_accuracy, "minutes": minutes, "note": row.note})
    draw([*points.values(), *(p for p in table if (p["system"], p["budget"]) not in points)], options.pictures)


if __name__ == "__main__":
    main()
