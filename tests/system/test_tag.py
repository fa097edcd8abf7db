"""What users do with a tagger: learn from the sample, measure, ask, look inside, convert; and what goes wrong."""

import json
import shlex
import shutil
import signal
import sys

import pytest

from gatewise.cli.main import main
from gatewise.data.tagged_reading import read_tagged

SMALL = shlex.split("""
    --epochs 2 --embedding-dim 8 --hidden-size 8 --batch-texts 16 --learning-rate 0.02 --affix-dim 8
    --averaging 0.9 --precision float32 --sharing texts --threads 1 --quiet
""")
FILES = ["README.md", "config.json", "metrics.jsonl", "model.safetensors", "report.html", "tokenizer.json"]
COLUMNS = "Ada B-PER\nmet O\nBob B-PER\n\nOslo B-LOC\nis O\ncold O\n\n" * 20


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """A tagger that has learnt a little from the sample, and what was said. Shared: copy it before changing it."""
    path = tmp_path_factory.mktemp("taggers") / "names"
    before = sys.argv
    sys.argv = ["gatewise", "tag", "train", "wikigold", "--out", str(path), *SMALL]
    try:
        with pytest.raises(SystemExit) as end:
            main()
    finally:
        sys.argv = before
    assert not end.value.code
    return path


def test_train_evaluate_predict_explain_on_the_sample(command, names):
    assert sorted(path.name for path in names.iterdir()) == FILES
    card = (names / "README.md").read_text(encoding="utf-8")
    measured = command("tag", "evaluate", names, "wikigold", "--json")
    assert measured.code == 0, measured.err
    found = json.loads(measured.out)
    assert {"f1", "precision", "recall", "n", "ece", "seconds", "errors", "by_label"} <= found.keys()
    assert found["n"] == 1188 and found["f1"] > 0.25  # two small passes: 0.36
    assert found["units"] == "documents" and (found["seen"]["n"], found["unseen"]["n"]) == (112, 1076)
    assert found["repeated_sentences"] == 0 and found["data"] == "wikigold test"
    assert f"f1 {found['f1']:.4g}" in card

    text = "👩 Bob Smith lives in Germany.\r\nHe left the United States."
    answered = command("tag", "predict", names, text, "--json")
    assert (answered.code, answered.err) == (0, "")
    spans = json.loads(answered.out)["spans"]
    assert spans and all(text[one["start"] : one["end"]] == one["text"] for one in spans)
    assert all(0 < one["probability"] <= 1 for one in spans)

    looked = command("tag", "explain", names, "He left the United States.", "--json")
    assert looked.code == 0
    assert [one["token"] for one in json.loads(looked.out)["tokens"]] == ["He", "left", "the", "United", "States", "."]
    assert "Evaluation report of a tagger" in (names / "report.html").read_text(encoding="utf-8")


def test_train_on_a_file_measures_on_nothing_it_does_not_have(command, tmp_path, write):
    trained = command("tag", "train", write("data.conll", COLUMNS), "--out", tmp_path / "m", *SMALL)
    assert trained.code == 0, trained.err
    assert (
        "no labelled test part" in trained.err
        and "f1" in trained.out
        and trained.lines[-1] == f"model   {tmp_path / 'm'}"
    )


def test_train_parts_of_speech(command, tmp_path, write):
    row = "{}\t{}\t_\t{}\t_\t_\t_\t_\t_\t_\n"
    trees = [
        "".join(row.format(n, *pair) for n, pair in enumerate([("the", "DET"), (noun, "NOUN"), ("barks", "VERB")], 1))
        for noun in ("dog", "fox", "seal")
    ]
    for name in ("train", "test"):
        write(f"data/{name}.conllu", "\n".join([*trees * 15, ""]))
    trained = command("tag", "train", tmp_path / "data", "--out", tmp_path / "m", *SMALL)
    assert trained.code == 0 and trained.out.startswith("accuracy          1.0000"), trained.err
    found = json.loads(command("tag", "evaluate", tmp_path / "m", tmp_path / "data", "--json").out)
    assert found["accuracy"] == 1.0 and found["n"] == 135 and "f1" not in found
    assert command("tag", "predict", tmp_path / "m", "the dog").out == "the/DET dog/NOUN\n"


def test_a_training_that_was_stopped_goes_on_to_the_same_bits(command, tmp_path, write, monkeypatch):
    path = write("data.conll", COLUMNS)
    arguments = ("tag", "train", path, *SMALL, "--epochs", "4", "--checkpoint-seconds", "0")
    assert command(*arguments, "--out", tmp_path / "unbroken").code == 0
    fit, stops = sys.modules["gatewise.tasks.tag.fit"], []

    def stopping(dataset, out, *, report, train=fit.train_tagger, **more):
        def told(event):
            report(event)
            if event.kind == "dev" and not stops:
                stops.append(event)
                signal.raise_signal(signal.SIGTERM)

        return train(dataset, out, report=told, **more)

    monkeypatch.setattr(fit, "train_tagger", stopping)
    stopped = command(*arguments, "--out", tmp_path / "m")
    assert stopped.code == 143 and "the same command with --resume goes on" in stopped.err, stopped.err
    assert (tmp_path / "m" / "model.safetensors").exists() and (tmp_path / "m.training").is_dir()
    assert command(*arguments, "--out", tmp_path / "m", "--resume").code == 0
    assert not (tmp_path / "m.training").exists()
    for name in ("model.safetensors", "tokenizer.json"):
        assert (tmp_path / "m" / name).read_bytes() == (tmp_path / "unbroken" / name).read_bytes()


def test_train_refuses_a_place_that_is_taken(command, names):
    assert "exists already" in command("tag", "train", "wikigold", "--out", names, *SMALL).refusal()


def test_a_stored_tagger_in_a_quarter_of_the_size_answers_alike(command, tmp_path, names):
    trained = command("tag", "train", "wikigold", "--out", tmp_path / "small", *SMALL, "--storage", "int8")
    assert trained.code == 0, trained.err
    size = [(path / "model.safetensors").stat().st_size for path in (names, tmp_path / "small")]
    assert size[1] < 0.4 * size[0]
    figures = [json.loads(command("tag", "evaluate", path, "wikigold", "--json").out) for path in
               (names, tmp_path / "small")]  # fmt: skip
    assert figures[1]["f1"] == pytest.approx(figures[0]["f1"], abs=0.02)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_damaged_tagger_is_refused_in_a_sentence(command, tmp_path, names, name):
    broken = tmp_path / "broken"
    shutil.copytree(names, broken)
    content = (broken / name).read_bytes()
    (broken / name).write_bytes(content[: len(content) // 2])
    assert name in command("tag", "predict", broken, "a text").refusal()
    (broken / name).unlink()
    assert name in command("tag", "predict", broken, "a text").refusal()


def test_a_classifier_is_no_tagger_and_the_other_way_round(command, names, model_folder):
    assert command("tag", "predict", model_folder, "a text").refusal()
    assert command("predict", names, "a text").refusal()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("one\ntwo\n\nthree\n", ""),
        ("a B-X\nb I-X\n\nc S-X\nd L-Y\n", "two schemes"),
        ("a O\nb O\n\nc O\n" * 30, ""),
        ("", ""),
        ('{"tokens": ["a", "b"], "ner_tags": [0, 1]}\n' * 9, "names"),
    ],
    ids=["one column", "two schemes", "no entity", "empty", "numbers without names"],
)
def test_data_that_cannot_be_learnt_from_is_refused_in_a_sentence(command, tmp_path, write, content, said):
    path = write("data.jsonl" if content.startswith("{") else "data.conll", content)
    answer = command("tag", "train", path, "--out", tmp_path / "m", *SMALL)
    assert answer.code == 2 and answer.out == ""
    last = answer.err.splitlines()[-1]
    assert last.startswith("gatewise: ") and said in last, answer.err
    assert not (tmp_path / "m").exists() and not (tmp_path / "m.training").exists()


def test_a_sentence_of_one_token_and_of_five_thousand(command, names):
    long = " ".join(["word"] * 4999 + ["Germany"])
    answers = [json.loads(line) for line in command("tag", "predict", names, "x", long, "--json").lines]
    assert len(answers) == 2 and answers[1]["text"] == long
    assert all(one["end"] <= len(long) for one in answers[1]["spans"])


def test_what_is_answered_can_be_learnt_from(command, tmp_path, names):
    out = tmp_path / "answers.conll"
    done = command("tag", "predict", names, "Bob Smith lives in Germany .", "--output", out)
    assert done.code == 0
    (sentence,) = read_tagged(out).train.sentences()
    assert sentence.text == "Bob Smith lives in Germany ."
