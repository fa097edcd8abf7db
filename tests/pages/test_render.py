"""The page as text: what is embedded, what is escaped, what the policy allows, which words it has."""

import base64
import dataclasses
import hashlib
import json
import re
import string
from html.parser import HTMLParser
from importlib import resources
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.pages import explain, render, report
from gatewise.pages.packing import packed
from gatewise.tasks.classify.measure import label_figures

SETTING: dict[str, Any] = {"methods": ["frozen"], "hidden": 8, "faithfulness": None}
STORY: dict[str, Any] = {"look": {"text": "a dull film", "shares": {"residual": float("nan")}}}
HISTORY: list[dict[str, Any]] = [
    {"kind": "start", "seconds": 0.0},
    {"kind": "step", "seconds": 1.0, "step": 10, "epoch": 0.5, "loss": 0.66, "tokens_per_second": 31000.0},
    {"kind": "step", "seconds": 2.0, "step": 20, "epoch": 1.0, "loss": float("nan")},
    {"kind": "dev", "seconds": 2.5, "step": 20, "epoch": 1.0, "loss": 0.35, "score": 0.861},
    {"kind": "warning", "seconds": 2.6, "message": "slow"},
]
HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>&lt;&amp;\u2028\u2029",
    "\x00\x07\x1b[31m\r\n",
    "\u202eabc\u2066",
    "\ud800 alone, \udc00 too",
    "$script ${data} $$ {{style}}",
    "' onload='x",
]


def small(confusion: tuple[tuple[int, ...], ...] = ((8, 1), (1, 8)), text: str = "a dull film") -> dict[str, Any]:
    """An Evaluation's as_dict(): these counts, all the rest made."""
    labels = tuple(f"label {index}" for index in range(len(confusion)))
    n = sum(map(sum, confusion))
    right = sum(row[place] for place, row in enumerate(confusion))
    return {
        "data": "made", "n": n, "labels": labels, "accuracy": right / n, "accuracy_low": 0.5, "accuracy_high": 0.95,
        "macro_f1": 0.8, "log_loss": 0.4, "log_loss_uncalibrated": 0.5, "ece": 0.02, "ece_uncalibrated": 0.05,
        "temperature": 1.2, "confusion": confusion, "empty_texts": 0, "seconds": 1.5, "few_dev_texts": 0,
        "by_label": tuple(map(dataclasses.asdict, label_figures(np.array(confusion), labels))),
        "by_length": ({"low": 1, "high": 50, "n": n, "accuracy": 0.8, "accuracy_low": 0.6, "accuracy_high": 0.9},),
        "reliability": ({"low": 0.5, "high": 1.0, "n": n, "confidence": 0.9, "accuracy": 0.8},),
        "reliability_uncalibrated": (
            {"low": 0.0, "high": 0.5, "n": 1, "confidence": 0.4, "accuracy": 1.0},
            {"low": 0.5, "high": 1.0, "n": 3, "confidence": 0.9, "accuracy": 0.5},
        ),
        "errors": ({"row": 3, "text": text, "label": labels[0], "predicted": labels[-1], "probability": 0.99},),
    }  # fmt: skip


class Elements(HTMLParser):
    """Collect what a browser would build: every start tag, and the text inside style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.inline.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem:
            self.inline[-1] += data


def embedded(page: str) -> Any:
    """Give the data block as the browser's JSON.parse would."""
    _, block, _ = Elements(page).inline
    return json.loads(block)


def pages(text: str = "a dull film", title: str = "A model") -> dict[str, str]:
    return {
        "report": report.report(small(text=text), HISTORY, title),
        "file": explain.explanation(SETTING, {"look": {"text": text}}, title),
        "live": explain.live_explanation(SETTING, title, text, 100)[0],
    }


@given(text=st.text(st.characters(codec=None, exclude_categories=())))
def test_render_texts_come_back_as_they_went_in(text: str) -> None:
    expected = re.sub("[\ud800-\udfff]", "\ufffd", text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    written = render.as_json({"text": [text]})
    assert json.loads(written) == {"text": [expected]}
    assert not set(written) & set("<>&\u2028\u2029\r\n")


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("name", ["report", "file", "live"])
def test_render_hostile_text_adds_no_element(name: str, hostile: str) -> None:
    page = pages(hostile, hostile)[name]
    assert [tag for tag, _ in Elements(page).tags] == [tag for tag, _ in Elements(pages()[name]).tags]
    _, block, _ = Elements(page).inline
    assert not set(block) & set("<>&\u2028\u2029\x00\x07\x1b\r\n")
    assert json.loads(block)["title"] == re.sub("[\ud800-\udfff]", "\ufffd", hostile)
    page.encode("utf-8")


@pytest.mark.parametrize("name", ["report", "file", "live"])
def test_render_policy_allows_its_own_style_and_script_only(name: str) -> None:
    elements = Elements(pages()[name])
    style, _, script = elements.inline
    policy = next(attributes["content"] for _, attributes in elements.tags if "http-equiv" in attributes)
    hashes = [base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode() for inline in (script, style)]
    extra = "; connect-src 'self'" if name == "live" else ""
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{hashes[0]}'; style-src 'sha256-{hashes[1]}'; "
        f"base-uri 'none'; form-action 'none'{extra}"
    )
    assert name != "live" or policy == explain.live_explanation(SETTING, "A model", "a dull film", 100)[1]


@pytest.mark.parametrize("name", ["report", "file", "live"])
def test_render_page_loads_nothing_and_only_a_live_one_asks(name: str) -> None:
    elements = Elements(pages()[name])
    attributes = {attribute for _, pairs in elements.tags for attribute in pairs}
    assert attributes <= {"lang", "charset", "http-equiv", "content", "name", "id", "type"}
    style, _, script = elements.inline
    assert not re.search(r"url\(|@import|https?:(?!//www\.w3\.org/(1999/xhtml|2000/svg)\")", style + script)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|\.src\b", script)
    assert "</" not in style + script
    assert ("fetch(" in script) == (name == "live")


@pytest.mark.parametrize("part", ["report", "explain"])
def test_render_languages_have_the_same_words(part: str) -> None:
    words = embedded(pages()["report" if part == "report" else "live"])["words"]
    assert list(words) == ["en", "zh"]
    assert [words[code]["lang"] for code in words] == ["en", "zh-CN"]
    assert list(words["en"]) == list(words["zh"])
    for key, text in words["en"].items():
        assert sorted(set(re.findall(r"{(\w+)}", text))) == sorted(set(re.findall(r"{(\w+)}", words["zh"][key]))), key


@pytest.mark.parametrize("part", ["report", "explain"])
def test_render_words_are_all_used_and_all_there(part: str) -> None:
    page = pages()["report" if part == "report" else "live"]
    words, script = embedded(page)["words"]["en"], Elements(page).inline[2]
    made = ("card_", "method_", "about_", "drawn_")  # put together in the script from a name
    quoted = set(re.findall(r'"(\w+)"', script)) | {f"{key}Note" for key in re.findall(r'fact\("(\w+)"', script)}
    assert {key for key in words if not key.startswith(made)} - quoted <= {"language", "lang"}
    assert set(re.findall(r'(?:say|plain|note|section|first|later)\("(\w+)"', script)) <= set(words)


def test_render_template_has_only_known_places() -> None:
    page = resources.files("gatewise.pages").joinpath("page.html").read_text(encoding="utf-8")
    assert set(string.Template(page).get_identifiers()) == {"policy", "style", "data", "script"}


def test_render_json_holds_what_json_cannot() -> None:
    cells = np.array([[0.5, -1.0]])
    data = {
        "nan": float("nan"),
        "scalar": np.float32(0.5),
        "count": np.int64(3),
        "pair": (1, None),
        "cell_states": cells,
    }
    assert json.loads(render.as_json(data)) == {
        "nan": None, "scalar": 0.5, "count": 3, "pair": [1, None], "cell_states": packed(cells, "i2"),
    }  # fmt: skip
