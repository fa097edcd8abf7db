"""Logits of the dev split to what makes them probabilities: a temperature and a companion's weight; what units tell."""

import dataclasses
import math
from typing import Any, NamedTuple, cast

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from gatewise.base.ranks import areas
from gatewise.runtime.batches import Sequences
from gatewise.runtime.classifier import Model, Numbers, softmax
from gatewise.runtime.companion import logits as ngram_logits
from gatewise.runtime.engine import logits_of, pooled_of
from gatewise.runtime.network import Network
from gatewise.tasks.classify.measure import Evaluation, Targets, log_loss, summarise


class Calibrated(NamedTuple):
    """A model whose probabilities can be believed, its Evaluation on the dev split, and that one's figures."""

    model: Model
    dev: Evaluation
    figures: dict[str, Any]  # for the card: those of the parts alone among them


def calibrated(model: Model, dev: Sequences, network_logits: Numbers | None = None) -> Calibrated:
    """Fit temperature and the companion's weight on the dev split; drop a companion that gets no weight.

    Other logits may stand for its network's.
    """
    targets = dev.targets
    alone = {"network": logits_of(model.network, dev) if network_logits is None else network_logits}
    logits, temperature, weight, companion = alone["network"], 1.0, 0.0, model.companion
    if companion:
        alone["companion"] = ngram_logits(companion, dev)
        temperature, weight = fit_blend(logits, alone["companion"], targets)
        logits = logits + weight * alone["companion"]
    if not weight:
        companion, temperature = None, fit_temperature(logits, targets)
    names = tuple(map(str, model.labels))
    evaluation = summarise(
        logits, targets, dev.lengths, temperature=temperature, labels=names, data="dev split",
        alone=alone if companion else {},
    )  # fmt: skip
    figures = evaluation.figures()
    if len(alone) > 1:
        figures["alone"] = {
            name: {
                "accuracy": float((part.argmax(axis=1) == targets).mean()),
                "log_loss": log_loss(softmax(part / fit_temperature(part, targets)), targets),
            }
            for name, part in alone.items()
        }
    fitted = dataclasses.replace(model, temperature=temperature, companion=companion, companion_weight=weight)
    return Calibrated(fitted, evaluation, figures)


def fit_temperature(logits: Numbers, targets: Targets) -> float:
    """Find the one divisor of the logits with the least log-loss (Guo et al. 2017), between 1/20 and 20.

    The targets are softened as Platt (1999) does, by one imagined text of each class: a small dev split that is all
    right would else ask for certainty.
    """
    classes = logits.shape[1]
    sure = (len(targets) + 1) / (len(targets) + classes)

    def loss(log_temperature: float) -> float:
        logs = np.log(np.clip(softmax(logits / math.exp(log_temperature)), 1e-15, None))
        true = logs[np.arange(len(targets)), targets]
        others = (logs.sum(axis=1) - true) / (classes - 1)
        return float(-(sure * true + (1 - sure) * others).mean())

    return float(math.exp(minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded").x))


def fit_blend(network: Numbers, companion: Numbers, targets: Targets) -> tuple[float, float]:
    """Find temperature T and weight w with the least log-loss of (network + w companion) / T, logits [N, C] each.

    A logistic fit of two numbers, 1/T from 1/20 to 20 and w/T from 0 to 20, to targets softened as in
    fit_temperature. It is convex and starts from the network alone, so on these texts the sum is never worse.
    """
    rows, classes = network.shape
    soft = np.full((rows, classes), 1 / (rows + classes))
    soft[np.arange(rows), targets] += rows / (rows + classes)

    start = np.array([1 / fit_temperature(network, targets), 0.0])
    bounds = [(math.exp(-3), math.exp(3)), (0.0, 20.0)]
    fit = minimize(blend_loss, start, (network, companion, soft), jac=True, bounds=bounds, options={"ftol": 1e-12})
    return float(1 / fit.x[0]), float(fit.x[1] / fit.x[0])


def blend_loss(factors: Numbers, network: Numbers, companion: Numbers, soft: Numbers) -> tuple[float, Numbers]:
    """Give the mean cross-entropy of a network + b companion, logits [N, C] each, to shares [N, C], by (a, b), [2].

    And its gradient, [2].
    """
    logits = factors[0] * network + factors[1] * companion
    top = logits.max(axis=1, keepdims=True)
    logs = logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
    error = np.exp(logs) - soft
    slopes = [float((error * part).sum()) for part in (network, companion)]
    return float(-(soft * logs).sum() / len(soft)), np.array(slopes) / len(soft)


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
