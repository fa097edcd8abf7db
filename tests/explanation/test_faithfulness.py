"""The battery tells methods that name the deciding words from those that do not."""

import dataclasses

import numpy as np
import pytest
import torch

from gatewise.base.errors import DataError
from gatewise.explanation.faithfulness import SHARES, _falls, drawn_anew, faithfulness, measurable
from gatewise.explanation.shares import METHODS, contrast
from gatewise.explanation.tracing import read
from gatewise.nets.classify import TextLSTM, arrays_of, module_of
from gatewise.runtime.batches import gather
from gatewise.runtime.classifier import softmax
from gatewise.runtime.engine import logits_of
from gatewise.runtime.tokenizer import UNKNOWN_ID


def test_faithfulness_knows_the_methods_that_find_the_deciding_word(tiny_model, english):
    told = []
    found = faithfulness(tiny_model, english[0][:60], progress=told.append)
    scores = {score.method: score for score in found.scores}
    assert scores.keys() == METHODS.keys() and told == list(range(1, found.texts + 1))
    assert [score.comprehensiveness for score in found.scores] == sorted(
        (score.comprehensiveness for score in found.scores), reverse=True
    )
    low, high = found.random_comprehensiveness
    for name in ("frozen", "integrated-gradients", "leave-one-out"):
        assert scores[name].comprehensiveness > high > scores["random"].comprehensiveness - 0.1 and low <= high
        assert scores[name].sufficiency < found.random_sufficiency[0]
        assert scores[name].rank_agreement > 0.5
    for name in ("frozen", "gamma", "beta"):
        assert scores[name].gap_max < 1e-4
    assert abs(scores["random"].rank_agreement) < 0.3
    assert scores["leave-one-out"].rank_agreement == pytest.approx(1)
    assert scores["frozen"].against_default == scores["frozen"].against_default_error == 0
    assert scores["random"].against_default < -3 * scores["random"].against_default_error < 0
    for score in found.scores:
        assert np.mean(score.curve) == pytest.approx(score.comprehensiveness)
        assert 0 < score.milliseconds < 1000
    assert np.mean(found.random_curves, axis=1).min() == pytest.approx(low)


def test_faithfulness_takes_out_the_first_words_of_an_order_or_leaves_them_alone_or_masks_them(tiny_model):
    reading = read(tiny_model, "a good film and a superb story with music")
    ids, row = reading.ids, contrast(int(reading.network_logits.argmax()), 2)
    order = np.array([5, 1, 0, 2, 3, 4, 6, 7, 8])
    (falls,) = _falls(reading, row, [order])

    def answer(text):
        found = logits_of(tiny_model.network, gather([[text]], None, tiny_model.tokenizer.vocab_size))
        return softmax(found)[0] @ (row > 0), found[0] @ row

    whole = answer(ids)
    for share, (without, alone, masked, in_logit) in zip(SHARES, falls, strict=True):
        first = np.sort(order[: max(1, round(share * len(ids)))])
        hidden = ids.copy()
        hidden[first] = UNKNOWN_ID
        assert whole[0] - answer(np.delete(ids, first))[0] == pytest.approx(without, abs=1e-6)
        assert whole[1] - answer(np.delete(ids, first))[1] == pytest.approx(in_logit, abs=1e-5)
        assert whole[0] - answer(ids[first])[0] == pytest.approx(alone, abs=1e-6)
        assert whole[0] - answer(hidden)[0] == pytest.approx(masked, abs=1e-6)


def test_faithfulness_of_one_decisive_word_is_plain(tiny_model):
    """The word alone is sufficient and nothing is left without it (a mask once kept the wrong set elsewhere)."""
    text = "the film was awful with a story"
    reading = read(tiny_model, text)
    ((without, alone, masked, _), *_), ((without_other, alone_other, *_), *_) = _falls(
        reading,
        contrast(int(reading.network_logits.argmax()), 2),
        [np.array([3, 0, 1, 2, 4, 5, 6]), np.array([0, 1, 2, 4, 5, 6, 3])],
    )
    assert min(without, masked) > 0.1 > max(abs(without_other), alone) and alone_other > alone


def test_faithfulness_draws_evenly_among_texts_that_can_be_taken_apart(tiny_model, english):
    texts = ["good", *english[0][:20], "film " * 30]
    counted = []
    found = faithfulness(tiny_model, texts, most=5, longest=12, methods=["gamma"], progress=counted.append)
    assert found.texts == 5 == counted[-1] and [score.method for score in found.scores] == ["gamma"]
    every = faithfulness(tiny_model, texts, most=50, longest=12, methods=["gamma"])
    assert every.texts == len(measurable(tiny_model, texts, 12)) == 20
    assert measurable(tiny_model, ["good", "", "good film", "a good film", "film " * 4], 3) == [
        "good film",
        "a good film",
    ]


def test_faithfulness_finds_shares_of_networks_drawn_anew_unrelated(tiny_model, english):
    found = faithfulness(tiny_model, english[0][:40], methods=["frozen", "random"])
    scores = {score.method: score.redrawn for score in found.scores}
    assert scores["frozen"].keys() == {"head", "head and LSTM", "everything"}
    assert abs(scores["frozen"]["everything"]) < 0.3
    assert scores["random"]["everything"] == pytest.approx(1)  # it knows no network, and this gives it away


def test_faithfulness_draws_parts_anew_from_the_head_down(tiny_model):
    network = tiny_model.network
    parts = {
        "head": lambda own: own.head,
        "LSTM": lambda own: own.layers[0][1].recurrent,
        "embedding": lambda own: own.embedding.rows(np.arange(5)),
    }
    for count, kept in ((1, {"LSTM", "embedding"}), (2, {"embedding"}), (3, set())):
        twin = drawn_anew(network, count)
        assert {name for name, of in parts.items() if np.array_equal(of(network), of(twin))} == kept
        assert np.array_equal(drawn_anew(network, count).head, twin.head)


@pytest.mark.parametrize("chrono", [0, 40])
def test_faithfulness_draws_as_the_learner_does_before_it_trains(tiny_model, chrono):
    """The same means, spreads, orthogonality and biases as nets/ gives, a gate at a time."""
    config = dataclasses.replace(
        tiny_model.network.config, num_layers=2, embedding_dim=60, hidden_size=50, chrono_horizon=chrono
    )
    torch.manual_seed(3)
    first = arrays_of(TextLSTM(config, 400, 2))
    mine = drawn_anew(arrays_of(TextLSTM(config, 400, 2)), 3)

    def spread(one, other, most=0.1):
        assert one.shape == other.shape and one.dtype == other.dtype
        assert one.std() == pytest.approx(other.std(), rel=most, abs=1e-6)
        assert one.mean() == pytest.approx(other.mean(), abs=2 * most * float(one.std()) + 1e-6)
        assert np.abs(one).max() == pytest.approx(np.abs(other).max(), rel=3 * most)

    spread(mine.embedding.values[1:], first.embedding.values[1:])
    assert not mine.embedding.values[0].any() and not first.embedding.values[0].any()
    spread(mine.head, first.head)
    for row, other_row in zip(mine.layers, first.layers, strict=True):
        for cell, other in zip(row, other_row, strict=True):
            for gate in range(4):
                rows = slice(50 * gate, 50 * gate + 50)
                spread(cell.input[rows], other.input[rows])
                turn = cell.recurrent[rows]
                assert turn @ turn.T == pytest.approx(np.eye(50), abs=1e-5)
                spread(cell.bias[rows], other.bias[rows], 0.3)
    assert module_of(mine).config == config


def test_faithfulness_counts_only_texts_that_can_be_taken_apart(tiny_model):
    found = faithfulness(
        tiny_model, ["", "good", "a good film", "a bad film", "film " * 30], longest=10, methods=["frozen"]
    )
    assert found.texts == 2 and [score.method for score in found.scores] == ["frozen"]
    with pytest.raises(DataError, match="There are 0 texts of 2 to 10 tokens"):
        faithfulness(tiny_model, ["good"], longest=10)


def test_faithfulness_in_lines(tiny_model, english):
    result = faithfulness(tiny_model, english[0][:10], methods=["gamma", "random"])
    lines = result.lines()
    assert lines[0].startswith("10 texts of ") and len(lines) == 2 + 2 + 1
    assert [line.split()[0] for line in lines[2:4]] == [score.method for score in result.scores]
    assert f"{result.random_comprehensiveness[0]:.4f} to {result.random_comprehensiveness[1]:.4f}" in lines[-1]
    assert result.as_dict()["scores"][0]["method"] == result.scores[0].method
