"""How far a run is and how fast it learns there."""

import numpy as np
import pytest

from gatewise.base.settings import TrainingConfig
from gatewise.training.schedule import budget_share, decay_at, epochs_for, learning_rate_at, patience_for


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5, 0.9])
def test_schedule_rises_falls_and_ends_at_nothing(warmup):
    config = TrainingConfig(warmup=warmup, learning_rate=0.5)
    shares = np.linspace(0, 1, 201)
    rates = np.array([learning_rate_at(share, config) for share in shares])
    assert (np.diff(rates[shares < warmup]) >= 0).all() and (np.diff(rates[shares > warmup]) <= 0).all()
    assert 0 < rates[0] <= (0.5 if warmup == 0 else 0.02)
    assert rates.max() == pytest.approx(0.5, rel=0.02) and rates[-1] == pytest.approx(0, abs=1e-12)
    middle = (1 + warmup) / 2
    assert learning_rate_at(middle, config) == pytest.approx(0.25, rel=1e-6)


def test_schedule_budget_keeps_time_to_measure():
    assert budget_share(TrainingConfig(), 1e9, 5.0) == 0  # no minutes, no budget
    config = TrainingConfig(minutes=1.0)
    assert budget_share(config, 30, None) == pytest.approx(30 / (60 - 6 - 1))  # a tenth, until the speed is known
    assert budget_share(config, 30, 0.0) == pytest.approx(30 / 59)
    assert budget_share(config, 30, 10.0) == pytest.approx(30 / 49)
    assert budget_share(config, 30, 1e9) == pytest.approx(30 / 30)  # at most half of it
    assert budget_share(TrainingConfig(minutes=2.0), 30, 10.0) == pytest.approx(30 / 109)


@pytest.mark.parametrize(
    ("epochs", "steps", "expected"), [(0, 1, 100), (0, 50, 10), (0, 51, 10), (0, 10_000, 6), (3, 1, 3)]
)
def test_schedule_gives_small_data_some_five_hundred_steps(epochs, steps, expected):
    assert epochs_for(TrainingConfig(epochs=epochs), steps) == expected


@pytest.mark.parametrize(
    ("patience", "epochs", "expected"), [(3, 8, 3), (3, 12, 3), (3, 13, 4), (3, 100, 25), (30, 100, 30)]
)
def test_schedule_waits_for_a_quarter_of_the_passes(patience, epochs, expected):
    assert patience_for(TrainingConfig(patience=patience), epochs) == expected


def test_schedule_early_weights_are_soon_forgotten():
    assert [decay_at(step, 0.998) for step in (1, 9, 91)] == [0.1, 0.5, 0.91]
    assert decay_at(10**6, 0.998) == 0.998 and decay_at(5, 0.0) == 0.0
