"""Training, measuring and asking a tagger: options become settings, texts and tokens come in, every format goes out."""

import io
import json
import sys

import pytest
from tests.cli.test_options import described, help_of
from tests.conftest import named_sentences
from typer.testing import CliRunner

from gatewise.base.errors import ConfigError, DataError, GatewiseError
from gatewise.base.settings import declared
from gatewise.cli import main as cli
from gatewise.cli import tag_answers
from gatewise.cli.tag_convert import ENDINGS
from gatewise.data.tagged_layout import TaggedOptions
from gatewise.data.tagged_reading import read_tagged
from gatewise.runtime.dictionary import dictionary_of
from gatewise.tasks.tag.settings import TagSettings


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "names.conll"
    blocks = ["".join(f"{token} {tag}\n" for token, tag in zip(*row, strict=True))
              for row in zip(*named_sentences(40, seed=5), strict=True)]  # fmt: skip
    path.write_text("\n".join(blocks))
    return path


@pytest.fixture
def run(monkeypatch, tiny_tagger):
    """Run a command with the tiny tagger under any name."""
    monkeypatch.setattr("gatewise.runtime.tagger_folder.load_tagger", lambda path: tiny_tagger, raising=False)

    def invoke(*arguments: object, stdin: str | bytes = ""):
        return CliRunner().invoke(cli.app, ["tag", *map(str, arguments)], input=stdin)

    return invoke


def answers(result) -> list[dict]:
    assert result.exit_code == 0, (result.output, result.exception)
    return [json.loads(line) for line in result.stdout.splitlines()]


def refused(result) -> str:
    assert isinstance(result.exception, GatewiseError), (result.output, result.exception)
    return str(result.exception)


def test_train_help_describes_every_setting_and_all_that_is_said_of_a_file():
    shown = " ".join(CliRunner().invoke(cli.app, ["tag", "train", "--help"], env={"COLUMNS": "400"}).output.split())
    for field, default in [*declared(TagSettings()), *declared(TaggedOptions())]:
        assert described(field, default) in shown, field.name
    assert "Label the words of texts" in help_of("tag")


def test_settings_and_layout_share_no_name():
    names = [field.name for field, _ in [*declared(TagSettings()), *declared(TaggedOptions())]]
    assert len({*names}) == len(names)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {}),
        (["--epochs", "3", "--hidden-size", "64"], {"epochs": 3, "hidden_size": 64}),
        (["--no-crf", "--no-wide"], {"crf": False, "wide": False}),
        (
            ["--units", "characters", "--minutes", "2", "--seed", "7"],
            {"units": "characters", "minutes": 2.0, "seed": 7},
        ),
    ],
    ids=str,
)
def test_train_options_become_settings(monkeypatch, tmp_path, data, arguments, expected):
    called = {}

    def stop(dataset, out, **values):
        called.update(values, out=out, dataset=dataset)
        raise GatewiseError("enough")

    monkeypatch.setattr("gatewise.tasks.tag.fit.train_tagger", stop)
    result = CliRunner().invoke(
        cli.app, ["tag", "train", str(data), "--out", str(tmp_path / "m"), "--token-column", "1", *arguments]
    )
    assert refused(result) == "enough"
    assert called["settings"] == TagSettings().replace(**expected)
    assert called["out"] == tmp_path / "m" and called["dataset"].scheme == "IOB2"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--hidden-size", "0"], ConfigError, "hidden_size is 0"),
        (["--storage", "int4"], ConfigError, "storage is 'int4'"),
        (["--scheme", "IOB3"], ConfigError, "scheme is 'IOB3'"),
    ],
)
def test_train_says_what_is_wrong_before_anything_is_trained(monkeypatch, tmp_path, data, arguments, error, message):
    monkeypatch.setattr("gatewise.tasks.tag.fit.train_tagger", lambda *a, **k: pytest.fail("training was begun"))
    result = CliRunner().invoke(cli.app, ["tag", "train", str(data), "--out", str(tmp_path / "m"), *arguments])
    assert isinstance(result.exception, error) and message in str(result.exception)


def test_evaluate_prints_figures_and_json(run, data, tmp_path):
    shown = run("evaluate", "runs/m", data)
    assert shown.exit_code == 0 and shown.stdout.startswith("F1                ")
    (found,) = answers(run("evaluate", "runs/m", data, "--json", "--training", data))
    assert {"f1", "precision", "recall", "n", "ece", "seconds"} <= found.keys()
    assert found["n"] == 80 and found["f1"] > 0.9 and found["repeated_sentences"] == 40
    folder = tmp_path / "both"
    folder.mkdir()
    for name in ("train.conll", "test.conll"):
        (folder / name).write_text(data.read_text())
    (found,) = answers(run("evaluate", "runs/m", folder, "--json"))
    assert found["repeated_sentences"] == 40  # the training part is the one beside it


def test_evaluate_writes_a_report(run, data, tmp_path):
    out = tmp_path / "report.html"
    done = run("evaluate", "runs/m", data, "--report", out)
    assert done.exit_code == 0 and f"report written to {out}" in done.stderr, done.exception
    page = out.read_text(encoding="utf-8")
    assert "names.conll" in page and "Evaluation report of a tagger" in page
    assert "does not end in .html" in refused(run("evaluate", "runs/m", data, "--report", data))


def test_predict_marks_texts(run):
    shown = run("predict", "runs/m", "Eve met him in San Jose.", "rain")
    assert shown.exit_code == 0, shown.exception
    first, second = shown.stdout.splitlines()
    assert first == "[Eve]PER 1.00 met him in [San Jose]LOC 1.00."
    assert second == "rain"


def test_predict_offsets_are_of_the_original_text(run):
    text = "👩‍🚀  Eve\u00a0met him\tin San  Jose.\r\n\r\nBob left rain in Oslo"
    (found,) = answers(run("predict", "runs/m", text, "--json"))
    assert found["text"] == text
    assert all(text[one["start"] : one["end"]] == one["text"] for one in found["spans"])
    assert {"San  Jose", "Oslo"} <= {one["text"] for one in found["spans"]}


def test_predict_keeps_answers_and_lines_in_step(run):
    found = answers(run("predict", "runs/m", "--json", stdin="Eve met him in Oslo .\n\n   \nrain\n"))
    assert [one["text"] for one in found] == ["Eve met him in Oslo .", "", "   ", "rain"]
    assert [len(one["spans"]) for one in found] == [2, 0, 0, 0]


def test_predict_given_tokens(run):
    line = "Eve met him in San Jose ."
    for stdin in (line, json.dumps(line.split()), json.dumps({"tokens": line.split()})):
        (found,) = answers(run("predict", "runs/m", "--tokens", "--json", stdin=stdin))
        assert found["tokens"] == line.split() and found["tags"] == ["S-PER", "O", "O", "O", "B-LOC", "E-LOC", "O"]
        assert [one["text"] for one in found["spans"]] == ["Eve", "San Jose"]
    (found,) = answers(run("predict", "runs/m", "--tokens", "--json", stdin="[ Eve ] met"))
    assert found["tokens"] == ["[", "Eve", "]", "met"]
    assert "line 2 needs a JSON list of tokens" in refused(
        run("predict", "runs/m", "--tokens", stdin='["a"]\n{"text": 1}')
    )


def test_predict_a_file_of_columns(run, data):
    found = answers(run("predict", "runs/m", "--input", data, "--json"))
    assert len(found) == 40 and all(one["spans"] for one in found)
    assert found[0]["tokens"] == named_sentences(40, seed=5)[0][0]


@pytest.mark.parametrize(("form", "whole"), [("conll", False), ("conllu", False), ("doccano", True), ("spacy", True)])
def test_predict_writes_what_training_reads(run, tmp_path, data, form, whole):
    out = tmp_path / f"out{'.jsonl' if whole else f'.{form}'}"
    done = run("predict", "runs/m", "--input", data, "--format", form, "--output", out)
    assert done.exit_code == 0 and "40 answers written to" in done.stderr, done.exception
    again = read_tagged(out).train
    wanted = [one["spans"] for one in answers(run("predict", "runs/m", "--input", data, "--json"))]
    found = [[(span.start, span.end, span.label) for span in one.spans()] for one in again.sentences()]
    assert found == [[(one["start"], one["end"], one["label"]) for one in spans] for spans in wanted]


def test_predict_writes_columns_in_the_scheme_of_training_or_the_one_asked_for(run):
    for options, tags in (([], "B-PER O O O B-LOC I-LOC"), (["--write-scheme", "BILOU"], "U-PER O O O B-LOC L-LOC")):
        shown = run("predict", "runs/m", "Eve met him in San Jose", "--format", "conll", *options)
        assert shown.stdout.split()[1::2] == tags.split()


def test_predict_writes_a_page(run, tmp_path):
    out = tmp_path / "out.html"
    assert run("predict", "runs/m", "Eve met <him> in Oslo", "--output", out).exit_code == 0
    page = out.read_text()
    assert "<bdi>Eve</bdi><small>PER</small>" in page and "&lt;him&gt;" in page and page.endswith("</html>\n")


def test_predict_obeys_a_dictionary(run, tmp_path):
    words = tmp_path / "words.tsv"
    words.write_text("met him\tLOC\nEve\tLOC\n")
    (found,) = answers(run("predict", "runs/m", "Eve met him in San Jose", "--json", "--dictionary", words))
    told = {one["text"]: (one["label"], one["probability"]) for one in found["spans"]}
    assert told["met him"] == ("LOC", 1.0) and told["Eve"] == ("LOC", 1.0) and told["San Jose"][0] == "LOC"
    words.write_text("Eve\tEVENT\n")
    assert "the label 'EVENT', and the model knows LOC, PER" in refused(
        run("predict", "runs/m", "a b", "--dictionary", words)
    )
    words.write_text("Eve\n")
    assert "line 1 is 'Eve'; write a word, a tab and its label" in refused(
        run("predict", "runs/m", "a b", "--dictionary", words)
    )
    words.write_text("\n")
    assert "holds no words" in refused(run("predict", "runs/m", "a b", "--dictionary", words))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "runs/m", "a b", "--input", "FILE"], "Give texts or --input, not both."),
        (["predict", "runs/m", "a b", "--format", "xml"], "format is 'xml'; choose one of text, jsonl, html, conll"),
        (["predict", "runs/m", "a b", "--write-scheme", "X"], "write_scheme is 'X'"),
        (["predict", "runs/m", "--input", "FILE", "--output", "FILE"], "is the file that --input reads"),
        (["predict", "runs/m", "--input", "nowhere.txt"], "nowhere.txt could not be read"),
        (["explain", "runs/m"], "Give one text to explain"),
        (["explain", "runs/m", "a b", "c d"], "there are 2"),
        (["convert", "FILE", "--to", "xml"], "to is 'xml'; choose one of conll"),
        (["convert", "FILE", "--to", "brat"], "give --output FOLDER"),
        (["convert", "FILE", "--to", "conll", "--part", "test"], "has no part test; it has train"),
    ],
)
def test_what_cannot_be_is_said(run, data, arguments, message):
    assert message in refused(run(*(str(data) if one == "FILE" else one for one in arguments)))


def test_explain_shows_readings(run):
    shown = run("explain", "runs/m", "Eve met him in San Jose", "--readings", "2")
    assert shown.exit_code == 0, shown.exception
    assert "[Eve]PER met him in [San Jose]LOC" in shown.stdout and "reading 2 " in shown.stdout
    first, second = answers(run("explain", "runs/m", "Eve left\nrain in Oslo", "--json"))
    assert [one["token"] for one in first["tokens"]] == ["Eve", "left"] and len(second["tokens"]) == 3


@pytest.mark.parametrize("form", ["conll", "conllu", "jsonl", "doccano", "label-studio", "spacy", "huggingface"])
def test_convert_out_and_in_again_is_the_same(run, tmp_path, data, form):
    out = tmp_path / f"out{ENDINGS.get(form, '.jsonl')}"
    done = run("convert", data, "--to", form, "--output", out)
    assert done.exit_code == 0 and "40 sentences or texts written to" in done.stderr, done.exception
    back = run("convert", out, "--to", "conll", "--write-scheme", "IOB2")
    assert back.exit_code == 0, back.exception
    assert back.stdout.replace("-DOCSTART-\tO\n", "").split() == data.read_text().split()  # texts are documents


def test_convert_writes_a_folder_of_parts_or_one_of_them(run, tmp_path):
    out = tmp_path / "out"
    assert "has train, test; give --output FOLDER" in refused(run("convert", "wikigold", "--to", "jsonl"))
    assert run("convert", "wikigold", "--to", "doccano", "--output", out).exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == ["test.jsonl", "train.jsonl"]
    shown = run("convert", "wikigold", "--to", "conll", "--part", "test")
    assert shown.stdout.count("-DOCSTART-") >= 44
    assert shown.stdout.count("\tI-PER") > 0  # in the scheme that came in


def test_answers_come_in_constant_memory(tiny_tagger, monkeypatch):
    """No more texts are taken from a stream than are answered at once."""
    monkeypatch.setattr(tag_answers, "CHUNK", 8)
    taken = 0

    def texts():
        nonlocal taken
        for _ in range(10**9):
            taken += 1
            yield tag_answers.lines_of("Eve met him", "words")

    stream = tag_answers.answered(tiny_tagger, texts(), dictionary_of([("him", "PER")]), given=False)
    for number in range(1, 40):
        next(stream)
        assert taken <= number + 8


def test_predict_needs_a_text_on_a_terminal(run, monkeypatch):
    monkeypatch.setattr(tag_answers.sys, "stdin", type("Terminal", (io.StringIO,), {"isatty": lambda self: True})())
    monkeypatch.setattr("gatewise.cli.options.texts_are_piped", lambda: False)
    with pytest.raises(GatewiseError, match="Give texts, --input FILE"):
        tag_answers.predict(given=None)
    assert sys.stdin is tag_answers.sys.stdin


def test_bad_data_is_an_error_of_ours(run, tmp_path):
    bad = tmp_path / "bad.conll"
    bad.write_text("one\ntwo\n")
    assert isinstance(run("evaluate", "runs/m", bad).exception, DataError)


def test_tag_predict_leaves_the_file_of_before_where_a_text_cannot_be_read(run, tmp_path):
    texts, out = tmp_path / "texts.jsonl", tmp_path / "out.jsonl"
    texts.write_text('"Eve met him in Oslo"\n{"text": 3}\n', encoding="utf-8")
    out.write_text("of before\n", encoding="utf-8")
    assert "texts.jsonl, line 2" in refused(run("predict", "runs/m", "--input", texts, "--output", out))
    assert out.read_text(encoding="utf-8") == "of before\n" and not [*tmp_path.glob("*.part")]
