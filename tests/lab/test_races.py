"""Races: the tasks ask what they say, the networks are of one size, and a closed forget gate loses."""

import dataclasses

import pytest
import torch

from gatewise.base.errors import ConfigError
from gatewise.lab.races import (
    CONSTANT_GUESS,
    TASKS,
    TITLES,
    Plan,
    Run,
    adding,
    build,
    conclusion,
    latch,
    matched_size,
    parameter_count,
    race,
    share_wrong,
    standings,
    try_task,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_lab_races_latch_shows_the_sign_at_step_0_alone():
    vectors, targets = latch(30, 200, generator())
    assert torch.equal(vectors[0, :, 0], 2 * targets - 1)
    assert not vectors[1:, :, 0].any() and not vectors[0, :, 1].any()
    assert abs(float(vectors[1:, :, 1].mean())) < 0.05 and abs(float(vectors[1:, :, 1].std()) - 1) < 0.05
    assert 0.35 < float(targets.mean()) < 0.65 and set(targets.tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("length", [4, 5, 50])
def test_lab_races_adding_marks_one_number_in_each_half(length):
    vectors, targets = adding(length, 300, generator())
    values, marks = vectors.unbind(dim=2)
    assert torch.equal(marks[: length // 2].sum(dim=0), torch.ones(300))
    assert torch.equal(marks[length // 2 :].sum(dim=0), torch.ones(300))
    torch.testing.assert_close((values * marks).sum(dim=0), targets)
    assert float((targets - 1).square().mean()) == pytest.approx(CONSTANT_GUESS, rel=0.2)


def test_lab_races_share_wrong_counts_signs():
    outputs, targets = torch.tensor([2.0, -1.0, 0.1, -3.0]), torch.tensor([1.0, 1.0, 1.0, 0.0])
    assert float(share_wrong(outputs, targets)) == 0.25


@pytest.mark.parametrize("name", TITLES)
def test_lab_races_networks_have_one_size(name):
    size = sum(parameter.numel() for parameter in build(name, 50).parameters())
    assert size == pytest.approx(parameter_count(4, 32), rel=0.05)


@pytest.mark.parametrize("gates", [1, 3, 4])
def test_lab_races_matched_size_is_the_nearest(gates):
    wanted = parameter_count(4, 20)
    size = matched_size(gates, 20)
    nearest = [abs(parameter_count(gates, near) - wanted) for near in (size - 1, size, size + 1)]
    assert min(nearest) == nearest[1]


def test_lab_races_starts_are_what_their_names_say():
    torch.manual_seed(1)
    recurrent = {name: build(name, 40).layer.weight_hh_l0.detach() for name in TITLES}
    bias = {name: build(name, 40).layer.bias_ih_l0.detach() for name in TITLES if name.startswith("lstm")}
    identity = torch.eye(len(recurrent["irnn"]))
    assert torch.equal(recurrent["irnn"], identity)
    torch.testing.assert_close(recurrent["rnn-orthogonal"] @ recurrent["rnn-orthogonal"].T, identity, atol=1e-5, rtol=0)
    first = recurrent["lstm-orthogonal"][:32]
    torch.testing.assert_close(first @ first.T, torch.eye(32), atol=1e-5, rtol=0)
    assert recurrent["lstm-chrono"].abs().max() <= 32**-0.5  # torch's own
    assert not bias["lstm-bias-0"].any()
    assert torch.equal(bias["lstm-bias-1"][32:64], torch.ones(32)) and not bias["lstm-bias-1"][64:].any()
    forget = bias["lstm-chrono"][32:64]
    assert torch.equal(bias["lstm-chrono"][:32], -forget)
    assert forget.min() >= 0 and forget.exp().max() <= 39 and forget.std() > 0.2


def test_lab_races_lstms_differ_in_biases_alone():
    layers = []
    for name in ("lstm-bias-0", "lstm-bias-1", "lstm-chrono"):
        torch.manual_seed(3)
        layers.append(build(name, 40).layer)
    for other in layers[1:]:
        assert torch.equal(layers[0].weight_ih_l0, other.weight_ih_l0)
        assert torch.equal(layers[0].weight_hh_l0, other.weight_hh_l0)
        assert not torch.equal(layers[0].bias_ih_l0, other.bias_ih_l0)


def test_lab_races_chrono_remembers_where_a_closed_forget_gate_does_not():
    plan = Plan((("latch", 20),), ("lstm-chrono", "lstm-bias-0"), (0.01,), (1,), limit=100)
    chrono, closed = race(plan)
    assert chrono.solved and chrono.steps < 100 and chrono.error == 0
    assert not closed.solved and closed.steps == 100 and closed.error > 0.2


def test_lab_races_a_run_is_repeatable_and_leaves_torchs_state_alone():
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    runs = [
        dataclasses.replace(next(race(Plan((("adding", 6),), ("gru",), (0.01,), (2,), limit=5))), seconds=0.0)
        for _ in range(2)
    ]
    assert runs[0] == runs[1] and not runs[0].solved
    assert torch.equal(state, torch.get_rng_state()) and threads == torch.get_num_threads()


def test_lab_races_a_diverging_run_is_a_failure(monkeypatch):
    task = dataclasses.replace(TASKS["adding"], loss=lambda outputs, targets: outputs.sum() * float("nan"))
    monkeypatch.setitem(TASKS, "adding", task)
    _, run = try_task("adding", 6, "irnn", learning_rate=0.01, seed=1, limit=9)
    assert (run.solved, run.error, run.steps) == (False, None, 9)


def test_lab_races_what_is_done_is_not_run_again():
    plan = Plan((("latch", 8),), ("rnn",), (0.01,), (1, 2), limit=3)
    known = Run("latch", 8, "rnn", 0.01, 1, 3, 7, True, 2, 0.0, 123.0)
    first, second = race(plan, [known])
    assert first is known and second.seconds != 123.0
    assert next(race(dataclasses.replace(plan, limit=2), [known])) is not known  # another limit is another run


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"courses": (("copy", 20),)}, "no task 'copy'; choose among latch, adding"),
        ({"courses": (("latch", 3),)}, "3 steps is no test of memory"),
        ({"courses": (("latch", 5001),)}, "4 to 5000"),
        ({"courses": ()}, "Nothing is left to run"),
        ({"networks": ("lstm",)}, "no network 'lstm'; choose among rnn, "),
        ({"learning_rates": (0.0,)}, "above 0 and below 1"),
        ({"learning_rates": (float("nan"),)}, "above 0 and below 1"),
        ({"limit": 0}, "0 steps; give 1 or more"),
    ],
)
def test_lab_races_refuses_plans_that_cannot_be_run(values, message):
    with pytest.raises(ConfigError, match=message):
        Plan(**values)


def run_of(network: str, rate: float, seed: int, steps: int | None, length: int = 50, task: str = "latch") -> Run:
    return Run(task, length, network, rate, seed, 600, 4641, steps is not None, steps or 600, 0.0, 1.0)


RUNS = [
    *(run_of("gru", rate, seed, None) for rate in (0.01, 0.003) for seed in (1, 2, 3)),
    *(run_of("irnn", 0.01, seed, steps) for seed, steps in ((1, 20), (2, None), (3, 40))),
    *(run_of("irnn", 0.003, seed, steps) for seed, steps in ((1, None), (2, None), (3, 10))),
    *(run_of("lstm-chrono", 0.01, seed, steps) for seed, steps in ((1, 30), (2, 50), (3, 40))),
    *(run_of("lstm-chrono", 0.003, seed, steps) for seed, steps in ((1, 90), (2, 90), (3, 90))),
]


def test_lab_races_standings_take_the_best_learning_rate():
    gru, irnn, chrono = standings(RUNS)
    assert (gru.solved, gru.seeds, gru.steps, gru.runs_in_all) == (0, 3, None, 6)
    assert (irnn.solved, irnn.learning_rate, irnn.steps, irnn.solved_in_all) == (2, 0.01, 30, 3)
    assert (chrono.solved, chrono.learning_rate, chrono.steps) == (3, 0.01, 40)


def test_lab_races_conclusion_follows_the_runs():
    assert conclusion(standings(RUNS)) == (
        "Latch at 50 steps is solved with every seed (median training steps) by LSTM chrono (40), with some seeds by "
        "identity ReLU RNN (2 of 3), with none, at any rate tried, by GRU."
    )
    easier = [run_of(name, 0.01, 1, 5, length=20) for name in ("gru", "irnn", "lstm-chrono")]
    assert "at 50 steps" in conclusion(standings([*RUNS, *easier]))
    assert conclusion(standings(easier)) == "Latch at 20 steps is solved by every network."
    failed = [run_of("gru", 0.01, 1, None, 50, "adding"), run_of("gru", 0.01, 1, None, 100, "adding")]
    assert conclusion(standings(failed)) == "Adding at 50, 100 steps is solved by no network."
