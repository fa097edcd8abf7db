"""A tagger learns from sentences, is stopped and resumed, starts from an encoder, and refuses what cannot be learnt."""

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from gatewise.base.errors import ConfigError, DataError, TrainingError
from gatewise.data.tagged import TaggedDataset, tagged_from_lists
from gatewise.runtime.tagger_folder import load_tagger
from gatewise.tasks.tag import fit as module
from gatewise.tasks.tag.estimator import LSTMTagger
from gatewise.tasks.tag.fit import chosen_by, train_tagger
from gatewise.tasks.tag.measure import evaluate
from gatewise.tasks.tag.prepare import prepare, units_of
from gatewise.tasks.tag.settings import TagSettings

NAMES, PLACES = ("Anna", "Peter Smith", "Maria", "Hugo Wolf", "Ines"), ("Berlin", "New York", "Oslo", "Rio")
SMALL = {
    "embedding_dim": 8, "hidden_size": 8, "affix_dim": 6, "epochs": 6,
    "learning_rate": 0.01, "batch_texts": 8, "precision": "float32", "threads": 1, "averaging": 0.9, "known_dim": 4,
}  # fmt: skip


def sentences(count: int = 160) -> tuple[list[list[str]], list[list[str]]]:
    tokens, tags = [], []
    for number, name, place in zip(range(count), itertools.cycle(NAMES), itertools.cycle(PLACES), strict=False):
        row, own = [], []
        for words, label in ((name, "PER"), ("lives in", ""), (place, "LOC"), (f"since {1900 + number}", "")):
            for at, word in enumerate(words.split()):
                row.append(word)
                own.append("O" if not label else f"{'I' if at else 'B'}-{label}")
        tokens.append(row)
        tags.append(own)
    return tokens, tags


def dataset(tokens=None, tags=None, *, dev=None) -> TaggedDataset:
    tokens, tags = (tokens, tags) if tokens else sentences()
    part = tagged_from_lists(tokens, tags, name="train")
    return TaggedDataset("letters", part, dev, scheme=part.scheme.name)


def settings(**given) -> TagSettings:
    return TagSettings().replace(**SMALL | given)


QUIET = {"report": lambda event: None}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("taggers") / "letters"
    return train_tagger(dataset(), out, settings=settings(), **QUIET), out


def test_fit_learns_and_leaves_a_folder(trained):
    done, out = trained
    assert done.dev.f1 > 0.95 and not done.stopped and 0 <= done.dev.ece < 0.5
    assert not out.with_name("letters.training").exists()
    text = "Hugo Wolf lives in Oslo since 1950"
    found = load_tagger(out).spans(text)
    assert [(text[one.start : one.end], one.label) for one, _ in found] == [("Hugo Wolf", "PER"), ("Oslo", "LOC")]
    assert all(probability > 0.5 for _, probability in found)
    facts = json.loads((out / "config.json").read_text())["facts"]
    assert facts["figures"]["dev"]["f1"] == pytest.approx(done.dev.f1, abs=1e-6)
    assert facts["scheme"] == "IOB2" and facts["units"] == "words" and facts["training_labels"] > 100
    assert "f1" in (out / "README.md").read_text()


def test_fit_measures_the_test_part_and_tells_it(tmp_path):
    rows = sentences(40)
    whole = dataclasses.replace(dataset(), test=tagged_from_lists(*rows, name="test"))
    done = train_tagger(whole, tmp_path / "letters", settings=settings(epochs=2), **QUIET)
    loaded = load_tagger(tmp_path / "letters")
    assert done.test is not None and done.test.n == 80 and done.test.repeated_sentences == 40
    assert done.test.f1 == evaluate(loaded, whole.test).f1 == loaded.facts["figures"]["test"]["f1"]
    assert "\n- test: " in (tmp_path / "letters" / "README.md").read_text()
    unlabelled = dataclasses.replace(whole, test=tagged_from_lists(rows[0], name="test"))
    assert train_tagger(unlabelled, tmp_path / "other", settings=settings(epochs=1), **QUIET).test is None


def test_fit_gives_the_same_bits_for_the_same_seed(trained, tmp_path):
    _, out = trained
    train_tagger(dataset(), tmp_path / "again", settings=settings(), **QUIET)
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == (out / "model.safetensors").read_bytes()


def test_fit_stopped_and_resumed_ends_as_unbroken(trained, tmp_path):
    _, whole = trained
    out, steps = tmp_path / "letters", [0]

    def stop() -> bool:
        steps[0] += 1
        return steps[0] > 40

    part = train_tagger(dataset(), out, settings=settings(), stopped=stop, **QUIET)
    assert part.stopped and load_tagger(out).tags == part.model.tags
    with pytest.raises(TrainingError, match="resume"):
        train_tagger(dataset(*sentences(90)), tmp_path / "letters", resume=True, **QUIET)
    train_tagger(dataset(), out, resume=True, **QUIET)
    assert (out / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_fit_starts_from_an_encoder(tmp_path):
    done = train_tagger(
        dataset(), tmp_path / "tagger", settings=settings(pretrained="reviews-en", epochs=2), storage="int8", **QUIET
    )
    network = done.model.network
    assert network.known is not None and network.known.values.shape == (30_000, 4)
    assert done.model.facts["encoder"]["data"] == "imdb"
    assert done.model.tag([["Hugo"]])[0].tags


@pytest.mark.parametrize("switch", ["crf", "recurrent", "wide"])
def test_fit_each_part_can_be_left_out(switch):
    made = LSTMTagger(**SMALL | {switch: False, "epochs": 4}, random_state=0).fit(*sentences())
    assert made.score(*sentences(30)) > 0.6


def test_fit_plain_labels():
    tokens = [[["the", "a"][n % 2], ["dog", "cat"][n // 2 % 2], ["runs", "sleeps"][n // 4 % 2]] for n in range(120)]
    tokens = [[*row, str(number)] for number, row in enumerate(tokens)]
    tags = [["DET", "NOUN", "VERB", "NUM"]] * 120
    tags[0] = ["DET", "", "VERB", "NUM"]
    made = LSTMTagger(**SMALL | {"epochs": 3}, random_state=0).fit(tokens, tags)
    assert made.predict([["the", "cat", "runs"]]) == [["DET", "NOUN", "VERB"]]
    assert made.score(tokens[1:5], tags[1:5]) == 1 and made.scheme_ == ""
    assert [span.label for span, _ in made.spans("the cat")] == ["DET", "NOUN"]


def test_fit_words_of_chinese_by_characters():
    numbers = [*"一二三四五六七八九十"]
    tokens = [[*text, one, other] for one in numbers for other in numbers for text in ("我爱北京天安门", "他住上海")]
    tags = [["S", "S", "B", "E", "B", "M", "E", "S", "S"], ["S", "S", "B", "E", "S", "S"]] * 100
    made = LSTMTagger(**SMALL | {"epochs": 4}, random_state=0).fit(tokens, tags)
    assert made.model_.lexicon.units == "characters" and "O" not in made.model_.tags and made.scheme_ == "BMES"
    assert made.predict([list("他住北京")]) == [["S", "S", "B", "E"]]


def test_fit_writes_tags_as_they_were_given():
    tokens, tags = sentences(40)
    swapped = [["O" if tag == "O" else f"{tag[2:]}-{tag[0]}" for tag in row] for row in tags]
    made = LSTMTagger(**SMALL, random_state=0).fit(tokens, swapped, dev=(tokens, swapped))
    assert made.scheme_ == "IOB2" and made.predict(tokens) == swapped


def test_fit_saves_and_loads_an_estimator(tmp_path):
    made = LSTMTagger(**SMALL | {"epochs": 1}, random_state=3).fit(*sentences(60))
    made.save(tmp_path / "tagger")
    again = LSTMTagger.load(tmp_path / "tagger")
    assert again.get_params()["hidden_size"] == 8 and again.get_params()["random_state"] == 3
    assert again.model_.predict(sentences(5)[0]) == made.model_.predict(sentences(5)[0])


@pytest.mark.parametrize(
    ("tokens", "tags", "message"),
    [
        ([[str(n)] for n in range(60)], [["O"]] * 60, "no entity in its training part"),
        ([["a"]], [["B-X"]], "too few to hold some out"),
        ([["a", "b"]], [["B-X"]], "2 tokens but 1 tags"), ("text", [["O"]], "One text was given"),
    ],
)  # fmt: skip
def test_fit_refuses_what_cannot_be_learnt(tokens, tags, message):
    with pytest.raises(DataError, match=message):
        LSTMTagger(**SMALL).fit(tokens, tags)


def test_fit_refuses_wrong_settings():
    with pytest.raises(ConfigError, match="did you mean hidden_size"):
        LSTMTagger(hiden_size=3)
    with pytest.raises(ConfigError, match="random_state"):
        LSTMTagger(seed=3)
    with pytest.raises(ConfigError, match="feature_count"):
        settings(feature_count=0)
    with pytest.raises(DataError, match="y is None"):
        LSTMTagger().fit([["a"]], None)


def test_fit_a_label_that_training_never_saw_is_missed_and_breaks_nothing():
    tokens, tags = sentences(40)
    other = [[tag.replace("LOC", "GPE") for tag in row] for row in tags]
    made = LSTMTagger(**SMALL | {"epochs": 3}, random_state=0).fit(tokens, tags, dev=(tokens, other))
    assert "B-GPE" not in made.model_.tags
    assert made.figures_.recall < 0.7


def test_prepare_knows_words_of_training_alone_and_splits_by_document():
    tokens, tags = sentences(100)
    prepared = prepare(dataset(tokens, tags), settings(dev_share=0.2))
    assert len(prepared.train) + len(prepared.dev) == 100 and 5 < len(prepared.dev) < 40
    assert prepared.notes["dev_split"] == "drawn"
    dev = tagged_from_lists([["Quux", "runs"]], [["B-PER", "O"]], name="dev")
    own = prepare(dataset(tokens, tags, dev=dev), settings())
    assert "quux" not in own.lexicon.words and len(own.dev) == 1 and own.dev.steps[0, 0] == 1
    assert own.singletons.sum() == 0 or own.singletons[2:].any()
    years = [word for word in own.lexicon.words if word == "0000"]
    assert years == ["0000"]


def test_prepare_finds_out_what_tokens_are():
    part = tagged_from_lists([list("我爱你"), ["OK"]], [["O"] * 3, ["O"]])
    assert units_of(list(part.sentences()), settings()) == "characters"
    assert units_of(list(part.sentences()), settings(units="words")) == "words"
    words = tagged_from_lists([["我们", "爱", "北京"]], [["O"] * 3])
    assert units_of(list(words.sentences()), settings()) == "words"


def test_fit_looks_at_few_dev_sentences_while_it_learns(monkeypatch):
    prepared = prepare(dataset(dev=tagged_from_lists(*sentences(150), name="dev")), settings())
    assert chosen_by(prepared) is prepared.dev
    monkeypatch.setattr(module, "MOST_CHOSEN", 50)
    few = chosen_by(prepared)
    assert 0.15 * len(prepared.train.steps) < len(few.steps) < 0.25 * len(prepared.train.steps)
    again = chosen_by(prepared)
    assert np.array_equal(few.steps, again.steps)


def test_fit_leaves_no_folder_for_another_task(trained, tmp_path):
    _, out = trained
    assert {file.name for file in Path(out).iterdir()} == {
        "README.md", "config.json", "metrics.jsonl", "model.safetensors", "tokenizer.json",
    }  # fmt: skip
