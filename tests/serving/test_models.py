"""Models are opened by name, and a batch of works is answered as each would be alone."""

import numpy as np
import pytest

from gatewise.base.errors import ConfigError, ModelError
from gatewise.runtime.tagger_folder import save_tagger
from gatewise.serving import models
from gatewise.serving.models import Served, opened, places_of

TEXTS = ["good film", "", "a dull and boring story with a warm ending", "😀", "good"]


def test_models_are_named_by_their_folders_or_as_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a=b").mkdir()
    assert places_of(["runs/x", "sentiment-en", "y=runs/x", "z=a=b"]) == {
        "x": "runs/x", "sentiment-en": "sentiment-en", "y": "runs/x", "z": "a=b",
    }  # fmt: skip
    with pytest.raises(ConfigError, match="'a=b' is no name"):
        places_of(["a=b"])
    with pytest.raises(ConfigError, match="Two models are called 'x'"):
        places_of(["runs/x", "x=other"])
    for bad in ("=x", "a/b=x", "-x=x", f"{'x' * 65}=x", "很好=x"):
        with pytest.raises(ConfigError, match="is no name for a model"):
            places_of([bad])


def test_models_open_what_is_there_and_refuse_the_rest(tiny_pair, tiny_tagger, tmp_path):
    tiny_pair.save(tmp_path / "a")
    save_tagger(tiny_tagger, tmp_path / "b")
    found = opened({"x": str(tmp_path / "a"), "y": str(tmp_path / "b")})
    assert [(name, served.name, served.task) for name, served in found.items()] == [
        ("x", "x", "classification"), ("y", "y", "tagging"),
    ]  # fmt: skip
    for missing in (tmp_path / "c", tmp_path, "reviews-en"):
        with pytest.raises(ModelError):
            opened({"x": str(missing)})


@pytest.mark.parametrize("name", ["tiny_model", "tiny_pair", "spelt_pair"])
def test_models_answer_a_batch_as_each_alone(name, request, monkeypatch):
    monkeypatch.setattr(models, "PIECE_TOKENS", 9)
    model = request.getfixturevalue(name)
    served = Served("m", "", model)
    works = [served.works(texts) for texts in (TEXTS, TEXTS[:1], TEXTS[::-1])]
    assert len(works[0]) > 1
    answers = served.answer([work for own in works for work, _ in own])
    flat = [answer for piece in answers for answer in piece]
    texts = [*TEXTS, *TEXTS[:1], *TEXTS[::-1]]
    assert np.array([one.logits for one in flat]) == pytest.approx(model.logits(texts), abs=1e-5)
    assert np.array([one.probabilities for one in flat]) == pytest.approx(model.probabilities(texts), abs=1e-5)
    assert {one.labels for one in flat} == {("neg", "pos")}
    assert sum(tokens for _, tokens in works[0]) == len(model.encode(TEXTS).steps)


def test_models_cut_a_request_into_pieces_of_few_texts(tiny_model, monkeypatch):
    monkeypatch.setattr(models, "PIECE_TEXTS", 2)
    assert [len(work) for work, _ in Served("m", "", tiny_model).works(TEXTS)] == [2, 2, 1]
    assert [len(work) for work, _ in Served("m", "", tiny_model, together=1).works(TEXTS)] == [1] * 5


@pytest.mark.parametrize("slow", [True, False])
def test_models_are_answered_together_only_where_that_pays(tiny_model, tmp_path, monkeypatch, slow):
    tiny_model.save(tmp_path / "m")
    answer = Served.answer

    def answered(served, works):
        for _ in range(3 * len(works) if (len(works) > 1) == slow else 1):
            found = answer(served, works)
        return found

    monkeypatch.setattr(Served, "answer", answered)
    assert opened({"m": str(tmp_path / "m")})["m"].together == (1 if slow else models.TOGETHER)


def test_models_give_a_taggers_spans(tiny_tagger):
    served = Served("t", "", tiny_tagger)
    texts = ["Ada met him in New York .", "", "Bob saw rain in Oslo ."]
    works = served.works(texts)
    assert len(works) == 3 and all(tokens >= 1 for _, tokens in works)
    (first,), (empty,), (last,) = served.answer([work for work, _ in works])
    assert empty == []
    assert [(span["label"], span["text"]) for span in first] == [("PER", "Ada"), ("LOC", "New York")]
    for span in last:
        assert texts[2][span["start"] : span["end"]] == span["text"] and 0 < span["probability"] <= 1
