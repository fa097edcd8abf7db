"""Recipe `auto`: English starts from the encoder, other text from its labels; few texts get more passes."""

import pytest

from gatewise.base.errors import DataError
from gatewise.data.part import Dataset, from_lists
from gatewise.data.reading import read
from gatewise.runtime.folder import load_encoder
from gatewise.tasks.classify.auto import (
    ENCODERS,
    FEW,
    MOST_TOKENS,
    SAMPLE,
    STEPS,
    Look,
    choose,
    look_at,
    pieces,
    sampled,
    tuning,
)
from gatewise.tasks.classify.settings import Settings

ENGLISH = ["The plot is thin, but the music is good.", "What a waste of an evening!", "I would see it again."]
GERMAN = ["Die Handlung ist dünn, aber die Musik gefällt mir sehr.", "Welch ein verlorener Abend war das doch."]
CHINESE = ["这部电影很好看，音乐也不错。", "真是浪费了一个晚上。"]


ENGLISH_ONE, CHINESE_ONE = ENCODERS


def data(texts, times=FEW):
    texts = texts * times
    return Dataset("some data", from_lists(texts, ["ab"[row % 2] for row in range(len(texts))]))


@pytest.mark.parametrize(("texts", "encoder"), [(ENGLISH, ENGLISH_ONE), (CHINESE, CHINESE_ONE)])
def test_auto_starts_from_the_encoder_that_knows_the_words(texts, encoder):
    choice = choose(data(texts))
    assert choice.changes["pretrained"] == encoder and choice.changes["bidirectional"] is True
    assert Settings().replace(**choice.changes).training.pretrained == encoder
    assert (
        f"auto: starts from {encoder}, which knows 100% of the words; reads in both directions" in choice.sentences[0]
    )
    assert choice.sentences[0].endswith("passes, beside n-grams of words and pieces of words.")
    assert "--recipe labels" in choice.sentences[1]
    assert choose(data(texts)) == choice  # the same data, the same choice


@pytest.mark.parametrize(
    "texts", [GERMAN, [*ENGLISH, *GERMAN * 3], [*CHINESE, *GERMAN]], ids=["german", "mixed", "two"]
)
def test_auto_learns_from_the_texts_where_none_does(texts):
    choice = choose(data(texts))
    assert choice.changes == {"kind": "bpe", "vocab_size": 3000, "companion_pieces": 5}
    assert (
        "from these texts alone, by pieces of words, beside n-grams of words and pieces of words, as the enc"
        in choice.sentences[0]
    )
    assert "at most" in choice.sentences[0]
    few = choose(data(texts, 10))
    assert (
        few.changes == choice.changes | {"freeze": True}
        and "on a network of pieces of words that is not trained" in few.sentences[0]
    )


@pytest.mark.parametrize(("texts", "encoder"), [(ENGLISH, ENGLISH_ONE), (CHINESE, CHINESE_ONE)])
def test_auto_leaves_the_encoder_as_it_is_where_texts_are_few(texts, encoder):
    few = data(texts, (FEW - 1) // len(texts))
    choice = choose(few)
    assert (choice.changes["freeze"], choice.changes["pretrained"]) == (True, encoder)
    assert (
        f"fits a head on all {FEW // len(texts) * len(texts) - (FEW % len(texts) == 0) * len(texts)} texts"
        in (choice.sentences[0])
    )
    assert Settings().replace(**choice.changes).classification.freeze
    assert "freeze" not in choose(few, {"epochs": 3}).changes  # who asks for passes is given them
    assert "freeze" not in choose(data(texts)).changes


@pytest.mark.parametrize("name", ["hidden_size", "kind", "pretrained", "lowercase"])
def test_auto_leaves_a_network_of_ones_own_alone(name):
    assert choose(data(ENGLISH), {name: 1, "epochs": 1}).changes == {}
    assert choose(data(ENGLISH), {"epochs": 1, "seed": 2}).changes["pretrained"] == ENGLISH_ONE


def test_auto_needs_labels():
    with pytest.raises(DataError, match="no labelled training part"):
        choose(Dataset("some data", from_lists(ENGLISH)))


@pytest.mark.parametrize(
    ("texts", "tokens", "both", "epochs"),
    [
        (100, 20, True, 12),  # few: many passes, within a bound
        (4_000, 20, True, 5),  # STEPS of 32 texts
        (30_000, 20, True, 4),
        (20_000, 120, True, 2),  # as many passes as are affordable
        (25_000, 300, False, 1),  # reviews: one direction
        (25_000, 180, False, 2),
        (1_000_000, 300, False, 1),
    ],
)
def test_auto_passes_follow_from_steps_and_tokens(texts, tokens, both, epochs):
    changes = tuning(Look(texts, 2, tokens, 5 * tokens, 1.0))
    assert (changes["bidirectional"], changes["epochs"]) == (both, epochs)
    if both:
        assert texts * tokens * epochs <= MOST_TOKENS
    if texts == 4_000:
        assert (epochs - 1) * texts < STEPS * changes["batch_texts"] <= epochs * texts


@pytest.mark.parametrize(
    ("classes", "characters", "expected"),
    [
        (2, 100, 5),
        (6, 50, 5),
        (150, 40, 4),
        (23, 1_262, 4),
        (2, 1_000, 4),
        (3, 4_000, 4),
        (2, 1_600, None),
        (2, 1_325, None),
    ],
)
def test_auto_the_companion_reads_pieces_of_words_but_of_long_opinions(classes, characters, expected):
    assert pieces(Look(5_000, classes, characters / 5, characters, 1.0)).get("companion_pieces") == expected


def test_auto_takes_the_bundled_reviews_for_long_opinions():
    choice = choose(read("reviews"))
    assert choice.changes["pretrained"] == ENGLISH_ONE and "companion_pieces" not in choice.changes


def test_auto_reads_less_in_few_minutes():
    look = Look(4_000, 2, 230, 1_200, 1.0)
    assert (tuning(look)["bidirectional"], tuning(look)["epochs"]) == (True, 5)
    assert (tuning(look, 2.5)["bidirectional"], tuning(look, 2.5)["epochs"]) == (False, 2)
    assert tuning(look, 60) == tuning(look)


def test_auto_looks_at_all_of_a_part_and_closely_at_a_sample():
    texts = ["the film was good"] * SAMPLE + ["很好看"] * SAMPLE
    look = look_at(data(texts, times=1), {ENGLISH_ONE: load_encoder(ENGLISH_ONE).tokenizer})
    assert (look.texts, look.classes) == (2 * SAMPLE, 2)
    assert 0.45 < look.known < 0.7 and 3.3 < look.tokens < 3.7  # half of the sample is of each kind


def test_auto_draws_its_sample_evenly():
    sample, labels = sampled(data([f"text {row}" for row in range(20 * SAMPLE)], times=1).train)
    rows = [int(text.split()[1]) for text in sample]
    assert labels.total() == 20 * SAMPLE and len(set(rows)) == SAMPLE
    counts = [sum(start <= row < start + 4 * SAMPLE for row in rows) for start in range(0, 20 * SAMPLE, 4 * SAMPLE)]
    assert max(counts) - min(counts) < SAMPLE / 10
