"""How large must the n-gram companion be, and what does it add to a network? On the dev split of IMDB's training part.

GATEWISE_DATA=../shared/data python benchmarks/companion.py --epochs 1
"""

import argparse
import dataclasses
import json
import time
from pathlib import Path

import numpy as np

from gatewise.data.reading import read
from gatewise.runtime.classifier import softmax
from gatewise.runtime.companion import logits, present
from gatewise.tasks.classify.calibrate import fit_temperature
from gatewise.tasks.classify.companion import fitted, quantised, train_companion
from gatewise.tasks.classify.fit import fit
from gatewise.tasks.classify.measure import log_loss
from gatewise.tasks.classify.prepare import Prepared, prepare
from gatewise.tasks.classify.settings import Settings


def figures(odds: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """Give accuracy and calibrated log-loss of the second class's log-odds, [N]."""
    both = np.stack([-odds / 2, odds / 2], axis=1)
    loss = log_loss(softmax(both / fit_temperature(both, targets)), targets)
    return {"accuracy": round(float(((odds > 0) == targets).mean()), 4), "log_loss": round(loss, 4)}


def sizes(prepared: Prepared, bits: list[int]) -> list[dict[str, object]]:
    """Print and give a line per size of the table: unrounded, and in eight bits."""
    rows, dev = [], prepared.dev
    for bit in bits:
        started = time.process_time()
        weights, bias = fitted(prepared.train, 2, 2**bit)
        seconds = time.process_time() - started
        odds = np.zeros(len(dev))
        for start, stop, text, bucket in present(dev, 2**bit):
            odds[start:stop] = np.bincount(text, weights[bucket, 0], minlength=stop - start) + bias[0]
        companion = quantised(weights, bias)
        row = {
            "buckets": f"2^{bit}", "MB": companion.table.nbytes / 1e6, "cpu_seconds": round(seconds, 1),
            "float32": figures(odds, dev.targets),
            "int8": figures(np.diff(logits(companion, dev), axis=1)[:, 0], dev.targets),
        }  # fmt: skip
        print(row, flush=True)
        rows.append(row)
    return rows


def main() -> None:
    """Print the sizes, the speed and the sum with a network; write results/companion.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bits", type=int, nargs="+", default=[18, 19, 20, 21, 22, 24])
    parser.add_argument("--epochs", type=int, default=1, help="of the network beside it; 0 trains the default recipe")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "companion.json")
    arguments = parser.parse_args()
    settings = Settings().replace(epochs=arguments.epochs, threads=arguments.threads)
    dataset = read("imdb")  # its test part only names the training texts to leave out
    prepared = prepare(dataset, settings)
    content = {
        "command": f"python benchmarks/companion.py --epochs {arguments.epochs} --threads {arguments.threads}",
        "dev_texts": len(prepared.dev), "sizes": sizes(prepared, arguments.bits),
    }  # fmt: skip
    companion = train_companion(prepared.train, 2)
    started = time.process_time()
    logits(companion, prepared.train)
    content["reviews_a_cpu_second"] = round(len(prepared.train) / (time.process_time() - started))
    model, dev = fit(prepared, settings)
    content["sum"] = {"accuracy": round(dev.accuracy, 4), "log_loss": round(dev.log_loss, 4)}
    content["alone"] = model.facts["dev"].get("alone")
    content["weight"], content["temperature"] = round(model.companion_weight, 3), round(model.temperature, 3)
    content["settings"] = dataclasses.asdict(settings.training)
    print({name: content[name] for name in ("reviews_a_cpu_second", "sum", "alone", "weight", "temperature")})
    arguments.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
