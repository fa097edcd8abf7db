"""What the page is given equals what the library says, comes of few runs, and is told as it grows."""

import dataclasses
import math
import subprocess
import sys

import numpy as np
import pytest
from tests.explanation.test_tracing import reading_of

import gatewise
from gatewise.explanation import answers, shares, tracing
from gatewise.explanation import story as module
from gatewise.explanation.clamping import clamped, holds
from gatewise.explanation.phrases import phrase
from gatewise.explanation.story import belt, gradients, look, story
from gatewise.explanation.tracing import read, trace
from gatewise.lab.gradients import before_training, median_ratios
from gatewise.runtime.cell import GATES, sigmoid
from gatewise.runtime.tokenizer import TextTokenizer

TEXT = "the film was dull and the ending awful but the cast superb"


@pytest.fixture(scope="module")
def seen(tiny_model):
    return look(read(tiny_model, TEXT))


def test_story_look_agrees_with_the_library(tiny_model, seen):
    found = shares.explain(tiny_model, TEXT)
    assert seen["tokens"] == TEXT.split()
    assert [TEXT[start:end] for start, end in seen["offsets"]] == seen["tokens"]
    assert seen["labels"][seen["target"]] == found.label
    assert np.allclose(seen["probabilities"], tiny_model.probabilities([TEXT])[0], atol=1e-6)
    assert np.allclose(seen["shares"]["contributions"], found.contributions, atol=1e-8)
    parts = sum(seen["shares"]["contributions"]) + seen["shares"]["bias"] + seen["shares"]["residual"]
    assert parts == pytest.approx(seen["shares"]["logit"], abs=1e-6)
    starts = [" ".join(TEXT.split()[:count]) for count in range(1, len(seen["tokens"]) + 1)]
    assert np.allclose(seen["running"], tiny_model.probabilities(starts)[:, seen["target"]], atol=1e-5)


def test_story_reads_every_beginning_of_a_short_text():
    model, words = gatewise.load("sentiment-en"), [*("good", "bad", "the", "film", "not", "slow", "warm")] * 13
    seen = look(read(model, " ".join(words)))
    assert len(seen["running"]) == len(words) == 91
    assert seen["read"] == list(range(91))
    starts = [" ".join(words[:count]) for count in range(2, 92, 8)]
    expected = model.probabilities(starts)[:, seen["target"]]
    assert np.allclose(seen["running"][1::8], expected, atol=1e-4)


def test_story_says_which_beginnings_of_a_long_text_were_read():
    seen = look(read(gatewise.load("sentiment-en"), "good bad the film not slow warm " * 40))
    asked, line = seen["read"], seen["running"]
    assert len(asked) == 42 and asked[0] == 0 and asked[-1] == len(line) - 1 == 279
    assert line[1] == pytest.approx(line[0] + (line[asked[1]] - line[0]) / asked[1], abs=2e-6)


def test_story_gates_are_the_traces_by_unit(tiny_model, seen):
    for traced, direction in zip(trace(tiny_model, TEXT).layers[-1], seen["layers"][-1], strict=True):
        assert sorted(direction["units"]) == list(range(8))
        for name in GATES:
            gate = getattr(traced, name)
            assert np.allclose(direction["gates"][name], gate[:, direction["units"]].T, atol=1e-6)
            assert np.allclose(direction["means"][name], gate.mean(axis=1), atol=1e-6)
        assert np.allclose(direction["cell_states"], traced.cell_states[:, direction["units"]].T, atol=1e-6)


@pytest.mark.parametrize("side", [0, 1])
def test_story_parts_give_the_trace_by_the_six_equations(tiny_model, seen, side):
    direction, traced = seen["layers"][-1][side], trace(tiny_model, TEXT).layers[-1][side]
    parts = direction["from_input"] + direction["from_state"]
    i, f, g, o = np.split(parts + np.array(direction["bias"])[:, None], 4)
    c = np.zeros(len(i))
    for t in range(len(TEXT.split()))[:: -1 if side else 1]:
        c = sigmoid(f[:, t]) * c + sigmoid(i[:, t]) * np.tanh(g[:, t])
        assert np.allclose(c, traced.cell_states[t, direction["units"]], atol=1e-5)
        states = sigmoid(o[:, t]) * np.tanh(c)
        assert np.allclose(states, traced.states[t, direction["units"]], atol=1e-5)


def test_story_belt_is_the_writes_shrunk_by_later_forget_gates(monkeypatch):
    random = np.random.default_rng(3)
    forget, writes = random.uniform(0.3, 1, (9, 4)), random.normal(size=(9, 4))
    monkeypatch.setattr(module, "BELT", 4)
    alive, older = belt(forget, writes)
    assert alive.shape == (9, 4)
    for t in range(9):
        left = [np.prod(forget[j + 1 : t + 1], axis=0) * writes[j] for j in range(t + 1)]
        expected = [np.abs(write).sum() for write in left[::-1][:4]]
        assert np.allclose(alive[t, : len(expected)], expected)
        assert older[t] == pytest.approx(np.abs(np.sum(left[:-4], axis=0)).sum() if t >= 4 else 0)


def test_story_sorts_units_by_what_was_measured(tiny_model):
    assert len(tiny_model.facts["unit_separation"]) == 16
    top = look(read(tiny_model, TEXT))["layers"][-1]
    for side, direction in enumerate(top):
        far = [abs(score - 0.5) for score in direction["separation"]]
        assert far == sorted(far, reverse=True)
        assert direction["separation"][0] == tiny_model.facts["unit_separation"][8 * side + direction["units"][0]]
    unmeasured = type(tiny_model)(tiny_model.tokenizer, tiny_model.network, tiny_model.labels)
    direction = look(read(unmeasured, TEXT))["layers"][-1][0]
    spread = trace(tiny_model, TEXT).layers[-1][0].states.std(axis=0)[direction["units"]]
    assert (np.diff(spread) <= 0).all()
    assert all(math.isnan(score) for score in direction["separation"])


@pytest.mark.parametrize("pair", ["tiny_pair", "spelt_pair"])
def test_story_edits_clamps_and_deletions_equal_doing_it(pair, seen, request):
    tiny_pair = request.getfixturevalue(pair)
    told, target = story(tiny_pair, TEXT), seen["target"]
    assert set(told["without"]) == set(range(12))
    for token, probability in told["without"].items():
        words = TEXT.split()
        text = " ".join(words[:token] + words[token + 1 :])
        expected = tiny_pair.probabilities([text])[0][target]
        assert probability == pytest.approx(expected, abs=1e-5)
        edit = told["edits"][token]
        assert edit["probability"] == pytest.approx(expected, abs=1e-5)
        assert edit["running"][-1] == pytest.approx(expected, abs=1e-5)
        assert edit["tokens"] == words[:token] + words[token + 1 :]
        own = shares.explain(tiny_pair, text, target=target)
        assert np.allclose(edit["contributions"], own.contributions, atol=1e-6)
    network = tiny_pair.network
    for change in told["clamps"]:
        layers = clamped(network.layers, holds(network, change["gate"], change["value"], change["unit"]))
        held = dataclasses.replace(tiny_pair, network=dataclasses.replace(network, layers=layers))
        assert change["probability"] == pytest.approx(held.probabilities([TEXT])[0][target], abs=1e-5)
        assert change["running"][4] == pytest.approx(
            held.probabilities([" ".join(TEXT.split()[:5])])[0][target], abs=1e-5
        )
        own = shares.explain(held, TEXT, target=target)
        assert np.allclose(change["contributions"], own.contributions, atol=1e-5)
    for method in told["methods"]:
        own = shares.explain(tiny_pair, TEXT, method=method["method"])
        assert np.allclose(method["contributions"], own.contributions, atol=1e-6)
    assert [method["method"] for method in told["methods"]] == list(shares.METHODS)
    for prepared in told["phrases"][:5]:
        own = phrase(tiny_pair, TEXT, prepared["start"], prepared["stop"], target=target)
        assert prepared["together"] == pytest.approx(own.score, abs=1e-5)
        assert prepared["together"] - sum(prepared["alone"]) == pytest.approx(own.interaction, abs=1e-5)
        assert prepared["effect"] - sum(prepared["effects"]) == pytest.approx(own.effect_interaction, abs=1e-5)


def test_story_encodes_little_and_runs_seldom(tiny_model, monkeypatch):
    """One pass of each direction serves all that can be read together; a what-if is no run of its own."""
    calls = {"encoded": 0, "runs": 0}

    def counted(name, function):
        def call(*args, **kwargs):
            calls[name] += 1
            return function(*args, **kwargs)

        return call

    for method in ("encode", "encode_batch"):
        monkeypatch.setattr(TextTokenizer, method, counted("encoded", getattr(TextTokenizer, method)))
    follow = counted("runs", tracing.follow)
    monkeypatch.setattr(tracing, "follow", follow)
    monkeypatch.setattr("gatewise.explanation.gradients.follow", follow)
    monkeypatch.setattr(answers, "_read", counted("runs", answers._read))
    monkeypatch.setattr("gatewise.runtime.engine.pooled_of", lambda *_: pytest.fail("a text was read apart"))
    told = story(tiny_model, "the film was dull and its ending awful but the cast superb and the music great too")
    assert len(told["edits"]) == 12 and len(told["clamps"]) > 12 and len(told["phrases"]) > 10
    assert calls["encoded"] <= 18 and calls["runs"] <= 14


def test_story_tells_how_far_it_is(tiny_model):
    said = []
    story(tiny_model, TEXT, progress=lambda done, of: said.append((done, of)))
    assert [done for done, _ in said] == list(range(1, said[-1][1] + 1))
    assert len({of for _, of in said}) == 1


@pytest.mark.parametrize("text", ["zzz", "dull", "zzz qqq", "😀 שלום", "<script>alert(1)</script> **bold**"])
def test_story_of_odd_texts(tiny_model, text):
    told = story(tiny_model, text)
    assert len(told["look"]["running"]) == len(told["look"]["tokens"]) >= 1
    assert set(told["look"]["layers"][-1][0]["gates"]) == set(GATES)


def test_story_of_a_text_too_long_for_slow_methods_leaves_these_out(tiny_model, monkeypatch):
    monkeypatch.setattr(module, "SLOW_TOKENS", 5)
    told = story(tiny_model, TEXT)
    assert [own["method"] for own in told["methods"]] == [name for name in shares.METHODS if name not in module.SLOW]
    reading = reading_of(tiny_model.network, read(tiny_model, TEXT).ids.tolist())
    assert told["phrases"][0]["alone"] and reading.ids.tolist() == read(tiny_model, TEXT).ids.tolist()


def test_story_gradients_are_those_that_the_lab_measures():
    """The file is json.dumps of this, each norm as float(f"{norm:.4g}")."""
    networks = {"rnn": "rnn", "lstm": "lstm-bias-1", "chrono": "lstm-chrono"}
    curves = gradients()
    assert set(curves) == {"20", "50", "100"}
    for length, own in curves.items():
        flows = [before_training(name, int(length), seed) for name in networks.values() for seed in (1, 2, 3)]
        measured = {short: median_ratios(flows, name, False)[::-1] for short, name in networks.items()}
        assert own == {short: pytest.approx(norms, rel=6e-4) for short, norms in measured.items()}
    assert curves["50"]["rnn"][0] < 1e-8 < curves["50"]["lstm"][0] < 1e-2 < curves["50"]["chrono"][0]


def test_story_and_server_need_no_learning_room():
    program = """
import sys, gatewise
from gatewise.explanation.story import story
from gatewise.serving import explain
story(gatewise.load("sentiment-en"), "a warm film")
print({"torch", "sklearn", "scipy", "pyarrow"} & set(sys.modules))
"""
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "set()\n"
