"""Few texts: a head on an encoder that stays as it is, and everything chosen out of fold."""

import dataclasses
import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from gatewise.base.errors import ConfigError, DataError
from gatewise.data.part import Dataset, from_lists
from gatewise.pages.report import report
from gatewise.runtime.encoder import shaped_as
from gatewise.runtime.folder import load, load_encoder
from gatewise.tasks.classify import frozen
from gatewise.tasks.classify.estimator import LSTMClassifier
from gatewise.tasks.classify.fit import fit, train_classifier
from gatewise.tasks.classify.frozen import FOLDS, folds_of, judged, linear
from gatewise.tasks.classify.prepare import prepare
from gatewise.tasks.classify.settings import Settings
from gatewise.training.session import unfinished

GOOD = ["a warm and moving film", "great cast and a fine story", "I loved every minute of it", "a superb, honest film"]
BAD = ["a dull and empty film", "poor cast and a weak story", "I hated every minute of it", "an awful, boring film"]
PLAIN = ["the film runs for two hours", "it was shot in black and white", "he plays a man from the north"]
TEXTS = [f"{text} {more}" for more in ("indeed", "again", "at times", "I think") for text in (*GOOD, *BAD)]
LABELS = ["pos"] * 4 + ["neg"] * 4
SETTINGS = Settings().replace(pretrained="reviews-en", freeze=True, pooling=("max", "mean", "last"), threads=1)


def prepared_of(texts, labels, groups=None, dev=None, **changes):
    settings = shaped_as(load_encoder("reviews-en"), SETTINGS).replace(**changes)
    dataset = Dataset("few", from_lists(texts, labels, groups), dev)
    return prepare(dataset, settings, known=load_encoder("reviews-en").tokenizer), settings


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    place = tmp_path_factory.mktemp("frozen") / "model"
    events = []
    dataset = Dataset("few", from_lists(TEXTS, LABELS * 4), None, from_lists(["what a fine film"], ["pos"]))
    return train_classifier(dataset, place, settings=SETTINGS, report=events.append), place, events


def test_frozen_training_leaves_the_encoder_as_it_was_and_answers(trained):
    result, place, events = trained
    encoder = load_encoder("reviews-en")
    for name, array in encoder.weights.items():
        if name.startswith("encoder."):
            layer = result.model.network.layers[0]
            stored = [cell.recurrent for cell in layer] + [cell.input for cell in layer]
            assert any(array.shape == one.shape and np.array_equal(array, one) for one in stored) or array.ndim == 1
    assert load(place).predict_proba(["a superb film", "a dull film"]).argmax(axis=1).tolist() == [1, 0]
    assert result.test.n == 1 and result.dev.n == len(TEXTS) and result.dev.data == "training texts, out of fold"
    history = [json.loads(line) for line in (place / "metrics.jsonl").read_text().splitlines()]
    assert '"curves":{"step":[],"dev":[]}' in report(result.dev.as_dict(), history, "few").replace(" ", "")
    assert (events[0].kind, events[-1].kind, events[-1].step) == ("prepared", "dev", 0)
    assert not unfinished(place).exists() and '"dev"' in (place / "metrics.jsonl").read_text()
    card = (place / "README.md").read_text()
    assert "Training texts, each answered by a head that had not seen it: accuracy" in card and "dev split" not in card
    assert result.model.facts["penalty"] in frozen.PENALTIES and result.model.facts["dev_split"] == "out of fold"


def test_frozen_head_is_the_logistic_regression_of_standardised_features(trained):
    """Folded into plain weights, and by way of fewer numbers than features: the answers stay those of the plain fit."""
    result, *_ = trained
    model = result.model
    prepared, _ = prepared_of(TEXTS, LABELS * 4)
    features = frozen.pooled_of(model.network, prepared.train).astype(float)
    plain = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    other = LogisticRegression(C=model.facts["penalty"], max_iter=1000, tol=1e-8).fit(plain, prepared.train.targets)
    logits = features @ model.network.head.T.astype(float) + model.network.head_bias
    assert logits[:, 1] - logits[:, 0] == pytest.approx(other.decision_function(plain), abs=2e-2)
    assert features.shape[1] > len(features)  # else nothing was folded


def test_frozen_figures_are_out_of_fold():
    """Labels by the toss of a coin are learnt by heart by whoever sees them, and guessed by whoever does not."""
    draw = np.random.default_rng(3)
    words = ["red", "house", "tree", "walks", "blue", "sings", "old", "river", "stone", "opens", "quiet", "seven"]
    texts = [" ".join(draw.choice(words, 6)) for _ in range(120)]
    labels = [("pos", "neg")[one] for one in draw.integers(0, 2, 120)]
    prepared, settings = prepared_of(texts, labels)
    model, dev = fit(prepared, settings, encoder=load_encoder("reviews-en"))
    assert 0.35 < dev.accuracy < 0.65
    assert max(model.predict_proba(texts).max(axis=1)) < 0.8  # and so it is not sure of itself


def test_frozen_folds_keep_groups_together_and_share_out_every_class():
    texts = [f"{text} number {place}" for place in range(10) for text in PLAIN]
    labels = ["a", "b", "b"] * 10
    prepared, settings = prepared_of(texts, labels)
    folds = folds_of(prepared, settings)
    for target in (0, 1):
        counts = np.bincount(folds[prepared.train.targets == target], minlength=FOLDS)
        assert counts.max() - counts.min() <= 1
    assert (folds == folds_of(prepared, settings)).all()
    prepared, settings = prepared_of([*texts, *texts], labels * 2)  # copies
    folds = folds_of(prepared, settings)
    assert (folds[: len(texts)] == folds[len(texts) :]).all()
    prepared, settings = prepared_of(texts, labels, [str(row % 4) for row in range(len(texts))])
    folds = folds_of(prepared, settings)
    assert all(len(set(folds[np.arange(len(texts)) % 4 == group])) == 1 for group in range(4))


def test_frozen_calibration_leaves_out_who_is_answered_by_heads_that_never_saw_the_class():
    prepared, settings = prepared_of([*TEXTS, "quite another thing"], [*LABELS * 4, "rare"])
    folds = folds_of(prepared, settings)
    assert judged(prepared, folds).tolist() == [label != "rare" for label in [*LABELS * 4, "rare"]]
    model, dev = fit(prepared, settings, encoder=load_encoder("reviews-en"))
    assert dev.n == len(TEXTS) and model.labels == ("neg", "pos", "rare")
    assert not any("kept out of the dev split" in message for message in prepared.warnings)


def test_frozen_head_of_a_fold_puts_a_class_that_it_has_not_seen_below_all():
    features = np.array([[0.0, 1.0], [1.0, 0.0], [0.2, 0.9], [0.8, 0.1]])
    weights, bias = linear(features, np.array([0, 2, 0, 2]), np.ones(4), 4, 1.0, False)
    logits = features @ weights.T + bias
    assert logits.argmax(axis=1).tolist() == [0, 2, 0, 2] and (logits[:, [1, 3]] < logits[:, [0, 2]].min()).all()
    weights, bias = linear(features, np.ones(4, int), np.ones(4), 2, 1.0, False)
    assert bias[1] > bias[0] and not weights.any()


def test_frozen_training_takes_weights_as_copies():
    weights = np.array([3.0] * 8 + [1.0] * 24, dtype=np.float32)
    settings = SETTINGS.replace(companion=False)
    dataset = Dataset("few", from_lists(TEXTS, LABELS * 4))
    known = load_encoder("reviews-en").tokenizer
    weighed = prepare(dataset, settings, known=known, weights=weights)
    rows = np.repeat(np.arange(32), weights.astype(int))
    features = np.random.default_rng(1).normal(size=(32, 5))
    targets = weighed.train.targets
    once = linear(features, targets, weights, 2, 0.1, False)
    copies = linear(features[rows], targets[rows], np.ones(len(rows)), 2, 0.1, False)
    assert once[0] == pytest.approx(copies[0], abs=1e-4)


def test_frozen_training_calibrates_on_a_dev_part_of_its_own():
    dev = from_lists(["a fine and warm film", "an empty, weak film", "a great story"], ["pos", "neg", "pos"])
    prepared, settings = prepared_of(TEXTS, LABELS * 4, dev=dev)
    assert prepared.groups is None and prepared.notes["dev_split"] == "given"
    model, figures = fit(prepared, settings, encoder=load_encoder("reviews-en"))
    assert figures.n == 3 and model.predict_proba(["a superb film"]).argmax() == 1


def test_frozen_training_of_a_new_network_weighs_its_companion_by_all_texts():
    """Where no encoder knows the words, the companion says most, and is not judged by a tenth of few texts."""
    dataset = Dataset("few", from_lists(TEXTS, LABELS * 4))
    settings = Settings().replace(freeze=True, threads=1, companion_pieces=5)
    model, dev = fit(prepare(dataset, settings), settings)
    assert model.companion_weight > 0 and dev.n == len(TEXTS) and dev.accuracy > 0.8
    assert model.predict_proba(["a superb film", "a dull film"]).argmax(axis=1).tolist() == [1, 0]


def test_frozen_training_needs_different_texts_and_teaches_nobody():
    prepared, settings = prepared_of(TEXTS, LABELS * 4)
    with pytest.raises(ConfigError, match=r"teaches no student; leave out --freeze or --student-epochs\.$"):
        fit(prepared, settings.replace(student_epochs=1), encoder=load_encoder("reviews-en"))
    classes = prepared.train.targets
    for groups in (np.zeros(len(TEXTS), int), classes, np.where(classes, 0, np.arange(len(TEXTS)) + 1)):
        with pytest.raises(DataError, match=r"held out of each label: .* of one group, .* dev file of your own\.$"):
            fit(dataclasses.replace(prepared, groups=groups), settings, encoder=load_encoder("reviews-en"))


def test_frozen_training_refuses_copies_of_one_text_a_label():
    dataset = Dataset("few", from_lists(["good"] * 10 + ["bad"] * 10, ["pos"] * 10 + ["neg"] * 10))
    settings = Settings().replace(freeze=True, threads=1)
    with pytest.raises(DataError, match="copies of one text"):
        fit(prepare(dataset, settings), settings)


def test_frozen_training_by_the_estimator_gives_the_same_answers_each_time():
    first, second = (
        LSTMClassifier(pretrained="reviews-en", freeze=True, random_state=1).fit(TEXTS, LABELS * 4) for _ in range(2)
    )
    assert (first.predict_proba(TEXTS) == second.predict_proba(TEXTS)).all()
    assert first.predict(["a superb, warm film"]).tolist() == ["pos"]
