"""LSTMClassifier keeps scikit-learn's contract as far as texts allow."""

import dataclasses
import pickle
import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import check_array
from sklearn.utils.estimator_checks import estimator_checks_generator

import gatewise
from gatewise.base.errors import ConfigError, DataError, GatewiseError
from gatewise.runtime.classifier import Model
from gatewise.tasks.classify.estimator import LSTMClassifier
from gatewise.tasks.classify.settings import Settings

TINY = {
    "min_count": 1, "embedding_dim": 8, "hidden_size": 8, "epochs": 3, "batch_texts": 8, "learning_rate": 0.02,
    "word_dropout": 0.0, "embedding_dropout": 0.0, "dropout": 0.0, "precision": "float32",
    "sharing": "texts", "threads": 1,
}  # fmt: skip


def tiny(**values) -> LSTMClassifier:
    return LSTMClassifier(**(TINY | values))


@pytest.fixture(scope="module")
def fitted(english) -> LSTMClassifier:
    """Shared: do not change it."""
    return tiny(epochs=6).fit(*english)


def test_classifier_class_weights_help_the_rare_class():
    """The word "maybe" means the rare class one time in four: without weights nobody would bet on it."""
    texts, labels = [], []
    for row in range(240):
        maybe = row % 3 == 0
        texts.append(f"it is {'maybe' if maybe else 'sure'} number{row}")
        labels.append("rare" if maybe and row % 12 == 0 else "common")
    recall = {}
    for weighted in (False, True):
        model = tiny(class_weights=weighted, epochs=12, min_count=2, dev_share=0.2).fit(texts, labels)
        rare = [text for text, label in zip(texts, labels, strict=True) if label == "rare"]
        recall[weighted] = float((model.predict(rare) == "rare").mean())
    assert recall == {False: 0.0, True: 1.0}


# ---------------------------------------------------------------- scikit-learn's own checks


class TableClassifier(LSTMClassifier):
    """LSTMClassifier for scikit-learn's checks, which make tables of numbers: every row becomes a text."""

    def fit(self, X, y, groups=None):
        return super().fit(self.as_sentences(X), y, groups)

    def predict_proba(self, X):
        return super().predict_proba(self.as_sentences(X))

    @staticmethod
    def as_sentences(X) -> list[str]:
        table = check_array(X)
        return [
            " ".join(f"c{column}v{round(100 * value)}" for column, value in enumerate(row)) for row in table.tolist()
        ]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.one_d_array = True, False
        return tags


NUMBERS = "it is about tables of numbers (dtypes, NaN, sparse, memory layout, features), and a text is none"
DOES_NOT_APPLY = {
    "check_array_api_input": NUMBERS,
    "check_classifiers_one_label": "a single class is refused on purpose, with a sentence",
    "check_complex_data": NUMBERS,
    "check_dtype_object": NUMBERS,
    "check_estimator_sparse_array": NUMBERS,
    "check_estimator_sparse_matrix": NUMBERS,
    "check_estimator_sparse_tag": NUMBERS,
    "check_estimators_dtypes": NUMBERS,
    "check_estimators_empty_data_messages": NUMBERS + "; no texts at all are refused by a test here",
    "check_estimators_nan_inf": NUMBERS,
    "check_estimators_partial_fit_n_features": "there is no partial_fit",
    "check_f_contiguous_array_estimator": NUMBERS,
    "check_fit1d": NUMBERS + "; a list of texts is one-dimensional",
    "check_fit2d_1feature": NUMBERS,
    "check_fit2d_1sample": "one text cannot be split; refused by a test here",
    "check_fit2d_predict1d": NUMBERS,
    "check_n_features_in": "texts have no features, so n_features_in_ is never set",
    "check_n_features_in_after_fitting": "texts have no features, so n_features_in_ is never set",
    "check_positive_only_tag_during_fit": NUMBERS,
    "check_readonly_memmap_input": NUMBERS,
    "check_classifier_data_not_an_array": NUMBERS,
    "check_classifiers_train": "it also holds predict to tables of another width; learning is tested here",
    "check_methods_subset_invariance": "it asks for 1e-7; 1e-6 is kept, by a test here",
    "check_classifiers_one_label_sample_weights": "there are no sample weights",
    "check_non_transformer_estimators_n_iter": "there is no max_iter",
}


def named_checks() -> Iterator[tuple[str, object]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _, check in estimator_checks_generator(TableClassifier(), legacy=True):
            inner = check
            while hasattr(inner, "func"):
                inner = inner.func
            yield inner.__name__, inner


CHECKS = dict(named_checks())


def test_classifier_scikit_learn_list_is_up_to_date():
    """Every reason belongs to a check that exists, so the list cannot rot."""
    assert set(DOES_NOT_APPLY) <= set(CHECKS)


@pytest.mark.parametrize("name", sorted(set(CHECKS) - set(DOES_NOT_APPLY)))
def test_classifier_scikit_learn(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        CHECKS[name]("TableClassifier", TableClassifier(**TINY | {"epochs": 1}))


# ---------------------------------------------------------------- the same contract, rewritten for texts


def test_classifier_learns(fitted, english):
    assert fitted.score(*english) > 0.9
    assert fitted.predict(["a superb moving story", "a dull awful story"]).tolist() == ["pos", "neg"]


def test_classifier_unfitted_says_so(tmp_path):
    for method in (lambda e: e.predict(["a"]), lambda e: e.predict_proba(["a"]), lambda e: e.save(tmp_path / "m")):
        with pytest.raises(NotFittedError):
            method(LSTMClassifier())


def test_classifier_fit_again_is_the_same_and_forgets(english, fitted):
    again = tiny(epochs=6).fit(["x y", "y z", "x", "z"] * 20, ["b", "a"] * 40).fit(*english)
    assert (again.predict_proba(english[0]) == fitted.predict_proba(english[0])).all()
    assert again.classes_.tolist() == ["neg", "pos"]
    other = tiny(epochs=6, random_state=2).fit(*english)
    assert (other.predict_proba(english[0]) != fitted.predict_proba(english[0])).any()
    drawn = [tiny(epochs=1, random_state=np.random.RandomState(4)).fit(*english) for _ in range(2)]
    assert (drawn[0].predict_proba(english[0]) == drawn[1].predict_proba(english[0])).all()


def test_classifier_fit_leaves_the_callers_random_state_and_threads(english):
    import torch

    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), torch.get_num_threads()  # noqa: NPY002
    tiny(epochs=1, threads=2).fit(english[0][:20], english[1][:20])
    after = torch.get_rng_state(), np.random.get_state()[1].tolist(), torch.get_num_threads()  # noqa: NPY002
    assert (before[0] == after[0]).all() and before[1:] == after[1:]


def test_classifier_answers_depend_neither_on_order_nor_on_company(fitted, english):
    texts = [*english[0][:30], "", "good " * 300, "电影 很好", "😀"]
    together = fitted.predict_proba(texts)
    assert together.shape == (34, 2)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(fitted.predict_proba(texts[::-1])[::-1], together, atol=1e-6)
    alone = np.concatenate([fitted.predict_proba([text]) for text in texts])
    np.testing.assert_allclose(alone, together, atol=1e-6)
    assert (fitted.predict(texts) == fitted.classes_[together.argmax(axis=1)]).all()


@pytest.mark.parametrize(
    "pair", [("neg", "pos"), (2, 10), (False, True), (1.0, 2.0), ("10", "9"), ("", "x"), ("é", "电影")], ids=repr
)
def test_classifier_labels_keep_their_type_and_order(english, tmp_path, pair):
    low, high = pair
    labels = [high if label == "pos" else low for label in english[1]]
    model = tiny(epochs=6).fit(english[0], labels)
    assert model.classes_.tolist() == [low, high]
    assert type(model.predict(["good"]).tolist()[0]) is type(low)
    assert model.score(english[0], labels) > 0.9, "columns of predict_proba follow classes_"
    model.save(tmp_path / "m")
    loaded = gatewise.load(tmp_path / "m")
    assert loaded.labels == (low, high) and type(loaded.labels[0]) is type(low)
    assert (loaded.probabilities(english[0]) == model.predict_proba(english[0])).all()
    assert loaded.predict(["a superb warm film"]) == [high]


def test_classifier_three_classes(english):
    texts, labels = english
    model = tiny(epochs=6).fit([*texts, *["nothing new here"] * 60], [*labels, *["flat"] * 60])
    assert model.classes_.tolist() == ["flat", "neg", "pos"]
    assert model.predict(["nothing new"]).tolist() == ["flat"]
    assert model.predict_proba(["nothing"]).shape == (1, 3)


def test_classifier_takes_arrays_and_series_of_texts(english, fitted):
    texts, labels = english
    expected = fitted.predict_proba(texts)
    frame = pd.DataFrame({"text": texts, "label": labels}, index=range(1000, 1200))
    for X, y in [
        (np.array(texts), np.array(labels)),
        (np.array(texts, dtype=object), np.array(labels, dtype=object)),
        (tuple(texts), tuple(labels)),
        (frame["text"], frame["label"]),
        (frame["text"].astype("string"), frame["label"].astype("category")),
    ]:
        model = tiny(epochs=6).fit(X, y)
        assert (model.predict_proba(X) == expected).all()
        assert model.predict(X).shape == (200,)


@pytest.mark.parametrize(
    ("X", "complaint"),
    [
        ("a film", "put it in a list"),
        (b"a film", "put it in a list"),
        (["a film", None], "Text 1 is a NoneType"),
        (["a film", b"bytes"], "Text 1 is a bytes"),
        ([1.0], "Text 0 is a float"),
        (pd.Series(["a film", None]), "Text 1 is a "),
        (pd.DataFrame({"text": ["a", "b"]}), "one column"),
        (np.array([["a"], ["b"]]), "one column"),
        ({"text": ["a"]}, "one column"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_classifier_refuses_what_is_no_list_of_texts(fitted, X, complaint):
    for method in (fitted.predict, fitted.predict_proba, lambda X: tiny().fit(X, ["a", "b"])):
        with pytest.raises(DataError, match=complaint):
            method(X)


@pytest.mark.parametrize(
    "missing", [None, np.nan, float("nan"), pd.NA, pd.NaT], ids=["None", "NaN", "nan", "NA", "NaT"]
)
def test_classifier_refuses_missing_labels(english, missing):
    texts, labels = english
    for y in (
        [labels[0], missing, missing, *labels[3:]],
        np.array([labels[0], missing, *labels[2:]], dtype=object),
        pd.Series([labels[0], missing, *labels[2:]]),
    ):
        with pytest.raises(DataError, match=r"^Label 1 is missing"):
            tiny().fit(texts, y)


@pytest.mark.parametrize(
    ("y", "complaint"),
    [
        (["pos"] * 199, "inconsistent numbers of samples"),
        (["pos"] * 200, "single label 'pos'"),
        (["pos"] * 199 + ["neg"], "'neg' has one example"),
        ([[0, 1]] * 200, "1d array|multilabel|Unknown label type"),
        ([0.5, 1.5] * 100, "continuous"),
        (None, "requires y to be passed"),
    ],
    ids=["short", "one class", "one example", "table", "continuous", "none"],
)
def test_classifier_refuses_labels_it_cannot_learn(english, y, complaint):
    with pytest.raises(ValueError, match=complaint):
        tiny().fit(english[0], y)


def test_classifier_refuses_no_texts_and_answers_none():
    with pytest.raises(DataError, match="no rows"):
        tiny().fit([], [])
    with pytest.raises(DataError, match="single label"):
        tiny().fit(["one"], ["a"])


def test_classifier_answers_no_texts_with_no_rows(fitted):
    assert fitted.predict_proba([]).shape == (0, 2)
    assert fitted.predict([]).shape == (0,)


def test_classifier_failed_fit_keeps_the_model_it_had(english):
    model = tiny(epochs=1).fit(*english)
    before = model.predict_proba(english[0])
    with pytest.raises(DataError):
        model.fit(["a"], ["b"])
    assert (model.predict_proba(english[0]) == before).all()


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ({"hidden_size": 0}, "hidden_size is 0"),
        ({"dropout": 1.5}, "dropout is 1.5"),
        ({"kind": "char"}, "choose one of word, bpe"),
        ({"pooling": ("top",)}, "pooling"),
        ({"random_state": -1}, "seed is -1"),
    ],
    ids=str,
)
def test_classifier_bad_settings_are_refused_by_fit_not_by_init(english, setting, complaint):
    model = tiny(**setting)
    with pytest.raises(ConfigError, match=complaint):
        model.fit(*english)


def test_classifier_takes_numpys_numbers_as_settings(english):
    values = {"hidden_size": np.int64(8), "dropout": np.float64(0.0), "bidirectional": np.bool_(True), "epochs": 1}
    model = tiny(**values, random_state=np.int32(3)).fit(*english)
    same = tiny(hidden_size=8, dropout=0.0, bidirectional=True, epochs=1, random_state=3).fit(*english)
    assert (model.predict_proba(english[0]) == same.predict_proba(english[0])).all()


def test_classifier_takes_every_setting_by_its_name_and_random_state_as_seed():
    names = set(Settings().flat()) - {"seed"} | {"random_state"}
    assert LSTMClassifier().get_params() == dict.fromkeys(names) | {"recipe": "labels"}
    given = LSTMClassifier(pooling="last", checkpoint_seconds=5, random_state=3)
    assert (given.pooling, given.checkpoint_seconds, given.random_state, given.dropout) == ("last", 5, 3, None)


@pytest.mark.parametrize(("name", "near"), [("dropuot", "dropout"), ("hidden_sise", "hidden_size"), ("sed", "")])
def test_classifier_refuses_a_name_that_is_no_settings_at_once(name, near):
    with pytest.raises(ConfigError, match=f"no setting named '{name}'" + (f"; did you mean {near}" if near else "")):
        LSTMClassifier(**{name: 1})
    with pytest.raises(ValueError, match="Invalid parameter"):
        LSTMClassifier().set_params(**{name: 1})


@pytest.mark.parametrize(
    "pooling", [("max", "last"), ["max", "last"], "max,last", ["max,last"], np.array(["max", "last"])]
)
def test_classifier_takes_several_values_in_every_form(english, pooling):
    model = tiny(pooling=pooling, epochs=1).fit(*english)
    assert model.model_.network.config.pooling == ("max", "last")


def test_classifier_clone_copies_the_settings_alone(fitted):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params() and not hasattr(copy, "model_")
    assert clone(copy.set_params(hidden_size=5, random_state=7)).get_params() == copy.get_params()
    assert "hidden_size=5" in repr(copy)


def test_classifier_in_a_pipeline(english):
    upper = FunctionTransformer(lambda texts: [text.upper() for text in texts])
    pipeline = Pipeline([("upper", upper), ("lstm", tiny(epochs=6))]).fit(*english)
    assert pipeline.score(*english) > 0.9
    assert pipeline.set_params(lstm__hidden_size=4).get_params()["lstm__hidden_size"] == 4


def test_classifier_cross_validated_by_group(english):
    groups = np.arange(200) // 4
    scores = cross_val_score(tiny(epochs=6), *english, groups=groups, cv=GroupKFold(2), error_score="raise")
    assert scores.shape == (2,) and scores.min() > 0.8


def test_classifier_in_a_grid_search_with_processes_and_numpys_grid(english):
    search = GridSearchCV(
        tiny(epochs=2), {"hidden_size": np.array([4, 8]), "dropout": np.linspace(0, 0.2, 2)}, cv=2, error_score="raise"
    ).fit(np.array(english[0][:80], dtype=object), english[1][:80])
    assert set(search.best_params_) == {"hidden_size", "dropout"}
    assert search.predict(["good"]).shape == (1,)


def test_classifier_calibrated_once_more(english):
    model = CalibratedClassifierCV(tiny(epochs=6), cv=2).fit(*english)
    assert model.score(*english) > 0.9


def test_classifier_pickled_in_memory(fitted, english):
    """Processes of joblib do this; the model folder has no pickle."""
    copy = pickle.loads(pickle.dumps(fitted))
    assert (copy.predict_proba(english[0]) == fitted.predict_proba(english[0])).all()
    assert isinstance(copy.model_, Model)


def test_classifier_save_refuses_an_existing_folder(fitted, tmp_path):
    fitted.save(tmp_path / "m")
    with pytest.raises(GatewiseError, match="exists already"):
        fitted.save(tmp_path / "m")
    fitted.save(tmp_path / "m", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_classifier_loads_what_was_saved(fitted, english, tmp_path):
    fitted.save(tmp_path / "m")
    loaded = LSTMClassifier.load(tmp_path / "m")
    assert loaded.classes_.tolist() == fitted.classes_.tolist() and loaded.score(*english) == fitted.score(*english)
    np.testing.assert_array_equal(loaded.predict_proba(english[0]), fitted.predict_proba(english[0]))
    given = {name: value for name, value in fitted.get_params().items() if value is not None}
    assert {name: loaded.get_params()[name] for name in given} == given
    clone(loaded).set_params(epochs=1).fit(*english)  # its settings can be used again


def test_classifier_loads_a_folder_that_tells_no_settings(fitted, tmp_path):
    dataclasses.replace(fitted.model_, facts={}).save(tmp_path / "m")
    loaded = LSTMClassifier.load(tmp_path / "m")
    assert loaded.get_params() == LSTMClassifier().get_params() and len(loaded.predict(["good"])) == 1


def test_estimator_refuses_a_label_that_no_file_can_hold(english):
    texts, labels = english
    with pytest.raises(
        DataError, match=r"^Label 1 holds a lone surrogate \('p.ud800'\), which no file can hold; correct"
    ):
        LSTMClassifier(epochs=1).fit(texts, [label.replace("pos", "p\ud800") for label in labels])


QUICK = {
    "min_count": 1, "embedding_dim": 8, "hidden_size": 6, "epochs": 4, "learning_rate": 0.02, "averaging": 0.9,
    "batch_texts": 8, "threads": 1, "precision": "float32", "sharing": "texts", "dev_share": 0.2,
}  # fmt: skip


def test_estimator_texts_of_weight_zero_are_left_out(english):
    texts, labels = english
    weights = [1.0] * 200 + [0.0] * 3
    more, kept = LSTMClassifier(**QUICK, random_state=1), LSTMClassifier(**QUICK, random_state=1)
    more.fit([*texts, "odd", "odd", "words"], [*labels, "neg", "neither", "neither"], sample_weight=weights)
    kept.fit(texts, labels)
    assert list(more.classes_) == ["neg", "pos"]
    assert (more.predict_proba(texts) == kept.predict_proba(texts)).all()
    groups = [str(row // 2) for row in range(203)]
    more.fit([*texts, "odd", "odd", "words"], [*labels, "neg", "neg", "pos"], groups, sample_weight=np.array(weights))
    kept.fit(texts, labels, groups[:200])
    assert (more.predict_proba(texts) == kept.predict_proba(texts)).all()


def test_estimator_weights_decide_between_contradicting_labels(english):
    """Every text stands there with both labels; the heavier one is learnt, and that it weighs three quarters."""
    texts, labels = english
    other = ["pos" if label == "neg" else "neg" for label in labels]
    weights = [3.0] * 200 + [1.0] * 200
    classifier = LSTMClassifier(**QUICK, random_state=1)
    classifier.fit(texts * 2, labels + other, sample_weight=weights)
    probabilities = classifier.predict_proba(texts)
    assert classifier.score(texts, labels) > 0.9
    assert 0.6 < probabilities.max(axis=1).mean() < 0.88
    companion = classifier.model_.companion
    assert companion is None or classifier.model_.companion_weight >= 0


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0] * 199, r"shape \(199,\) for 200 texts"), (2.0, r"shape \(\) for 200 texts"),
        ([[1.0]] * 200, r"shape \(200, 1\)"), ([1.0] * 199 + [-1], "sample_weight 199 is -1; give weights from 0 up"),
        ([1.0] * 199 + [np.nan], "sample_weight 199 is nan"), ([1e39] + [1.0] * 199, "sample_weight 0 is inf"),
        ([0.0] * 200, "0 for every text"), (["much"] * 200, "holds what is no number"),
    ],
)  # fmt: skip
def test_estimator_refuses_weights_that_are_none(english, weights, message):
    with pytest.raises(DataError, match=message):
        LSTMClassifier(**QUICK).fit(*english, sample_weight=weights)


def test_estimator_takes_weights_through_a_pipeline_and_a_calibration(english):
    from sklearn.utils.validation import has_fit_parameter

    texts, labels = english
    weights = np.arange(1.0, 201.0)
    pipeline = Pipeline([("lstm", LSTMClassifier(**QUICK | {"epochs": 1}, random_state=1))])
    pipeline.fit(texts, labels, lstm__sample_weight=weights)
    alone = LSTMClassifier(**QUICK | {"epochs": 1}, random_state=1).fit(texts, labels, sample_weight=weights)
    assert (pipeline.predict_proba(texts) == alone.predict_proba(texts)).all()
    plain = LSTMClassifier(**QUICK | {"epochs": 1}, random_state=1).fit(texts, labels)
    assert (plain.predict_proba(texts) != alone.predict_proba(texts)).any()
    assert has_fit_parameter(alone, "sample_weight")
    calibrated = CalibratedClassifierCV(LSTMClassifier(**QUICK | {"epochs": 1}, random_state=1), cv=2)
    assert calibrated.fit(np.array(texts, dtype=object), labels, sample_weight=weights).predict(texts[:3]).shape == (3,)


def test_classifier_points_from_seed_to_random_state():
    with pytest.raises(ConfigError, match=r"no setting named 'seed'; scikit-learn's name for it is random_state\.$"):
        LSTMClassifier(seed=3)


def test_classifier_tells_the_logger_its_classes_and_warnings_and_prints_nothing(english, caplog, capsys):
    texts, labels = english
    with caplog.at_level("INFO", "gatewise"):
        tiny(epochs=1).fit([*texts, "odd a", "odd b"], [*labels, "odd", "odd"])
    told = [(record.levelname, record.event.kind) for record in caplog.records]
    assert told[:2] == [("INFO", "prepared"), ("WARNING", "warning")] and ("INFO", "dev") in told
    assert caplog.records[0].event.values["classes"] == {"neg": 100, "pos": 100, "odd": 2}
    assert "1 of 3 classes has under 10 examples (odd 2)" in caplog.records[1].getMessage()
    assert capsys.readouterr() == ("", "")


def test_estimator_takes_a_recipe_and_settings_beside_it():
    texts, labels = ["a warm film", "a cold film", "great fun", "no fun at all"] * 10, ["pos", "neg", "pos", "neg"] * 10
    fitted = LSTMClassifier(recipe="auto", dropout=0.3).fit(texts, labels)
    settings = fitted.model_.facts["settings"]
    assert (settings["freeze"], settings["pretrained"], settings["dropout"]) == (True, "reviews-en", 0.3)
    assert fitted.predict(["great, warm fun"]).tolist() == ["pos"] and clone(fitted).recipe == "auto"
    with pytest.raises(ConfigError, match=r"no recipe 'best'; choose one of labels, fast, standard, auto\.$"):
        LSTMClassifier(recipe="best").fit(texts, labels)
