"""What the page is given equals what the library says, and each what-if equals doing it."""

import base64
import json
import math

import numpy as np
import pytest

import gatewise
from gatewise.explanation import shares as attribution
from gatewise.explanation import story as insight
from gatewise.explanation.clamping import clamped
from gatewise.explanation.tracing import trace
from gatewise.runtime.cell import Trace, sigmoid

TEXT = "the film was dull and the ending awful but the cast superb"
TYPES = {"u1": "u1", "i1": "i1", "i2": "<i2", "f4": "<f4"}


def unpacked(packed):
    """Read numbers as the page does."""
    values = (
        np.frombuffer(base64.b64decode(packed["data"]), TYPES[packed["kind"]]).reshape(packed["shape"]).astype(float)
    )
    return values if packed["scale"] is None else values * np.array(packed["scale"])[:, None]


@pytest.fixture(scope="module")
def look(tiny_model):
    return insight.look(tiny_model, TEXT)


def test_insight_look_is_plain_and_agrees_with_the_library(tiny_model, look):
    assert json.loads(json.dumps(look, allow_nan=False)) is not None
    found = attribution.explain(tiny_model, TEXT)
    assert look["tokens"] == TEXT.split()
    assert [TEXT[start:end] for start, end in look["offsets"]] == look["tokens"]
    assert look["labels"][look["target"]] == found.label
    assert np.allclose(look["probabilities"], tiny_model.probabilities([TEXT])[0], atol=1e-6)
    assert np.allclose(look["shares"]["contributions"], found.contributions, atol=1e-8)
    parts = sum(look["shares"]["contributions"]) + look["shares"]["bias"] + look["shares"]["residual"]
    assert parts == pytest.approx(look["shares"]["logit"], abs=1e-6)
    starts = [" ".join(TEXT.split()[:count]) for count in range(1, len(look["tokens"]) + 1)]
    assert np.allclose(look["running"], tiny_model.probabilities(starts)[:, look["target"]], atol=1e-5)


def test_insight_reads_every_beginning_of_a_short_text():
    model, words = gatewise.load("sentiment-en"), [*("good", "bad", "the", "film", "not", "slow", "warm")] * 13
    seen = insight.look(model, " ".join(words))
    assert len(seen["running"]) == len(words) == 91
    assert seen["read"] == list(range(91))
    starts = [" ".join(words[:count]) for count in range(2, 92, 8)]
    expected = model.probabilities(starts)[:, seen["target"]]
    assert np.allclose(seen["running"][1::8], expected, atol=1e-4)


def test_insight_says_which_beginnings_of_a_long_text_were_read():
    seen = insight.look(gatewise.load("sentiment-en"), "good bad the film not slow warm " * 40)
    read, line = seen["read"], seen["running"]
    assert len(read) == 42 and read[0] == 0 and read[-1] == len(line) - 1 == 279
    assert line[1] == pytest.approx(line[0] + (line[read[1]] - line[0]) / read[1], abs=2e-6)


def test_insight_packs_gates_within_the_promised_error(tiny_model, look):
    for traced, packed in zip(trace(tiny_model, TEXT).layers[-1], look["layers"][-1], strict=True):
        assert sorted(packed["units"]) == list(range(8))
        for name, error in [
            ("input_gate", 0.002),
            ("forget_gate", 0.002),
            ("output_gate", 0.002),
            ("candidate", 0.004),
        ]:
            assert np.abs(unpacked(packed["gates"][name]) - getattr(traced, name)[:, packed["units"]].T).max() <= error
            assert np.allclose(unpacked(packed["means"][name]), getattr(traced, name).mean(axis=1), atol=1e-6)
        assert np.allclose(unpacked(packed["cell_states"]), traced.cell_states[:, packed["units"]].T, atol=1e-4)


@pytest.mark.parametrize("side", [0, 1])
def test_insight_parts_give_the_trace_by_the_six_equations(tiny_model, look, side):
    packed, traced = look["layers"][-1][side], trace(tiny_model, TEXT).layers[-1][side]
    parts = unpacked(packed["from_input"]) + unpacked(packed["from_state"])
    i, f, g, o = np.split(parts + np.array(packed["bias"])[:, None], 4)
    c = np.zeros(len(i))
    for t in range(len(TEXT.split()))[:: -1 if side else 1]:
        c = sigmoid(f[:, t]) * c + sigmoid(i[:, t]) * np.tanh(g[:, t])
        assert np.allclose(c, traced.cell_states[t, packed["units"]], atol=1e-5)
        states = sigmoid(o[:, t]) * np.tanh(c)
        assert np.allclose(states, traced.states[t, packed["units"]], atol=1e-5)


def test_insight_belt_is_the_writes_shrunk_by_later_forget_gates(monkeypatch):
    random = np.random.default_rng(3)
    forget, writes = random.uniform(0.3, 1, (9, 4)), random.normal(size=(9, 4))
    monkeypatch.setattr(insight, "BELT", 4)
    alive, older = insight.belt(forget, writes)
    assert alive.shape == (9, 4)
    for t in range(9):
        left = [np.prod(forget[j + 1 : t + 1], axis=0) * writes[j] for j in range(t + 1)]
        expected = [np.abs(write).sum() for write in left[::-1][:4]]
        assert np.allclose(alive[t, : len(expected)], expected)
        assert older[t] == pytest.approx(np.abs(np.sum(left[:-4], axis=0)).sum() if t >= 4 else 0)


def test_insight_sorts_units_by_what_was_measured(tiny_model):
    assert len(tiny_model.facts["unit_separation"]) == 16
    top = insight.look(tiny_model, TEXT)["layers"][-1]
    for side, packed in enumerate(top):
        far = [abs(score - 0.5) for score in packed["separation"]]
        assert far == sorted(far, reverse=True)
        assert packed["separation"][0] == tiny_model.facts["unit_separation"][8 * side + packed["units"][0]]
    unmeasured = type(tiny_model)(tiny_model.tokenizer, tiny_model.network, tiny_model.labels)
    packed = insight.look(unmeasured, TEXT)["layers"][-1][0]
    spread = trace(tiny_model, TEXT).layers[-1][0].states.std(axis=0)[packed["units"]]
    assert (np.diff(spread) <= 0).all()
    assert all(math.isnan(score) for score in packed["separation"])


def test_insight_edits_clamps_and_deletions_equal_doing_it(tiny_model, look):
    story, target = insight.story(tiny_model, TEXT), look["target"]
    assert set(story["without"]) == set(range(12))
    for token, probability in story["without"].items():
        words = TEXT.split()
        expected = tiny_model.probabilities([" ".join(words[:token] + words[token + 1 :])])[0][target]
        assert probability == pytest.approx(expected, abs=1e-5)
        edit = story["edits"][token]
        assert edit["probability"] == pytest.approx(expected, abs=1e-5)
        assert edit["running"][-1] == pytest.approx(expected, abs=1e-5)
        assert edit["tokens"] == words[:token] + words[token + 1 :]
    for change in story["clamps"]:
        held = clamped(tiny_model, change["gate"], change["value"], unit=change["unit"])
        assert change["probability"] == pytest.approx(held.probabilities([TEXT])[0][target], abs=1e-5)
    assert {method["method"] for method in story["methods"]} == set(attribution.METHODS)


def test_insight_cut_leaves_one_space():
    assert insight.cut("a bad film", 2, 5) == "a film"
    assert insight.cut("bad film", 0, 3) == " film"
    assert insight.cut("not,bad", 3, 4) == "notbad"
    assert insight.cut("a film", 2, 6) == "a "


def test_insight_phrases_are_short_and_hold_the_strongest():
    found = insight.spans([5, 1], 8)
    assert (4, 6) in found and (0, 2) in found
    assert all(0 <= start < stop <= 8 and 2 <= stop - start <= 4 for start, stop in found)
    assert len(insight.spans(list(range(500)), 500)) == insight.PHRASES
    assert insight.spans([0], 1) == []


def test_insight_horizon_begins_with_all_of_the_evidence(tiny_model):
    found = insight.horizon(tiny_model, TEXT, 0)
    assert found["evidence"][0] == found["memory"][0] == found["path"][0] == 1
    filler = [found["words"][number % len(found["words"])] for number in range(5)]
    expected = tiny_model.probabilities([f"{TEXT} {' '.join(filler)}"])[0][0]
    assert found["probabilities"][found["added"].index(5)] == pytest.approx(expected, abs=1e-5)
    gates = trace(tiny_model, f"{TEXT} {' '.join(filler)}").layers[-1][0].forget_gate[-5:]
    assert found["path"][found["added"].index(5)] == pytest.approx(gates.prod(axis=0).mean(), rel=1e-4)


def test_insight_gradients_vanish_but_for_chrono():
    found = insight.gradients((50,), (1, 2))["50"]
    assert set(found) == {"rnn", "lstm", "chrono"}
    assert all(len(norms) == 50 and norms[-1] == pytest.approx(1) for norms in found.values())
    assert found["rnn"][0] < 1e-8 < found["lstm"][0] < 1e-2 < found["chrono"][0]


@pytest.mark.parametrize("text", ["zzz", "dull", "zzz qqq", "😀 שלום", "<script>alert(1)</script> **bold**"])
def test_insight_odd_texts_have_a_story(tiny_model, text):
    story = insight.story(tiny_model, text)
    assert len(story["look"]["running"]) == len(story["look"]["tokens"]) >= 1
    assert Trace.__slots__[0] in story["look"]["layers"][-1][0]["gates"]


def test_insight_horizon_of_a_text_without_evidence_has_none_to_lose(tiny_model):
    found = insight.horizon(tiny_model, "zzz", 0)  # an unknown word, which is all that no text holds too
    assert found["evidence"] == [0.0] * len(found["added"])
