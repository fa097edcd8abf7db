"""Is a goshawk a better search, or does it know where zero is? Spheres and Rastrigin's bowl, their optimum moved.

    python benchmarks/swarm.py

Ten dimensions; the optimum lies at plus and minus `shift` times the half-width, signs taking turns. 4,020 evaluations,
medians over the seeds: NGO as published, NGO re-centred by a random shift around the edges of the box, random search,
and CMA-ES where cmaes and optuna are installed. The second table leaves optimum and box as they are (the optimum in the
middle, or at 90 % of the box) and only renames the box's coordinates, with 2,020 evaluations: what sees differences
alone cannot tell. The third has nothing to find: where goes the population on noise?
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from gatewise.training.search import Proposals, Range, proposals
from gatewise.training.swarm import northern_goshawk

DIMENSIONS = 10
SHIFTS = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8)
BOXES = ((-100.0, 100.0), (0.0, 200.0), (1000.0, 1200.0))
RESULTS = Path(__file__).parent / "results"
Function = Callable[[np.ndarray], float]


def sphere(away: np.ndarray) -> float:
    """Give the squared distance from the optimum."""
    return float(away @ away)


def rastrigin(away: np.ndarray) -> float:
    """Give Rastrigin's function of the distance from the optimum: a bowl with a dent at every whole number."""
    return float(10 * len(away) + (away * away - 10 * np.cos(2 * np.pi * away)).sum())


FUNCTIONS: dict[str, tuple[Function, float]] = {"sphere": (sphere, 100.0), "rastrigin": (rastrigin, 5.12)}


def begun(method: str, low: float, high: float, trials: int, seed: int) -> tuple[Proposals, Callable[..., np.ndarray]]:
    """Begin a method on a box, and give what turns its points into the box's: published NGO sees the box itself."""
    if method == "ngo-published":
        ends = np.full(DIMENSIONS, low), np.full(DIMENSIONS, high)
        return northern_goshawk(*ends, trials, np.random.default_rng(seed)), lambda point: point
    box = [Range(f"x{number}") for number in range(DIMENSIONS)]
    return proposals(box, method, trials, seed), lambda point: low + (high - low) * point


def least(
    method: str, function: Function, optimum: np.ndarray, low: float, high: float, trials: int, seed: int
) -> float:
    """Search a box, and give the least value met."""
    hunt, placed = begun(method, low, high, trials, seed)
    point, found = next(hunt), np.inf
    for _ in range(trials):
        score = function(placed(point) - optimum)
        found = min(found, score)
        point = hunt.send(score)
    return float(found)


def drift(low: float, high: float, trials: int, seed: int) -> float:
    """Give the mean size of published NGO's best points' coordinates on noise, as a share of the half-width."""
    draw = np.random.default_rng(1000 + seed)
    hunt = northern_goshawk(np.full(DIMENSIONS, low), np.full(DIMENSIONS, high), trials, np.random.default_rng(seed))
    point, kept = next(hunt), []
    for _ in range(trials):
        score = float(draw.random())
        kept.append((score, point))
        point = hunt.send(score)
    best = [point for _, point in sorted(kept, key=lambda pair: pair[0])[:20]]
    return float(np.abs(best).mean() / high)


def main() -> None:
    """Print the tables and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=9)
    parser.add_argument("--json", type=Path, default=RESULTS / "swarm.json")
    options = parser.parse_args()
    from tutorial import record

    methods = ["ngo-published", "ngo", "random", *(["cmaes"] if find_spec("cmaes") and find_spec("optuna") else [])]
    signs = np.where(np.arange(DIMENSIONS) % 2, -1.0, 1.0)
    started, tables = time.process_time(), {}

    def middle(method: str, function: Function, optimum: np.ndarray, low: float, high: float, trials: int) -> float:
        seeds = range(1, options.seeds + 1)
        return statistics.median(least(method, function, optimum, low, high, trials, seed) for seed in seeds)

    for name, (function, half) in FUNCTIONS.items():
        print(f"{name:16}" + "".join(f"{shift:>10}" for shift in SHIFTS))
        for method in methods:
            row = {str(shift): middle(method, function, shift * half * signs, -half, half, 4020) for shift in SHIFTS}
            tables.setdefault(name, {})[method] = row
            print(f"{method:16}" + "".join(f"{value:10.2g}" for value in row.values()), flush=True)
    for where, share in (("in the middle", 0.5), ("at 90 %", 0.9)):
        print(f"sphere, optimum {where}: " + ", ".join(f"{low:g} to {high:g}" for low, high in BOXES))
        for method in methods:
            row = {}
            for low, high in BOXES:
                optimum = np.full(DIMENSIONS, low + share * (high - low))
                row[f"{low:g} to {high:g}"] = middle(method, sphere, optimum, low, high, 2020)
            tables.setdefault(f"boxes, optimum {where}", {})[method] = row
            print(f"{method:16}" + "".join(f"{value:10.2g}" for value in row.values()), flush=True)
    sizes = [drift(-100, 100, 4020, seed) for seed in range(1, options.seeds + 1)]
    tables["noise"] = {"mean size of the best 20, of a half-width; 0.5 without bias": statistics.median(sizes)}
    print(f"noise: mean size of coordinates {statistics.median(sizes):.2f} of the half-width, 0.5 without bias")
    versions = ["numpy", "gatewise", *(["cmaes", "optuna"] if "cmaes" in methods else [])]
    head = record("swarm", 1, versions) | {"seeds": options.seeds, "seconds": round(time.process_time() - started, 1)}
    options.json.write_text(json.dumps(head | {"tables": tables}, indent=1))


if __name__ == "__main__":
    main()
