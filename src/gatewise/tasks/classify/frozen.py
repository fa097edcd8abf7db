"""Few texts to a classifier: a linear head on what an encoder says untuned, chosen and calibrated out of fold.

Where texts are few, a tenth of them is too small a dev split to choose by, and an encoder that is tuned on the rest
forgets more than it learns. Here every text is answered by a head that was fitted on other texts, so that all of them
choose the penalty, the companion's weight and the temperature; the head that is kept has seen all.
"""

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression

from gatewise.base.errors import DataError
from gatewise.nets.classify import TextLSTM, arrays_of
from gatewise.runtime.batches import Rows, weights_of
from gatewise.runtime.classifier import Numbers, softmax
from gatewise.runtime.engine import pooled_of
from gatewise.tasks.classify.measure import log_loss
from gatewise.tasks.classify.prepare import Prepared
from gatewise.tasks.classify.settings import Settings

FOLDS = 5
PENALTIES = (1e-3, 3e-3, 1e-2, 3e-2)  # inverse ones, of standardised features; 0.01 was best of most sets at 100 texts
ABSENT = 1.0  # so far below its least logit lies a class that a fold did not see


def fit_head(network: TextLSTM, prepared: Prepared, folds: Rows, *, balanced: bool = False) -> tuple[Numbers, float]:
    """Give the network a head fitted on all training texts; give its logits out of fold, [N, C], and the penalty."""
    features = pooled_of(arrays_of(network), prepared.train).astype(float)
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    features = (features - mean) / spread
    turn = np.eye(features.shape[1])
    if len(features) < features.shape[1]:  # a head lies in the span of the texts: the same fit in fewer numbers
        left, sizes, turn = np.linalg.svd(features, full_matrices=False)
        features = left * sizes
    targets, counts, classes = prepared.train.targets, weights_of(prepared.train), len(prepared.labels)

    def out_of_fold(penalty: float) -> Numbers:
        found = np.zeros((len(features), classes))
        for fold in np.unique(folds):
            kept, asked = folds != fold, folds == fold
            weights, bias = linear(features[kept], targets[kept], counts[kept], classes, penalty, balanced)
            found[asked] = features[asked] @ weights.T + bias
        return found

    fair = judged(prepared, folds)
    answers = {penalty: out_of_fold(penalty) for penalty in PENALTIES}
    best = min(PENALTIES, key=lambda penalty: log_loss(softmax(answers[penalty][fair]), targets[fair]))
    weights, bias = linear(features, targets, counts, classes, best, balanced)
    weights = weights @ turn / spread
    with torch.no_grad():
        network.head.weight.copy_(torch.from_numpy(weights))
        network.head.bias.copy_(torch.from_numpy(bias - weights @ mean))
    return answers[best], best


def linear(
    features: Numbers, targets: Rows, counts: npt.NDArray[np.float32], classes: int, penalty: float, balanced: bool
) -> tuple[Numbers, Numbers]:
    """Fit a logistic regression; give its weights, [C, P], and biases, [C]; a class it has not seen lies below all."""
    seen = np.unique(targets)
    weights, bias = np.zeros((classes, features.shape[1])), np.zeros(classes)
    if len(seen) > 1:
        model = LogisticRegression(C=penalty, max_iter=1000, class_weight="balanced" if balanced else None)
        model.fit(features, targets, sample_weight=counts)
        own, offset = model.coef_, model.intercept_
        if len(seen) == 2:  # one vector, which speaks for the second
            own, offset = np.vstack([-own, own]) / 2, np.append(-offset, offset) / 2
        weights[seen], bias[seen] = own, offset
    absent = np.setdiff1d(np.arange(classes), seen)
    bias[absent] = bias[seen].min() - ABSENT
    return weights, bias


def folds_of(prepared: Prepared, settings: Settings) -> Rows:
    """Deal the training texts to folds, [N], class by class; texts of a group, copies among them, stay together."""
    groups = np.arange(len(prepared.train)) if prepared.groups is None else prepared.groups
    _, first, membership = np.unique(groups, return_index=True, return_inverse=True)
    order = np.random.default_rng(settings.training.seed).permutation(len(first))
    order = order[np.argsort(prepared.train.targets[first][order], kind="stable")]
    fold = np.empty(len(first), dtype=np.int64)
    fold[order] = np.arange(len(first)) % FOLDS
    return fold[membership]


def judged(prepared: Prepared, folds: Rows) -> npt.NDArray[np.bool_]:
    """Flag, [N], the texts whose class stands in other folds too; heads that never saw it answered the others.

    Raises DataError where they are of fewer than two classes, as where all texts of a class are of one group.
    """
    targets = prepared.train.targets
    flags = np.array([np.any((targets == one) & (folds != fold)) for one, fold in zip(targets, folds, strict=True)])
    if len(np.unique(targets[flags])) < 2:
        raise DataError(
            "Nothing can be held out of each label: its texts are of one group, or copies of one text; give more "
            "different ones, or a dev file of your own."
        )
    return flags
