"""The report of a tagger: every figure of the evaluation, texts escaped, both languages, no script."""

import re

import pytest
from tests.pages.test_tagged import HOSTILE, Read

from gatewise.pages.tagging import _words, report

ERROR = {
    "kind": "border", "probability": 0.97, "place": "x.conll, line 3", "text": "in New York City", "start": 3,
    "end": 11, "predicted": "LOC", "label": "ORG", "label_start": 7, "label_end": 16,
}  # fmt: skip
EVALUATION = {
    "data": "a test part", "n": 1188, "f1": 0.5472, "f1_low": 0.5056, "f1_high": 0.5861, "precision": 0.6158,
    "recall": 0.4924, "macro_f1": 0.5307, "ece": 0.055, "units": "documents", "kept_at": {"0.95": 0.07, "0.9": 0.35},
    "by_label": [{"label": "LOC", "n": 308, "precision": 0.59, "recall": None, "f1": 0.587}],
    "reliability": [{"low": 0.8, "high": 0.9, "n": 21, "confidence": 0.85, "accuracy": 0.777}],
    "seen": {"n": 112, "f1": 0.9412}, "unseen": {"n": 1076, "f1": 0.4979}, "repeated_sentences": 3,
    "f1_without_repeated": 0.5111, "unknown_labels": {"EVENT": 12}, "errors": [ERROR],
}  # fmt: skip
HISTORY = [{"kind": "dev", "epoch": 1.0, "score": 0.611, "loss": 0.3}, {"kind": "step", "epoch": 1.0, "loss": 0.9}]


def test_report_holds_every_figure():
    page = report(EVALUATION, HISTORY, "names")
    for figure in ("54.7 %", "50.6 %", "58.6 %", "61.6 %", "49.2 %", "0.531", "0.055", "1,188", "94.1 %", "49.8 %",
                   "51.1 %", "7.0 %", "35.0 %", "EVENT (12)", "0.611", "77.7 %", "80–90 %", "59.0 %", "–"):  # fmt: skip
        assert figure in page, figure


def test_report_of_plain_labels_shows_accuracy():
    left = ("f1", "f1_low", "f1_high", "precision", "recall", "f1_without_repeated")
    plain = {name: value for name, value in EVALUATION.items() if name not in left}
    plain |= {"accuracy": 0.951, "accuracy_low": 0.948, "accuracy_high": 0.955, "accuracy_without_repeated": 0.94}
    page = report(plain, [], "words")
    assert "95.1 %" in page and "94.8 %" in page and "94.0 %" in page
    assert "Accuracy of tokens" in page and "While it learnt" not in page


def test_report_marks_the_answer_and_the_truth_where_they_overlap():
    page = report(EVALUATION, [], "names")
    line = re.search(r'<p class="text"[^>]*>(.*?)</p>', page)[1]
    assert line == (
        'in <mark class="said">New </mark><mark class="said"><mark class="true">York</mark><small>LOC</small></mark>'
        '<mark class="true"> City<small>ORG</small></mark>'
    )
    assert re.sub(r"<small>.*?</small>|<[^>]*>", "", line) == ERROR["text"]


def test_report_shows_misses_apart_and_cuts_long_sentences():
    text = "x" * 1000 + "Bob" + "y" * 1000
    missed = {"kind": "missed", "text": text, "start": 1000, "end": 1003, "predicted": "", "label": "PER",
              "label_start": 1000, "label_end": 1003}  # fmt: skip
    page = report({**EVALUATION, "errors": [{**ERROR, **missed}]}, [], "names")
    assert "No mistake was made." in page and "What it missed most surely" in page
    assert '<mark class="true">Bob<small>PER</small></mark>' in page
    assert "… " + "x" * 200 + "<mark" in page and "y" * 200 + " …</p>" in page


@pytest.mark.parametrize("text", HOSTILE)
def test_report_escapes_all_that_is_foreign(text):
    error = {**ERROR, "text": f"a{text}b", "start": 1, "end": 1 + len(text), "predicted": text, "label": text,
             "label_start": 1, "label_end": 1 + len(text), "place": text}  # fmt: skip
    label = {"label": text, "n": 1, "precision": None, "recall": None, "f1": None}
    page = report(
        {**EVALUATION, "data": text, "errors": [error], "by_label": [label], "unknown_labels": {text: 1}}, [], text
    )
    page.encode("utf-8")
    read = Read(page)
    assert "script" not in read.tags and "b" not in read.tags
    assert not [name for name, _ in read.attributes if name.startswith("on") or name in ("src", "href")]


def test_report_says_the_same_in_both_languages():
    english, chinese = _words("en"), _words("zh")
    assert list(english) == list(chinese)
    for key, text in english.items():
        assert sorted(re.findall(r"{(\w+)}", text)) == sorted(re.findall(r"{(\w+)}", chinese[key])), key
    page = report(EVALUATION, HISTORY, "names")
    unused = ("lang", "accuracy", "errorsNone", "misses", "nPlain", "sentences")
    for key in english.keys() - {*unused}:
        assert re.sub(r"{\w+}.*", "", chinese[key]) in page, key
