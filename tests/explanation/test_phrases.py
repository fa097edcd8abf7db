"""A phrase and the rest sum to the network's answer; taken out and put back it is worth what the texts say."""

import pytest

from gatewise.base.errors import ConfigError
from gatewise.explanation.phrases import phrase
from gatewise.explanation.shares import explain


def test_phrases_a_phrase_and_the_rest_sum_to_the_networks_answer(tiny_model):
    text = "a good film with a dull ending"
    found = phrase(tiny_model, text, 1, 3)
    shares = explain(tiny_model, text, method="contextual")
    assert found.score + found.rest == pytest.approx(shares.logit, abs=1e-5)
    assert found.interaction == pytest.approx(found.score - shares.contributions[1:3].sum(), abs=1e-5)
    assert phrase(tiny_model, text, 2, 3).interaction == 0
    assert phrase(tiny_model, text, 2, 3).score == pytest.approx(shares.contributions[2], abs=1e-5)


def test_phrases_a_phrase_taken_out_and_its_words_put_back(tiny_model):
    """The effects are the answers of the texts written without the phrase, with it, and with one of its words."""

    def answer(text):
        logits = tiny_model.network_logits([text])[0]
        return logits[1] - logits[0]

    found = phrase(tiny_model, "a good film with a dull ending", 1, 3, target=1)
    rest = answer("a with a dull ending")
    whole, good, film = (
        answer(text) - rest
        for text in ("a good film with a dull ending", "a good with a dull ending", "a film with a dull ending")
    )
    assert found.effect == pytest.approx(whole, abs=1e-5)
    assert found.effect_interaction == pytest.approx(whole - good - film, abs=1e-5)
    assert abs(found.effect_interaction) > 1e-5  # or the test could not fail
    word = phrase(tiny_model, "a good film with a dull ending", 1, 2, target=1)
    shares = explain(tiny_model, "a good film with a dull ending", method="leave-one-out", target=1)
    assert word.effect == pytest.approx(shares.contributions[1] - shares.companion_contributions[1], abs=1e-5)
    assert word.effect_interaction == 0


def test_phrases_a_phrase_that_is_the_whole_text(tiny_model):
    found = phrase(tiny_model, "good film", 0, 2, target=1)
    unknown, whole = tiny_model.network_logits(["qqqq", "good film"])
    assert found.effect == pytest.approx((whole - unknown) @ [-1, 1], abs=1e-5)


def test_phrases_that_are_not_there_are_refused(tiny_model):
    for start, end in ((0, 9), (1, 1), (-1, 1)):
        with pytest.raises(ConfigError, match=r"no phrase from token .*; the text has tokens 0 to 2"):
            phrase(tiny_model, "a good film", start, end)
