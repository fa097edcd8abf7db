"""Calibration finds what a fine search finds, its gradient is that of its loss, and it claims no certainty."""

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st
from tests.tasks.classify.test_measure import guesses

from gatewise.runtime.batches import gather
from gatewise.runtime.classifier import softmax
from gatewise.runtime.engine import pooled_of
from gatewise.tasks.classify.calibrate import blend_loss, fit_blend, fit_temperature, unit_separation


@given(st.floats(0.2, 5), st.integers(0, 2**32 - 1))
def test_calibrate_temperature_undoes_a_known_scale(scale, seed):
    logits, targets = guesses((2000, 3, seed))
    found = fit_temperature(logits * scale, targets)
    assert found == pytest.approx(scale, rel=0.15)  # what 2000 draws can tell
    assert found == pytest.approx(scale * fit_temperature(logits, targets), rel=1e-3)


def test_calibrate_temperature_is_the_best_of_a_fine_grid():
    logits, targets = guesses((300, 4, 5))
    soft = np.full((300, 4), 1 / 304)  # Platt's targets: as if one more text of each class had been seen
    soft[np.arange(300), targets] = 301 / 304

    def loss(temperature):
        return -(soft * np.log(softmax(logits / temperature))).sum(axis=1).mean()

    best = min(loss(t) for t in np.exp(np.linspace(-3, 3, 2000)))
    assert loss(fit_temperature(logits, targets)) <= best + 1e-7


def test_calibrate_temperature_claims_no_certainty_when_all_is_right_and_stays_in_bounds_when_all_is_wrong():
    logits = np.array([[0.3, -0.3]] * 20)
    temperature = fit_temperature(logits, np.zeros(20, np.int64))
    assert softmax(logits / temperature)[0, 0] == pytest.approx(21 / 22, abs=1e-3)
    assert 19 < fit_temperature(10 * logits, np.ones(20, np.int64)) < 20.1


def soft_loss(logits, targets):
    """Platt's loss, as fit_temperature and fit_blend minimise it."""
    n, classes = logits.shape
    soft = np.full((n, classes), 1 / (n + classes))
    soft[np.arange(n), targets] = (n + 1) / (n + classes)
    return -(soft * np.log(np.clip(softmax(logits), 1e-300, None))).sum(axis=1).mean()


@given(st.integers(1, 40), st.integers(2, 5), st.integers(0, 2**32 - 1), st.sampled_from([1e-3, 1, 30]))
def test_calibrate_blend_never_hurts_and_keeps_the_network(n, classes, seed, size):
    random = np.random.default_rng(seed)
    targets = random.integers(0, classes, n)
    network, companion = random.normal(0, size, (2, n, classes)) + random.uniform(-1, 3) * np.eye(classes)[targets]
    temperature, weight = fit_blend(network, companion, targets)
    assert 1 / 20.1 < temperature < 20.1 and 0 <= weight <= 402
    alone = soft_loss(network / fit_temperature(network, targets), targets)
    assert soft_loss((network + weight * companion) / temperature, targets) <= alone + 1e-9


def test_calibrate_blend_is_the_best_of_a_grid():
    random = np.random.default_rng(0)
    targets = random.integers(0, 3, 400)
    network, companion = random.normal(size=(2, 400, 3)) + 1.5 * np.eye(3)[targets]
    temperature, weight = fit_blend(network, 4 * companion, targets)
    found = soft_loss((network + weight * 4 * companion) / temperature, targets)
    factors = np.linspace(0.05, 3, 40)
    best = min(soft_loss(a * network + b * companion, targets) for a in factors for b in factors)
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
    network, companion, soft = random.normal(size=(3, n, classes))
    soft, factors, step = softmax(soft), random.uniform(0.1, 2, 2), 1e-6
    loss, gradient = blend_loss(factors, network, companion, soft)
    expected = -(soft * np.log(softmax(factors[0] * network + factors[1] * companion))).sum(axis=1).mean()
    assert loss == pytest.approx(expected)
    for place in range(2):
        moved = [blend_loss(factors + sign * step * np.eye(2)[place], network, companion, soft)[0] for sign in (1, -1)]
        assert gradient[place] == pytest.approx((moved[0] - moved[1]) / (2 * step), abs=1e-6)


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
