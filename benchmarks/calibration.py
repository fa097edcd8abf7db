"""Does calibration help, whatever the classes and the size of the dev split? Against none, and against what was before.

    GATEWISE_DATA=../shared/data python benchmarks/calibration.py

Log-loss on texts that nothing was fitted on, minus that of the network's logits as they are: below 0 is better than no
calibration. `before` is the fit of before 2026-12, whose imagined texts, one of each class, outweigh a small dev split
of many classes; `one`, a single imagined text in their place, and `all` are the steps from there to here.

Synthetic logits state probabilities exactly, times a scale that calibration should undo; with a companion whose weight
should be 1/T. Real ones are of networks and companions trained here, on a few hundred to a few thousand texts of public
sets, and dev splits are drawn from the texts they never met, so that no choice of an epoch flatters.
"""

import argparse
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import pandas

from gatewise.base.reliability import expected_calibration_error
from gatewise.data.part import Dataset, from_lists
from gatewise.runtime.batches import gather
from gatewise.runtime.classifier import Numbers, softmax
from gatewise.runtime.companion import logits as ngram_logits
from gatewise.runtime.engine import logits_of
from gatewise.tasks.classify import calibrate
from gatewise.tasks.classify import fit as fitting
from gatewise.tasks.classify.measure import Targets, log_loss, reliability
from gatewise.tasks.classify.prepare import prepare
from gatewise.tasks.classify.settings import Settings
from tutorial import RESULTS, record

Parts = tuple[Numbers, Numbers, Targets]  # logits of network and companion, [N, C] each, and the true classes
Factors = tuple[float, float]  # 1/T and w/T
CLASSES, SCALES, SIZES, MOST = (2, 4, 12, 50, 200), (0.6, 1.0, 1.6), (20, 50, 150, 500, 1500), 3000
FITS = ("before", "one", "all")
SETS = (  # name, texts to learn from (a fifth of them dev), classes (0: all)
    ("agnews", 200, 0), ("agnews", 2500, 0), ("chnsenticorp", 500, 0), ("chnsenticorp", 3000, 0),
    ("many/trec", 500, 0), ("many/trec", 3000, 0), ("many/sms_spam", 500, 0), ("many/custrev", 1000, 0),
    ("many/sst5", 1000, 0), ("many/airline", 2000, 0), ("many/tweet_emotion", 1000, 0), ("many/tweet_emoji", 2000, 0),
    ("many/korean_hate", 1500, 0), ("many/shopping_zh_categories", 1500, 0), ("many/thucnews_titles", 1500, 0),
    ("many/ohsumed", 1000, 0), ("many/clinc150", 750, 12), ("many/clinc150", 2000, 40), ("many/clinc150", 3000, 0),
)  # fmt: skip


def fitted(network: Numbers, companion: Numbers | None, targets: Targets, fit: str) -> Factors:
    """Give what a way of fitting finds, of the network alone where there is no companion."""
    imagined = {"before": network.shape[1], "one": 1.0}.get(fit, calibrate.IMAGINED)
    costs = {} if fit == "all" else {"SPREAD": math.inf, "TOLL": 0.0}
    with mock.patch.multiple(calibrate, IMAGINED=imagined, **costs):
        if companion is None:
            return 1 / calibrate.fit_temperature(network, targets), 0.0
        temperature, weight = calibrate.fit_blend(network, companion, targets)
        return 1 / temperature, weight / temperature


def differences(parts: Parts, size: int, draws: int, random: np.random.Generator) -> Iterator[dict[str, float]]:
    """Calibrate by draws of a dev split, and measure on the other texts: differences to none."""
    network, companion, targets = parts
    for _ in range(draws):
        order = random.permutation(len(targets))
        dev, held = order[:size], order[size : size + MOST]
        none = softmax(network[held])
        row = {}
        for name, own in (("alone", None), ("both", companion[dev])):
            for fit in FITS:
                first, second = fitted(network[dev], own, targets[dev], fit)
                shares = softmax(first * network[held] + second * companion[held])
                row[f"{name}, {fit}"] = log_loss(shares, targets[held]) - log_loss(none, targets[held])
                row[f"{name}, {fit}, calibration error"] = error(shares, targets[held]) - error(none, targets[held])
        yield row


def error(shares: Numbers, targets: Targets) -> float:
    """Give the calibration error."""
    return expected_calibration_error(reliability(shares, targets))


def synthetic(classes: int, scale: float, rows: int, random: np.random.Generator) -> Parts:
    """Draw logits that state probabilities exactly, but for the scale, and a companion's own evidence."""
    targets, size = random.integers(0, classes, rows), 1.5 + np.log(classes) / 2
    network, companion = random.normal(size=(2, rows, classes))
    true = np.eye(classes)[targets]
    return scale * size * (network + size * true), companion + true, targets


def real(name: str, texts: int, classes: int, keep: Path) -> Parts:
    """Train on some texts of a set, and give the logits of up to 5,000 others; what is kept is not trained again."""
    path = keep / f"{name.replace('/', '-')}-{texts}-{classes}.npz"
    if path.is_file():
        arrays = np.load(path)
        return arrays["network"], arrays["companion"], arrays["targets"]
    folder, random = Path(os.environ["GATEWISE_DATA"]) / name, np.random.default_rng((texts, classes))
    files = [next(folder.glob(f"{part}.*")) for part in ("train", "test")]
    tables = [(pandas.read_csv if file.suffix == ".csv" else pandas.read_parquet)(file) for file in files]
    table = pandas.concat(tables).dropna(subset=["text", "label"]).drop_duplicates("text").astype({"label": str})
    if classes:
        table = table[table["label"].isin(random.permutation(sorted(set(table["label"])))[:classes])]
    table = table.iloc[random.permutation(len(table))]
    learn, others = table[:texts], table[texts : texts + 5000]
    counts = learn["label"].value_counts()
    learn = learn[learn["label"].isin(counts[counts >= 2].index)]
    others = others[others["label"].isin(set(learn["label"]))]
    settings = Settings().replace(dev_share=0.2)
    prepared = prepare(Dataset(name, from_lists([*learn["text"]], [*learn["label"]], name=name)), settings)
    with mock.patch.object(fitting, "calibrated", side_effect=calibrate.calibrated) as called:
        fitting.fit(prepared, settings)
    model = called.call_args.args[0]  # before a companion is weighed
    index = {label: place for place, label in enumerate(prepared.labels)}
    tokenizer, targets = prepared.tokenizer, [index[label] for label in others["label"]]
    sequences = gather([tokenizer.encode_batch([*others["text"]])], targets, tokenizer.vocab_size)
    parts = logits_of(model.network, sequences), ngram_logits(model.companion, sequences), sequences.targets
    keep.mkdir(parents=True, exist_ok=True)
    np.savez(path, network=parts[0], companion=parts[1], targets=parts[2])
    return tuple(np.asarray(part, dtype=kind) for part, kind in zip(parts, (float, float, int), strict=True))


def summary(rows: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Give mean, standard error and the worst draw of every column."""
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return {
        name: {
            "mean": round(float(values.mean()), 5), "worst": round(float(values.max()), 5),
            "standard_error": round(float(values.std(ddof=1) / len(values) ** 0.5), 5),
        }
        for name, values in columns.items()
    }  # fmt: skip


def main() -> None:
    """Print the table and write results/calibration.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--keep", type=Path, default=Path("build/calibration"), help="Folder for the real logits.")
    parser.add_argument("--json", type=Path, default=RESULTS / "calibration.json")
    options = parser.parse_args()
    found: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    columns = [f"{parts}, {fit}" for parts in ("alone", "both") for fit in FITS]
    print(f"{'':42}{'dev':>5}", *(f"{column:>13}" for column in columns))
    random = np.random.default_rng(1)

    def measured(name: str, parts: Parts) -> None:
        for size in SIZES:
            if size <= 0.6 * len(parts[2]):
                row = summary(list(differences(parts, size, options.draws, random)))
                found.setdefault(name, {})[str(size)] = row
                print(f"{name:42}{size:5}", *(f"{row[column]['mean']:+13.4f}" for column in columns), flush=True)

    for classes in CLASSES:
        for scale in SCALES:
            name = f"synthetic, {classes} classes, scale {scale:g}"
            measured(name, synthetic(classes, scale, 2500 if classes == 200 else 5000, random))
    for name, texts, classes in SETS:
        parts = real(name, texts, classes, options.keep)
        measured(f"{name}, {texts} texts, {parts[0].shape[1]} classes", parts)
    head = record("calibration", 0, ["numpy", "scipy", "gatewise"])
    lines = ",\n  ".join(f"{json.dumps(name)}: {json.dumps(one, separators=(',', ':'))}" for name, one in found.items())
    head_lines = json.dumps(head | {"draws": options.draws}, indent=1)[:-2]
    options.json.write_text(f'{head_lines},\n "differences": {{\n  {lines}\n }}\n}}\n')


if __name__ == "__main__":
    main()
