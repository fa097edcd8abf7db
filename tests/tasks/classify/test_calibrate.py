"""Calibration finds what a fine search finds, its gradient is that of its loss, and it claims no certainty."""

import dataclasses

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st
from tests.tasks.classify.test_measure import guesses

from gatewise.data.part import from_lists
from gatewise.runtime.batches import gather
from gatewise.runtime.cards import card
from gatewise.runtime.classifier import softmax
from gatewise.runtime.engine import pooled_of
from gatewise.tasks.classify.calibrate import (
    SPREAD,
    calibrated,
    dev_loss,
    doubt,
    fit_blend,
    fit_temperature,
    unit_separation,
)
from gatewise.tasks.classify.measure import evaluate, log_loss


@given(st.floats(0.2, 5), st.integers(0, 2**32 - 1))
def test_calibrate_temperature_undoes_a_known_scale(scale, seed):
    logits, targets = guesses((2000, 3, seed))
    found = fit_temperature(logits * scale, targets)
    assert found == pytest.approx(scale, rel=0.15)  # what 2000 draws can tell
    assert found == pytest.approx(scale * fit_temperature(logits, targets), rel=0.02)  # and its prior stays where it is


def cost(logits, targets, place):
    """Say slowly what dev_loss says of two parts' sum, or of one part: texts, a quarter of an even one, the prior."""
    logs = np.log(np.clip(softmax(logits), 1e-300, None))
    told = -logs[np.arange(len(targets)), targets].sum() - 0.25 * logs.mean()
    return (told + place[0] ** 2 / (2 * 0.5**2) + sum(place[1:])) / len(targets)


def test_calibrate_temperature_is_the_best_of_a_fine_grid():
    logits, targets = guesses((300, 4, 5))
    best = min(cost(logits * np.exp(t), targets, [t]) for t in np.linspace(-3, 3, 2000))
    temperature = fit_temperature(logits, targets)
    assert cost(logits / temperature, targets, [np.log(temperature)]) <= best + 1e-7


def test_calibrate_temperature_claims_less_than_none_does_when_all_is_right_and_stays_in_bounds_when_all_is_wrong():
    for size, most in ((0.3, 0.9), (3, 0.998), (10, 0.999999), (30, 1 - 1e-12)):
        logits = np.array([[size, -size]] * 20)
        temperature = fit_temperature(logits, np.zeros(20, np.int64))
        assert softmax(logits / temperature)[0, 0] < most and (size < 3 or temperature > 1)
    assert 19 < fit_temperature(logits, np.ones(20, np.int64)) < 20.1


def drawn(classes, rows, draw):
    """Logits that state probabilities exactly, as of equally likely classes, a companion's weaker ones, and targets."""
    random = np.random.default_rng((classes, rows, draw))
    targets, size = random.integers(0, classes, rows), 1.5 + np.log(classes) / 2
    network, companion = random.normal(size=(2, rows, classes))
    true = np.eye(classes)[targets]
    return size * (network + size * true), companion + true, targets


@pytest.mark.parametrize("classes", [2, 4, 12, 50, 200])
@pytest.mark.parametrize("scale", [0.6, 1, 1.6])  # in halves of dev: too little sure, as sure as right, too sure
def test_calibrate_is_never_worse_than_none_on_the_other_half_of_dev_whatever_the_classes(classes, scale):
    for half in (20, 75, 300 if classes < 200 else 150):
        alone, both = [], []
        for draw in range(12):
            network, companion, targets = drawn(classes, 2 * half, draw)
            network = scale * network
            for fit, held in ((slice(half), slice(half, None)), (slice(half, None), slice(half))):
                none = log_loss(softmax(network[held]), targets[held])
                temperature = fit_temperature(network[fit], targets[fit])
                alone.append(log_loss(softmax(network[held] / temperature), targets[held]) - none)
                temperature, weight = fit_blend(network[fit], companion[fit], targets[fit])
                blend = softmax((network[held] + weight * companion[held]) / temperature)
                both.append(log_loss(blend, targets[held]) - none)
        # A number that is fitted where none was needed costs 1 / (2 texts) at best; and the draws' own noise.
        for differences, numbers in ((alone, 1), (both, 2)):
            noise = 2 * np.std(differences) / len(differences) ** 0.5
            assert np.mean(differences) <= numbers / (2 * half) + noise, (half, numbers)
            assert np.mean(differences) < 0 or scale == 1 or half < 75 or numbers == 2


def test_calibrate_of_twelve_classes_by_150_texts_makes_probabilities_better_and_not_worse():
    """One imagined text of each class, as was fitted before, cost 0.11 of log-loss here."""
    excess = []
    for draw in range(20):
        network, _, targets = drawn(12, 1150, draw)
        temperature = fit_temperature(network[:150], targets[:150])
        calibrated, none = (
            log_loss(softmax(logits[150:]), targets[150:]) for logits in (network / temperature, network)
        )
        excess.append(calibrated - none)
    assert np.mean(excess) < 0.005


def test_calibrate_doubt_falls_with_what_texts_tell_and_not_with_their_number():
    assert doubt(np.zeros((1000, 4))) == SPREAD  # logits that are alike tell nothing of their size
    assert doubt(np.array([[50.0, -50.0]] * 1000)) == pytest.approx(SPREAD)  # nor does what is surely right
    assert doubt(np.array([[1.0, -1.0]] * 10)) == pytest.approx((1 / SPREAD**2 + 10 / np.cosh(1) ** 2) ** -0.5)


@given(st.integers(1, 40), st.integers(2, 5), st.integers(0, 2**32 - 1), st.sampled_from([1e-3, 1, 30]))
def test_calibrate_blend_never_hurts_and_keeps_the_network(n, classes, seed, size):
    random = np.random.default_rng(seed)
    targets = random.integers(0, classes, n)
    network, companion = random.normal(0, size, (2, n, classes)) + random.uniform(-1, 3) * np.eye(classes)[targets]
    temperature, weight = fit_blend(network, companion, targets)
    assert 1 / 20.1 < temperature < 20.1 and 0 <= weight <= 402
    first = fit_temperature(network, targets)
    alone = cost(network / first, targets, [np.log(first)])
    place = [np.log(temperature), weight / temperature]
    assert cost((network + weight * companion) / temperature, targets, place) <= alone + 1e-9


def test_calibrate_blend_is_the_best_of_a_grid():
    random = np.random.default_rng(0)
    targets = random.integers(0, 3, 400)
    network, companion = random.normal(size=(2, 400, 3)) + 1.5 * np.eye(3)[targets]
    temperature, weight = fit_blend(network, 4 * companion, targets)
    places = [np.log(temperature), weight / temperature]
    found = cost((network + weight * 4 * companion) / temperature, targets, places)
    factors = np.linspace(0.05, 3, 40)
    best = min(cost(a * network + b * 4 * companion, targets, [np.log(a), b]) for a in factors for b in factors / 4)
    assert found <= best + 1e-9
    assert found == pytest.approx(best, abs=1e-3)
    assert weight == pytest.approx(0.25, rel=0.2)  # both parts are equally good, and one is four times as loud


def test_calibrate_blend_of_separable_useless_or_contrary_parts_stays_in_bounds():
    targets = np.array([0, 1] * 10)
    sure = np.eye(2)[targets] * 1000.0
    for network, companion in ((sure, sure), (sure, -sure), (-sure, -sure), (-sure, sure), (0 * sure, sure)):
        temperature, weight = fit_blend(network, companion, targets)
        assert 1 / 20.1 < temperature < 20.1 and 0 <= weight <= 402
    assert fit_blend(sure / 1000, -sure, targets)[1] == 0
    assert fit_blend(sure / 1000, 0 * sure, targets)[1] == 0


@given(st.integers(1, 40), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_calibrate_blend_goes_down_its_own_slope(n, classes, seed):
    random = np.random.default_rng(seed)
    parts, targets = random.normal(size=(2, n, classes)), random.integers(0, classes, n)
    place, step = random.uniform(-1, 1, 2), 1e-6
    loss, gradient = dev_loss(place, parts, targets)
    assert loss == pytest.approx(cost(np.exp(place[0]) * parts[0] + place[1] * parts[1], targets, place))
    for number in range(2):
        moved = [dev_loss(place + sign * step * np.eye(2)[number], parts, targets)[0] for sign in (1, -1)]
        assert gradient[number] == pytest.approx((moved[0] - moved[1]) / (2 * step), abs=1e-6)


def test_calibrate_unit_separation_is_the_area_under_the_roc_curve(tiny_model, english):
    texts, labels = english
    sequences = gather([tiny_model.tokenizer.encode_batch(texts)], [int(label == "pos") for label in labels], 10**6)
    found = unit_separation(tiny_model.network, sequences)
    pooled = pooled_of(tiny_model.network, sequences)
    units = pooled.shape[1] // len(tiny_model.network.config.pooling)
    assert len(found) == units == 16
    for unit, area in enumerate(found):
        areas = [
            sklearn.metrics.roc_auc_score(sequences.targets, pooled[:, column])
            for column in range(unit, pooled.shape[1], units)
        ]
        assert min(abs(area - one) for one in areas) < 1e-4
        assert abs(area - 0.5) == pytest.approx(max(abs(one - 0.5) for one in areas), abs=1e-4)  # the furthest
    assert max(found) > 0.8  # some unit knows the classes
    network = tiny_model.network
    assert np.allclose(
        pooled @ network.head.T + network.head_bias, tiny_model.logits(texts), atol=1e-5
    )  # the rows are in their order


def test_calibrate_says_in_figures_and_card_that_a_dev_split_is_too_small(tiny_model, english):
    texts, labels = english
    sequences = gather([tiny_model.tokenizer.encode_batch(texts)], [int(label == "pos") for label in labels], 10**6)
    few = calibrated(tiny_model, sequences.select(np.arange(5)))
    assert few.dev.few_dev_texts == few.figures["few_dev_texts"] == 5
    assert any(
        "dev split         5 texts, which are too few to calibrate by; label more" in line for line in few.dev.lines()
    )
    model = dataclasses.replace(few.model, facts=tiny_model.facts | {"dev": few.figures})
    assert "Its dev split, 5 texts, was too small to calibrate by" in card(model, "mine")
    assert evaluate(model, from_lists(texts, labels)).few_dev_texts == 5
    weak = dataclasses.replace(
        tiny_model, network=dataclasses.replace(tiny_model.network, head=tiny_model.network.head / 9)
    )
    enough = calibrated(weak, sequences)
    assert not enough.dev.few_dev_texts and "few_dev_texts" not in enough.figures
    assert "too few" not in "".join(enough.dev.lines())


def test_calibrate_counts_a_text_of_weight_three_as_three_copies():
    network, companion, targets = drawn(4, 60, 0)
    weights = np.where(np.arange(60) % 3, 1, 3).astype(np.float32)
    rows = np.repeat(np.arange(60), weights.astype(int))
    assert fit_temperature(2 * network, targets, weights) == pytest.approx(
        fit_temperature(2 * network[rows], targets[rows]), rel=0.01
    )
    found, expected = (
        fit_blend(2 * network, companion, targets, weights),
        fit_blend(2 * network[rows], companion[rows], targets[rows]),
    )
    assert found == pytest.approx(expected, rel=0.01)
