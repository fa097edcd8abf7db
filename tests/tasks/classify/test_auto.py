"""Recipe `auto`: English starts from the encoder, other text from its labels; few texts get more passes."""

import pytest

from gatewise.base.errors import DataError
from gatewise.data.part import Dataset, from_lists
from gatewise.data.reading import read
from gatewise.runtime.folder import load_encoder
from gatewise.tasks.classify.auto import ENCODER, MOST_TOKENS, SAMPLE, STEPS, Look, choose, look_at, pieces, tuning
from gatewise.tasks.classify.settings import Settings

ENGLISH = ["The plot is thin, but the music is good.", "What a waste of an evening!", "I would see it again."]
GERMAN = ["Die Handlung ist dünn, aber die Musik gefällt mir sehr.", "Welch ein verlorener Abend war das doch."]
CHINESE = ["这部电影很好看，音乐也不错。", "真是浪费了一个晚上。"]


def data(texts, times=10):
    texts = texts * times
    return Dataset("some data", from_lists(texts, ["ab"[row % 2] for row in range(len(texts))]))


def test_auto_starts_from_the_encoder_where_it_knows_the_words():
    choice = choose(data(ENGLISH))
    assert choice.changes["pretrained"] == ENCODER and choice.changes["bidirectional"] is True
    assert Settings().replace(**choice.changes).training.pretrained == ENCODER
    assert "reviews-en, which knows 100% of the words; reads in both directions, 12 passes" in choice.sentences[0]
    assert "--recipe labels" in choice.sentences[1]
    assert choose(data(ENGLISH)) == choice  # the same data, the same choice


@pytest.mark.parametrize("texts", [GERMAN, CHINESE, [*ENGLISH, *GERMAN * 3]], ids=["german", "chinese", "mixed"])
def test_auto_learns_from_the_texts_where_it_does_not(texts):
    choice = choose(data(texts))
    assert choice.changes == {"companion_pieces": 5} and "from these texts alone, as reviews-en" in choice.sentences[0]


@pytest.mark.parametrize("name", ["hidden_size", "kind", "pretrained", "lowercase"])
def test_auto_leaves_a_network_of_ones_own_alone(name):
    assert choose(data(ENGLISH), {name: 1, "epochs": 1}).changes == {}
    assert choose(data(ENGLISH), {"epochs": 1, "seed": 2}).changes["pretrained"] == ENCODER


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
    assert choice.changes["pretrained"] == ENCODER and "companion_pieces" not in choice.changes


def test_auto_reads_less_in_few_minutes():
    look = Look(4_000, 2, 230, 1_200, 1.0)
    assert (tuning(look)["bidirectional"], tuning(look)["epochs"]) == (True, 5)
    assert (tuning(look, 2.5)["bidirectional"], tuning(look, 2.5)["epochs"]) == (False, 2)
    assert tuning(look, 60) == tuning(look)


def test_auto_looks_at_all_of_a_part_and_closely_at_a_sample():
    texts = ["the film was good"] * SAMPLE + ["很好看"] * SAMPLE
    look = look_at(data(texts, times=1), load_encoder(ENCODER).tokenizer)
    assert (look.texts, look.classes) == (2 * SAMPLE, 2)
    assert 0.45 < look.known < 0.7 and 3.3 < look.tokens < 3.7  # half of the sample is of each kind
