"""A run computes from its seed whatever else the process does, and leaves the process as it was."""

import threading

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

import gatewise
from gatewise.base.settings import TrainingConfig
from gatewise.training.device import seeded


def state():
    return torch.get_num_threads(), torch.get_rng_state().tolist(), [one["num_threads"] for one in threadpool_info()]


def test_device_is_left_as_it_was():
    before = state()
    with seeded(TrainingConfig(threads=2, seed=7)):
        assert torch.get_num_threads() == 2 and torch.initial_seed() == 7
        numpys = [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
        assert set(numpys) <= {1}
        torch.rand(3)
    assert state() == before
    with pytest.raises(ZeroDivisionError), seeded(TrainingConfig(threads=2)):
        torch.rand(1 // 0)
    assert state() == before


def test_device_is_one_runs_at_a_time():
    inside, most = [], []

    def run(seed):
        with seeded(TrainingConfig(seed=seed)), seeded(TrainingConfig(seed=seed)):  # the same thread may go on
            inside.append(seed)
            most.append(len(inside))
            threading.Event().wait(0.01)
            assert torch.initial_seed() == seed
            inside.remove(seed)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most == [1, 1, 1, 1]


def test_device_two_fits_at_a_time_give_what_each_gives_alone(english, tiny_settings):
    texts, labels = english
    values = {name: value for name, value in tiny_settings.flat().items() if name != "seed"} | {"epochs": 2}

    def fitted(seed, into):
        model = gatewise.LSTMClassifier(random_state=seed, **values).fit(texts, labels)
        into[seed] = model.model_.logits(texts)

    alone, together = {}, {}
    for seed in (1, 2):
        fitted(seed, alone)
    threads = [threading.Thread(target=fitted, args=(seed, together)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not np.array_equal(alone[1], alone[2])
    for seed in (1, 2):
        assert together[seed].tobytes() == alone[seed].tobytes()
