"""The command that looks into a tagger's answer: what it prints, what it writes, what it refuses."""

import json

import pytest
from tests.cli.test_tag import answers, refused, run

__all__ = ["run"]
TEXT = "Eve met him in San Jose"


def test_explain_tells_what_decided(run):
    shown = run("explain", "runs/m", TEXT)
    assert shown.exit_code == 0, shown.exception
    lines = shown.stdout.splitlines()
    why = [place for place, line in enumerate(lines) if line.startswith("why ")]
    assert lines[why[0]].startswith("why Eve PER, and not ")
    for place in why:
        parts = [float(line.split()[0]) for line in lines[place + 1 : place + 6]]
        assert sum(parts[:4]) == pytest.approx(parts[4], abs=2.5e-4)
        assert [line.split()[1].rstrip(":,") for line in lines[place + 1 : place + 6]] == [
            "words", "features", "bias", "transitions", "together"
        ]  # fmt: skip


def test_explain_as_json_sums(run):
    (seen,) = answers(run("explain", "runs/m", TEXT, "--json"))
    assert seen["spans"][0]["decision"] is not None
    for one in seen["decisions"]:
        assert len(one["contributions"]) == len(seen["tokens"]) == len(one["rival"]["tags"])
        parts = sum(one["contributions"]) + one["features"] + one["bias"] + one["residual"] + one["transitions"]
        assert parts == pytest.approx(one["log_odds"], abs=1e-6) and abs(one["residual"]) < 1e-4
    assert all(one["decision"] is not None for one in seen["tokens"])


def test_explain_without_a_span_tells_of_the_least_sure_word(run):
    shown = run("explain", "runs/m", "rain met rain .")
    assert shown.exit_code == 0, shown.exception
    assert "spans" not in shown.stdout and shown.stdout.count("why ") == 1


def test_explain_writes_a_page(run, tmp_path):
    page = tmp_path / "why.html"
    done = run(
        "explain", "runs/m", "Eve saw <script>alert(1)</script>\nBob left Oslo", "--html", page, "--readings", "2"
    )
    assert done.exit_code == 0, done.exception
    assert done.stdout == "" and "page written to" in done.stderr
    text = page.read_text(encoding="utf-8")
    assert "<script>alert" not in text and text.count("<script") == 2
    data = json.loads(text.split('id="data">')[1].split("</script>")[0])
    assert len(data["sentences"]) == 2 and data["title"] == "m"
    assert all(len(one["readings"]) == 2 for one in data["sentences"])
    start, end = data["sentences"][1]["offsets"][-1]
    assert data["text"][start:end] == "Oslo"


def test_explain_given_tokens_on_a_page(run, tmp_path):
    page = tmp_path / "why.html"
    assert run("explain", "runs/m", "Eve's met  Bob", "--tokens", "--html", page).exit_code == 0
    data = json.loads(page.read_text(encoding="utf-8").split('id="data">')[1].split("</script>")[0])
    assert data["sentences"][0]["tokens"] == ["Eve's", "met", "Bob"]
    assert data["sentences"][0]["offsets"] == [[0, 5], [6, 9], [11, 14]]


def test_explain_refuses(run, tmp_path):
    page = tmp_path / "why.html"
    assert "leave out --json" in refused(run("explain", "runs/m", TEXT, "--json", "--html", page))
    assert "there are 1" in refused(run("explain", "runs/m", "  \n"))
    taken = tmp_path / "data.csv"
    taken.write_text("text,label\n")
    assert "does not end in .html" in refused(run("explain", "runs/m", TEXT, "--html", taken))
    assert taken.read_text() == "text,label\n"
    assert "could not be written" in refused(run("explain", "runs/m", TEXT, "--html", tmp_path / "no" / "why.html"))
