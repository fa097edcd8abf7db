"""How far a run is and how fast it learns there: pure functions of its config and of what is done."""

import math

from gatewise.base.settings import TrainingConfig


def epochs_for(config: TrainingConfig, steps: int) -> int:
    """Give the number of passes: as set, or 6 to 100, so that a small data set too gets about 500 steps."""
    return config.epochs or min(100, max(6, math.ceil(500 / steps)))


def patience_for(config: TrainingConfig, epochs: int) -> int:
    """Give the number of passes without a better score after which a run of so many at most ends."""
    return max(config.patience, math.ceil(epochs / 4))


def learning_rate_at(share: float, config: TrainingConfig) -> float:
    """Give the rate at a share of the run: a linear rise, then a linear fall to nothing (slanted triangle)."""
    rise = (share + 1e-3) / config.warmup if config.warmup else 1.0
    return config.learning_rate * min(rise, (1 - share) / (1 - config.warmup), 1.0)


def budget_share(config: TrainingConfig, seconds: float, measuring: float | None) -> float:
    """Give the share of the minutes that is spent, keeping back what the last look at the dev split will take.

    `measuring` is the seconds of a look, None where no step has told the speed yet.
    """
    if not config.minutes:
        return 0.0
    budget = 60 * config.minutes
    measuring = 0.1 * budget if measuring is None else measuring
    return seconds / (budget - min(measuring + 1, 0.5 * budget))


def decay_at(step: int, averaging: float) -> float:
    """Give the share of the averaged weights that stays in a step, the first being 1; early ones are soon forgotten."""
    return min(averaging, step / (9 + step))
