"""The commands that look inside print what the library finds."""

import itertools
import json
import re

import pytest
from typer.testing import CliRunner

from gatewise.base.errors import ConfigError, DataError, GatewiseError
from gatewise.cli import main as cli
from gatewise.explanation.shares import explain
from gatewise.runtime.folder import load, save

TEXT = "a good film with a dull \x1b[2Jending"


@pytest.fixture
def place(tiny_pair, tmp_path):
    save(tiny_pair, tmp_path / "m")
    return str(tmp_path / "m")


def run(*arguments):
    result = CliRunner().invoke(cli.app, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


def test_explain_cli_prints_a_sum_that_can_be_checked_by_hand(place, tiny_pair):
    shown = run("explain", place, TEXT)
    found = explain(tiny_pair, TEXT)
    assert shown.splitlines()[0].startswith(f"{found.label}   probability {found.probability:.4f}")
    numbers = [float(line.split()[0]) for line in shown.splitlines()[1:]]
    assert sum(numbers[:-1]) == pytest.approx(numbers[-1], abs=1e-3)
    assert numbers[-1] == pytest.approx(found.logit, abs=1e-4)
    assert "\x1b" not in shown and "bias, which is no token's" in shown


@pytest.mark.parametrize("method", ["frozen", "integrated-gradients"])
def test_explain_cli_gives_all_numbers_as_json(place, tiny_pair, method):
    found = json.loads(run("explain", place, TEXT, "--method", method, "--json"))
    expected = explain(tiny_pair, TEXT, method=method)
    assert found["contributions"] == pytest.approx(expected.contributions.tolist())
    assert found["tokens"] == expected.tokens and found["label"] == expected.label
    assert sum(found["contributions"]) + found["bias"] + found["residual"] == pytest.approx(found["logit"])


def test_explain_cli_refuses_in_one_sentence(place):
    with pytest.raises(GatewiseError, match="Give one text, in quotes; there are 2"):
        run("explain", place, "a good", "film")
    with pytest.raises(GatewiseError, match="Give a text to explain"):
        run("explain", place)
    with pytest.raises(DataError, match="empty"):
        run("explain", place, "  ")
    with pytest.raises(ConfigError, match="no method 'magic'"):
        run("explain", place, TEXT, "--method", "magic")


def test_explain_cli_tells_what_it_did_not_read(place):
    def told(text):
        return CliRunner().invoke(cli.app, ["explain", place, text]).stderr

    assert told(TEXT) == ""
    assert "knows none of these words" in told("zonk quux")
    assert "longer than the model reads" in told("good film " * 2500)


def test_explain_cli_measures_methods_on_the_texts_of_a_file(place, english, tmp_path):
    data = tmp_path / "texts.csv"
    data.write_text("text,label\n" + "\n".join(f"{text},{label}" for text, label in zip(*english, strict=True)))
    found = json.loads(run("faithfulness", place, str(data), "--texts", "20", "--json"))
    assert found["texts"] == 20 and {score["method"] for score in found["scores"]} >= {"frozen", "random"}
    table = run("faithfulness", place, str(data), "--texts", "20", "--keep")
    kept = load(place).facts["faithfulness"]
    assert kept["frozen"]["comprehensiveness"] == next(
        score["comprehensiveness"] for score in found["scores"] if score["method"] == "frozen"
    )
    assert "20 texts of" in table and "random orders" in table and "leave-one-out" in table


def test_explain_cli_keeps_figures_in_a_folder_or_says_so_before_the_work(english, tmp_path, monkeypatch):
    data = tmp_path / "texts.csv"
    data.write_text("text,label\n" + "\n".join(f"{text},{label}" for text, label in zip(*english, strict=True)))
    monkeypatch.setattr(
        "gatewise.explanation.faithfulness.faithfulness", lambda *a, **k: pytest.fail("the work was begun")
    )
    done = CliRunner().invoke(cli.app, ["faithfulness", "sentiment-en", str(data), "--keep"])
    assert isinstance(done.exception, GatewiseError)
    assert "--keep writes into a model folder, and sentiment-en is none" in str(done.exception)


def test_explain_cli_tells_how_far_a_page_is_that_takes_its_time(place, tmp_path, monkeypatch):
    for step, told in ((0.0, False), (0.6, True)):  # seconds between two parts of the work
        clock = itertools.count()
        monkeypatch.setattr("gatewise.cli.progress.time.monotonic", lambda: next(clock) * step)  # noqa: B023
        done = CliRunner().invoke(cli.app, ["explain", place, TEXT, "--html", str(tmp_path / "page.html")])
        lines = done.stderr.splitlines()
        assert lines[-1] == f"page written to {tmp_path / 'page.html'}"
        assert bool(lines[:-1]) == told
        assert all(re.fullmatch(r"explaining, \d+ of \d+ parts done", line) for line in lines[:-1])


@pytest.mark.parametrize("more", [["--html", "x.html", "--method", "gamma"], ["--serve", "--json"]])
def test_explain_refuses_for_a_page_what_only_the_terminal_has(more):
    done = CliRunner().invoke(cli.app, ["explain", "sentiment-en", "a good film", *more])
    assert isinstance(done.exception, GatewiseError) and "A page shows every method" in str(done.exception)
