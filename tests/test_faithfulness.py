"""The battery tells methods that name the deciding words from those that do not."""

import numpy as np
import pytest

from gatewise.attribution import METHODS
from gatewise.errors import DataError
from gatewise.faithfulness import SHARES, _drawn_anew, _falls, faithfulness


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
    assert found.scores[0].comprehensiveness_behind == 0


def test_faithfulness_takes_out_the_first_words_of_an_order_or_leaves_them_alone(tiny_model):
    ids = tiny_model.tokenizer.encode_batch(["a good film and a superb story with music"])[0]
    target = int(tiny_model.network_logits(["a good film and a superb story with music"])[0].argmax())
    order = np.array([5, 1, 0, 2, 3, 4, 6, 7, 8])
    ((without, alone),) = _falls(tiny_model, ids, target, [order])

    def probability(chosen):
        from gatewise.batching import gather
        from gatewise.model import logits_of, softmax

        texts = gather([[ids[chosen]]], None, tiny_model.tokenizer.vocab_size)
        return softmax(logits_of(tiny_model.network, texts))[0, target]

    drops, left = [], []
    for share in SHARES:
        first = order[: max(1, round(share * len(ids)))]
        drops.append(probability(slice(None)) - probability(np.setdiff1d(np.arange(len(ids)), first)))
        left.append(probability(slice(None)) - probability(np.sort(first)))
    assert (without, alone) == (pytest.approx(np.mean(drops), abs=1e-6), pytest.approx(np.mean(left), abs=1e-6))


def test_faithfulness_draws_parts_anew_from_the_head_down(tiny_model):
    network = tiny_model.network
    for parts, kept in ((1, ("encoder", "embedding")), (2, ("embedding",)), (3, ())):
        twin = _drawn_anew(network, parts)
        for name in ("head", "encoder", "embedding"):
            mine, theirs = (list(getattr(part, name).parameters()) for part in (network, twin))
            assert all((one == other).all() for one, other in zip(mine, theirs, strict=True)) is (name in kept)


def test_faithfulness_counts_only_texts_that_can_be_taken_apart(tiny_model):
    found = faithfulness(
        tiny_model, ["", "good", "a good film", "a bad film", "film " * 30], longest=10, methods=["frozen"]
    )
    assert found.texts == 2 and [score.method for score in found.scores] == ["frozen"]
    with pytest.raises(DataError, match="There are 0 texts of 2 to 10 tokens"):
        faithfulness(tiny_model, ["good"], longest=10)
