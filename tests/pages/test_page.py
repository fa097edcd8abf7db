"""The page as text: what is embedded, what is escaped, what the policy allows."""

import base64
import hashlib
import json
import re
import string
from html.parser import HTMLParser
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.pages.page import explanation, explanation_assets, live_explanation, report
from gatewise.tasks.classify.measure import ConfidentError, Evaluation, LengthBin, ReliabilityBin

HISTORY: list[dict[str, Any]] = [
    {"kind": "start", "seconds": 0.0},
    {"kind": "step", "seconds": 1.0, "step": 10, "epoch": 0.5, "loss": 0.66, "tokens_per_second": 31000.0},
    {"kind": "step", "seconds": 2.0, "step": 20, "epoch": 1.0, "loss": float("nan")},
    {"kind": "dev", "seconds": 2.5, "step": 20, "epoch": 1.0, "loss": 0.35, "score": 0.861},
    {"kind": "warning", "seconds": 2.6, "message": "slow"},
]


def small(classes: int = 2, text: str = "a dull film") -> Evaluation:
    labels = tuple(f"label {index}" for index in range(classes))
    confusion = tuple(tuple(8 if row == column else 1 for column in range(classes)) for row in range(classes))
    n = sum(map(sum, confusion))
    bins = (ReliabilityBin(0.5, 1.0, n, 0.9, 0.8),)
    return Evaluation(
        data="made",
        n=n,
        labels=labels,
        accuracy=8 * classes / n,
        accuracy_low=0.5,
        accuracy_high=0.95,
        macro_f1=0.8,
        log_loss=0.4,
        log_loss_uncalibrated=0.5,
        ece=0.02,
        ece_uncalibrated=0.05,
        temperature=1.2,
        confusion=confusion,
        by_length=(LengthBin(1, 50, n, 0.8),),
        reliability=bins,
        reliability_uncalibrated=bins,
        errors=(ConfidentError(3, text, labels[0], labels[1], 0.99),),
        empty_texts=0,
        seconds=1.5,
    )


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


@pytest.mark.parametrize("classes", [2, 12])
@pytest.mark.parametrize("history", [[], HISTORY])
def test_page_carries_the_evaluation(classes: int, history: list[dict[str, Any]]) -> None:
    data = embedded(report(small(classes), history, "A model"))
    assert data["title"] == "A model"
    assert data["evaluation"] == json.loads(json.dumps(small(classes).as_dict()))
    assert len(data["evaluation"]["confusion"]) == classes
    assert set(data["words"]) == {"en", "zh"}


def test_page_keeps_of_the_history_what_is_drawn() -> None:
    assert embedded(report(small(), HISTORY, ""))["curves"] == {
        "step": [{"epoch": 0.5, "loss": 0.66}, {"epoch": 1.0, "loss": None}],
        "dev": [{"epoch": 1.0, "loss": 0.35, "score": 0.861}],
    }
    assert embedded(report(small(), [], ""))["curves"] == {"step": [], "dev": []}


def test_page_draws_the_last_of_several_networks() -> None:
    """A teacher's curve is not the model's, and a line from its end back to the student's start is nobody's."""
    teacher = [
        {"kind": "step", "epoch": 0.5, "loss": 0.7}, {"kind": "dev", "epoch": 2.0, "loss": 0.6, "score": 0.5},
        {"kind": "end", "epoch": 2.0},
    ]  # fmt: skip
    resumed = [{"kind": "resumed", "epoch": 0.25}, {"kind": "start", "epoch": 0.25}]
    for history in (teacher + HISTORY, teacher + teacher + HISTORY, teacher + resumed + HISTORY):
        assert embedded(report(small(), history, ""))["curves"] == embedded(report(small(), HISTORY, ""))["curves"]


@given(text=st.text(st.characters(codec=None, exclude_categories=())))
def test_page_texts_come_back_as_they_went_in(text: str) -> None:
    page = report(small(text=text), [], text)
    data = embedded(page)
    expected = re.sub("[\ud800-\udfff]", "\ufffd", text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    assert data["evaluation"]["errors"][0]["text"] == data["title"] == expected
    page.encode("utf-8")


@pytest.mark.parametrize(
    "hostile",
    [
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "]]>&lt;&amp;\u2028\u2029",
        "\x00\x07\x1b[31m\r\n",
        "\u202eabc\u2066",
        "\ud800 alone, \udc00 too",
        "$script ${data} $$ {{style}}",
        "' onload='x",
    ],
)
def test_page_hostile_text_adds_no_element(hostile: str) -> None:
    page = report(small(text=hostile), [], hostile)
    assert [tag for tag, _ in Elements(page).tags] == [tag for tag, _ in Elements(report(small(), [], "")).tags]
    _, block, _ = Elements(page).inline
    assert not set(block) & set("<>&\u2028\u2029\x00\x07\x1b\r\n")
    page.encode("utf-8")


def test_page_policy_allows_its_own_style_and_script_only() -> None:
    elements = Elements(report(small(), HISTORY, "A model"))
    style, _, script = elements.inline
    policy = next(attributes["content"] for _, attributes in elements.tags if "http-equiv" in attributes)
    hashes = [base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode() for inline in (script, style)]
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{hashes[0]}'; style-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_page_loads_nothing() -> None:
    elements = Elements(report(small(), HISTORY, "A model"))
    attributes = {name for _, pairs in elements.tags for name in pairs}
    assert attributes <= {"lang", "charset", "http-equiv", "content", "name", "id", "type"}
    style, _, script = elements.inline
    assert not re.search(r"url\(|@import|https?:(?!//www\.w3\.org/(1999/xhtml|2000/svg)\")", style + script)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|fetch\(|\.src\b", script)
    assert "</" not in style + script


def test_page_languages_have_the_same_words() -> None:
    words = embedded(report(small(), [], ""))["words"]
    assert list(words["en"]) == list(words["zh"])
    holes = {
        language: {key: sorted(re.findall(r"{(\w+)}", text)) for key, text in words[language].items()}
        for language in words
    }
    assert holes["en"] == holes["zh"]


def test_page_words_are_all_used_and_all_there() -> None:
    assets = resources.files("gatewise.pages").joinpath("js")
    script = "".join(assets.joinpath(name).read_text(encoding="utf-8") for name in ("charts.js", "report.js"))
    words = embedded(report(small(), [], ""))["words"]["en"]
    quoted = set(re.findall(r'"(\w+)"', script)) | {f"{key}Note" for key in re.findall(r'fact\("(\w+)"', script)}
    assert set(words) - quoted <= {"language"}
    said = set(re.findall(r'(?:say|plain|note|section)\("(\w+)"', script))
    assert said <= set(words)


def test_page_template_has_only_known_places() -> None:
    page = resources.files("gatewise.pages").joinpath("report.html").read_text(encoding="utf-8")
    assert set(string.Template(page).get_identifiers()) == {"policy", "style", "data", "script"}


STORY: dict[str, Any] = {"look": {"text": "a dull film", "shares": {"residual": float("nan")}}}
SETTING: dict[str, Any] = {"methods": ["frozen"], "hidden": 8, "faithfulness": None}


@pytest.mark.parametrize("hostile", ["</script><script>alert(1)</script>", "<!--<script>", "$data ${policy}", "\ud800"])
def test_page_explanation_adds_no_element_for_a_hostile_text(hostile: str) -> None:
    page = explanation(SETTING, {"look": {"text": hostile}}, hostile)
    assert [tag for tag, _ in Elements(page).tags] == [tag for tag, _ in Elements(explanation(SETTING, STORY, "")).tags]
    assert embedded(page)["story"]["look"]["text"] == hostile.replace("\ud800", "\ufffd")
    page.encode("utf-8")


def test_page_explanation_from_a_file_cannot_ask_and_a_live_one_only_its_server() -> None:
    page = explanation(SETTING, STORY, "A model")
    live, policy = live_explanation(SETTING, "A model", "a dull film", 100)
    for html, extra in [(page, ""), (live, "; connect-src 'self'")]:
        elements = Elements(html)
        style, _, script = elements.inline
        hashes = [base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode() for inline in (script, style)]
        expected = f"default-src 'none'; script-src 'sha256-{hashes[0]}'; style-src 'sha256-{hashes[1]}'; "
        expected += f"base-uri 'none'; form-action 'none'{extra}"
        assert next(pairs["content"] for _, pairs in elements.tags if "http-equiv" in pairs) == expected
        assert ("fetch(" in script) == bool(extra)
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|\.src\b", script)
        assert "</" not in style + script
    assert policy == expected
    assert embedded(page)["story"]["look"]["shares"]["residual"] is None


def test_page_explanation_words_are_the_same_in_both_languages_and_all_used() -> None:
    words = embedded(explanation(SETTING, STORY, ""))["words"]
    assert list(words["en"]) == list(words["zh"])
    for key, text in words["en"].items():
        assert sorted(set(re.findall(r"{(\w+)}", text))) == sorted(set(re.findall(r"{(\w+)}", words["zh"][key]))), key
    script = "".join(explanation_assets(live=True))
    made = ("card_", "method_")  # put together in the script from a name
    assert {key for key in words["en"] if not key.startswith(made)} - set(re.findall(r'"(\w+)"', script)) <= {
        "language"
    }
    assert set(re.findall(r'(?:say|plain|note|section)\("(\w+)"', script)) <= set(words["en"])
