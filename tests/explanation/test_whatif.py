"""What would change is what does change when it is done."""

import numpy as np
import pytest

from gatewise.base.errors import DataError
from gatewise.explanation import whatif
from gatewise.explanation.tracing import read, trace
from gatewise.runtime.tokenizer import UNKNOWN_ID

TEXT = "the film was dull and the ending awful but the cast superb"


def test_whatif_cut_leaves_one_space():
    assert whatif.cut("a bad film", 2, 5) == "a film"
    assert whatif.cut("bad film", 0, 3) == " film"
    assert whatif.cut("not,bad", 3, 4) == "notbad"
    assert whatif.cut("a film", 2, 6) == "a "


def test_whatif_phrases_are_short_and_hold_the_strongest():
    chosen = whatif.spans([5, 1], 8)
    assert (4, 6) in chosen and (0, 2) in chosen
    assert all(0 <= start < stop <= 8 and 2 <= stop - start <= 4 for start, stop in chosen)
    assert len(whatif.spans(list(range(500)), 500)) == whatif.PHRASES
    assert whatif.spans([0], 1) == []


def test_whatif_a_phrase_is_worth_the_same_whether_its_words_are_known_or_asked(tiny_model):
    reading = read(tiny_model, TEXT)
    asked = whatif.phrase(reading, 0, 2, 5)
    words = [whatif.phrase(reading, 0, token, token + 1)["together"] for token in range(len(reading.ids))]
    [known] = whatif.phrases(reading, 0, [(2, 5)], np.array(words))
    assert asked.keys() == known.keys()
    for name in asked:
        assert asked[name] == pytest.approx(known[name], abs=1e-12), name
    for start, stop in ((5, 2), (0, 99), (-1, 2)):
        with pytest.raises(DataError, match="no phrase from token"):
            whatif.phrase(reading, 0, start, stop)


def test_whatif_horizon_begins_with_all_of_the_evidence(tiny_model):
    seen = whatif.horizon(read(tiny_model, TEXT), 0)
    assert seen["evidence"][0] == seen["memory"][0] == seen["path"][0] == 1
    filler = [seen["words"][number % len(seen["words"])] for number in range(5)]
    expected = tiny_model.probabilities([f"{TEXT} {' '.join(filler)}"])[0][0]
    assert seen["probabilities"][seen["added"].index(5)] == pytest.approx(expected, abs=1e-5)
    gates = trace(tiny_model, f"{TEXT} {' '.join(filler)}").layers[-1][0].forget_gate[-5:]
    assert seen["path"][seen["added"].index(5)] == pytest.approx(gates.prod(axis=0).mean(), rel=1e-4)


def test_whatif_horizon_of_a_text_without_evidence_has_none_to_lose(tiny_model):
    seen = whatif.horizon(read(tiny_model, "zzz"), 0)  # an unknown word, which is all that no text holds too
    assert seen["evidence"] == [0.0] * len(seen["added"])


def test_whatif_neutral_words_are_known_ones_that_move_the_verdict_least(tiny_model):
    words, filler = whatif.neutral(read(tiny_model, TEXT))
    assert len(words) == 5 and len(filler) == whatif.HORIZON[-1] and UNKNOWN_ID not in filler
    known = [word for word in tiny_model.tokenizer.commonest(200) if word.isalpha()]
    logits = tiny_model.network_logits(["zzz " * 8, *(f"{word} " * 8 for word in known)])
    moved = dict(zip(known, np.abs(logits[1:] - logits[0]).max(axis=1), strict=True))
    assert [moved[word] for word in words] == pytest.approx(sorted(moved.values())[:5], abs=1e-5)
