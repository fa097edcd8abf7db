"""Logits of the dev split to what makes them probabilities: a temperature and a companion's weight; what units tell."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from gatewise.base.ranks import areas
from gatewise.runtime.batches import Sequences, Weights
from gatewise.runtime.classifier import Model, Numbers, softmax
from gatewise.runtime.companion import logits as ngram_logits
from gatewise.runtime.engine import logits_of, pooled_of
from gatewise.runtime.network import Network
from gatewise.tasks.classify.measure import Evaluation, Targets, log_loss, summarise

SPREAD = 0.5  # of log T; this and the two below are chosen by the log-loss of other texts, benchmarks/calibration.py
TOLL = 1.0  # what a companion must tell the dev split, in nats a unit of w/T, to be worth its while
IMAGINED = 0.25  # so much of a text whose shares are even
LIMIT = 3.0  # of log T, either way
MOST_DOUBT = SPREAD / 2  # a dev split that leaves more is too small to calibrate by


class Calibrated(NamedTuple):
    """A model whose probabilities can be believed, its Evaluation on the dev split, and that one's figures."""

    model: Model
    dev: Evaluation
    figures: dict[str, Any]  # for the card: those of the parts alone among them


def calibrated(
    model: Model, dev: Sequences, network_logits: Numbers | None = None, companion_logits: Numbers | None = None
) -> Calibrated:
    """Fit temperature and the companion's weight on the dev split; drop a companion that gets no weight.

    Other logits may stand for its network's and its companion's.
    """
    targets = dev.targets
    alone = {"network": logits_of(model.network, dev) if network_logits is None else network_logits}
    logits, temperature, weight, companion = alone["network"], 1.0, 0.0, model.companion
    if companion:
        alone["companion"] = ngram_logits(companion, dev) if companion_logits is None else companion_logits
        temperature, weight = fit_blend(logits, alone["companion"], targets, dev.weights)
        logits = logits + weight * alone["companion"]
    if not weight:
        companion, temperature = None, fit_temperature(logits, targets, dev.weights)
    names = tuple(map(str, model.labels))
    evaluation = summarise(
        logits, targets, dev.lengths, temperature=temperature, labels=names, data="dev split",
        alone=alone if companion else {},
    )  # fmt: skip
    if doubt(logits / temperature) > MOST_DOUBT:
        evaluation = dataclasses.replace(evaluation, few_dev_texts=len(targets))
    figures = evaluation.figures()
    if len(alone) > 1:
        figures["alone"] = {
            name: {
                "accuracy": float((part.argmax(axis=1) == targets).mean()),
                "log_loss": log_loss(softmax(part / fit_temperature(part, targets, dev.weights)), targets),
            }
            for name, part in alone.items()
        }
    fitted = dataclasses.replace(model, temperature=temperature, companion=companion, companion_weight=weight)
    return Calibrated(fitted, evaluation, figures)


def fit_temperature(logits: Numbers, targets: Targets, weights: Weights | None = None) -> float:
    """Find the one divisor of the logits, between 1/20 and 20, with the least dev_loss (after Guo et al. 2017)."""

    def loss(log_factor: float) -> float:
        return dev_loss(np.array([log_factor]), (logits,), targets, weights)[0]

    return float(math.exp(-minimize_scalar(loss, bounds=(-LIMIT, LIMIT), method="bounded").x))


def fit_blend(
    network: Numbers, companion: Numbers, targets: Targets, weights: Weights | None = None
) -> tuple[float, float]:
    """Find temperature T and weight w with the least dev_loss of (network + w companion) / T, logits [N, C] each.

    1/T is from 1/20 to 20 and w/T from 0 to 20. It starts from the network alone, so that by dev_loss the sum is never
    worse.
    """
    start = np.array([-math.log(fit_temperature(network, targets, weights)), 0.0])
    given, bounds = ((network, companion), targets, weights), [(-LIMIT, LIMIT), (0.0, 20.0)]
    fit = minimize(dev_loss, start, given, jac=True, bounds=bounds, options={"ftol": 1e-12})
    factor = math.exp(fit.x[0])
    return 1 / factor, float(fit.x[1] / factor)


def dev_loss(
    place: Numbers, parts: Sequence[Numbers], targets: Targets, weights: Weights | None = None
) -> tuple[float, Numbers]:
    """Give what a calibration costs a dev text, and its gradient; the place is log 1/T and, of two parts, w/T.

    It is the cross-entropy of all N texts, by their weights, [N], and of IMAGINED text whose shares are even, so that a
    small dev split that is all right asks for no certainty. A place costs too, so that what a few texts say by chance
    moves little: log 1/T as under a normal distribution around 0 with SPREAD, w/T as under one that falls by TOLL. All
    count a few texts, whatever the classes: one imagined text of each, as Platt (1999) has of two, made 12 classes and
    150 texts worse.
    """
    (rows, classes), factors = parts[0].shape, np.append(np.exp(place[:1]), place[1:])
    logits = sum((factor * part for factor, part in zip(factors, parts, strict=True)), np.zeros(()))
    top = logits.max(axis=1, keepdims=True)
    logs = logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
    counts = np.ones(rows) if weights is None else weights.astype(float)
    shares = np.full((rows, classes), IMAGINED / (rows * classes))
    shares[np.arange(rows), targets] += counts
    error = (counts + IMAGINED / rows)[:, None] * np.exp(logs) - shares
    slope, *others = ((error * part).sum() for part in parts)
    slopes = [factors[0] * slope + place[0] / SPREAD**2, *(other + TOLL for other in others)]
    loss = float(place[0] ** 2 / (2 * SPREAD**2) + TOLL * place[1:].sum() - (shares * logs).sum())
    return loss / counts.sum(), np.array(slopes) / counts.sum()


def doubt(logits: Numbers) -> float:
    """Give the standard error of log T that calibrated dev logits, [N, C], leave: at most SPREAD, that of no texts.

    A text tells by the variance of its logits under its own probabilities: one that is surely right tells nothing.
    """
    shares = softmax(logits)
    means = (shares * logits).sum(axis=1, keepdims=True)
    return float((1 / SPREAD**2 + (shares * (logits - means) ** 2).sum()) ** -0.5)


def unit_separation(network: Network, sequences: Sequences) -> list[float]:
    """Measure how well each unit of the top layer alone separates the classes: the area under its ROC curve.

    Of a unit's pooled values, and of more than two classes each against the rest, the one furthest from 0.5 counts; of
    two classes, above 0.5 speaks for the second. Units count through the directions.
    """
    pooled = pooled_of(network, sequences)
    poolings = len(network.config.pooling)
    by_class = areas(pooled, sequences.targets, network.classes)
    if not len(by_class):
        return [0.5] * (pooled.shape[1] // poolings)
    by_unit = by_class.reshape(len(by_class) * poolings, -1)
    furthest = np.abs(by_unit - 0.5).argmax(axis=0)
    return cast(list[float], by_unit[furthest, np.arange(by_unit.shape[1])].round(4).tolist())
