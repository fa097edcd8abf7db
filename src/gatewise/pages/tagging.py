"""A tagger's evaluation, as plain numbers, to its report: one page in two languages, without a script.

Knows no task and no model. Texts are escaped; the page loads nothing and sends nothing.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from importlib import resources
from itertools import pairwise
from typing import Any

from gatewise.pages.render import LANGUAGES, policy, style_and_script
from gatewise.pages.tagged import shown

Values = Mapping[str, Any]
AROUND = 200  # characters of a sentence on either side of a mistake


def report(evaluation: Values, history: Sequence[Values], title: str) -> str:
    """Give the whole page as text to be written as UTF-8.

    The evaluation is an Evaluation's as_dict(); history is a run's metrics.jsonl, one mapping per event.
    """
    style, _ = style_and_script(["page", "tagging"], [])
    parts = [_headline(evaluation), _labels(evaluation), _calibration(evaluation), _learning(history)]
    parts += [_mistakes(evaluation, "errors", missed=False), _mistakes(evaluation, "misses", missed=True)]
    choices = "".join(
        f'<label><input type="radio" name="language" id="{name}"{checked}> {_words(code)["language"]}</label>'
        for name, code, checked in (("english", "en", " checked"), ("chinese", "zh", ""))
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy(style, ""))}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n<title>gatewise</title>\n<style>{style}</style>\n</head>\n'
        f'<body>\n<header><fieldset class="languages">{choices}</fieldset><p>{_say("kind")}</p>'
        f'<h1 dir="auto">{shown(title)}</h1><p>{_say("measuredOn", data=evaluation["data"])}</p></header>\n'
        f"<main>\n{''.join(parts)}</main>\n<footer>{_say('made')}</footer>\n</body>\n</html>\n"
    )


@cache
def _words(code: str) -> Mapping[str, str]:
    words = resources.files("gatewise.pages").joinpath(f"words/{code}.json").read_text(encoding="utf-8")
    return dict(json.loads(words)["tagging"])


def _say(key: str, **values: str) -> str:
    """Give a sentence in every language, one of which is shown."""
    filled = {name: f"<bdi>{shown(value)}</bdi>" for name, value in values.items()}
    return "".join(
        f'<span class="{code}" lang="{_words(code)["lang"]}">{_words(code)[key].format(**filled)}</span>'
        for code in LANGUAGES
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _headline(evaluation: Values) -> str:
    figure = "f1" if "f1" in evaluation else "accuracy"
    low, high = (_share(evaluation[f"{figure}_{end}"]) for end in ("low", "high"))
    units = "".join(
        f'<span class="{code}" lang="{_words(code)["lang"]}">'
        + _words(code)["interval"].format(low=low, high=high, units=_words(code)[evaluation["units"]])
        + "</span>"
        for code in LANGUAGES
    )
    facts = [(_say(name), _share(evaluation[name])) for name in ("precision", "recall") if name in evaluation]
    facts += [
        (_say("macroF1"), _number(evaluation["macro_f1"])), (_say("ece"), _number(evaluation["ece"])),
        (_say("n" if figure == "f1" else "nPlain"), f"{evaluation['n']:,}"),
    ]  # fmt: skip
    for key in ("seen", "unseen"):
        if evaluation.get(key):
            facts.append((_say(key, n=f"{evaluation[key]['n']:,}"), _share(evaluation[key]["f1"])))
    if evaluation.get("repeated_sentences"):
        facts.append((_say("repeated"), f"{evaluation['repeated_sentences']:,}"))
        facts.append((_say("without"), _share(evaluation[f"{figure}_without_repeated"])))
    facts += [(_say("kept", at=at), _share(part)) for at, part in evaluation["kept_at"].items()]
    listed = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    return (
        f'<section><p class="figure">{_say(figure)}<strong>{_share(evaluation[figure])}</strong></p>'
        f'<p class="lead">{units}</p><dl class="facts">{listed}</dl></section>\n'
    )


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    top = "".join(f"<th>{head}</th>" for head in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _labels(evaluation: Values) -> str:
    n = "n" if "f1" in evaluation else "nPlain"
    heads = (*map(_say, ("label", n, "precision", "recall")), "F1")
    rows = (
        [f"<bdi>{shown(one['label'])}</bdi>", f"{one['n']:,}", _share(one["precision"]), _share(one["recall"]),
         _number(one["f1"])]
        for one in evaluation["by_label"]
    )  # fmt: skip
    unknown = ", ".join(f"{label} ({count:,})" for label, count in evaluation["unknown_labels"].items())
    note = f"<p>{_say('unknown', labels=unknown)}</p>" if unknown else ""
    return f"<section><h2>{_say('byLabel')}</h2>{note}{_table(heads, rows)}</section>\n"


def _calibration(evaluation: Values) -> str:
    heads = (*map(_say, ("range",)), "n", *map(_say, ("confidence", "shareRight")))
    rows = (
        [f"{100 * one['low']:.0f}–{100 * one['high']:.0f} %", f"{one['n']:,}", _share(one["confidence"]),
         _share(one["accuracy"])]
        for one in evaluation["reliability"]
    )  # fmt: skip
    note = f'<p class="note">{_say("calibrationNote")}</p>'
    return f"<section><h2>{_say('calibration')}</h2>{note}{_table(heads, rows)}</section>\n"


def _learning(history: Sequence[Values]) -> str:
    events = [event for event in history if event.get("kind") == "dev" and event.get("epoch") is not None]
    if not events:
        return ""
    rows = ([f"{event['epoch']:.2f}", _number(event.get("score")), _number(event.get("loss"))] for event in events)
    table = _table(map(_say, ("epoch", "devScore", "devLoss")), rows)
    return f"<section><h2>{_say('learning')}</h2>{table}</section>\n"


def _mistakes(evaluation: Values, title: str, *, missed: bool) -> str:
    chosen = [one for one in evaluation["errors"] if (one["kind"] == "missed") is missed]
    if not chosen:
        return "" if missed else f"<section><h2>{_say(title)}</h2><p>{_say('errorsNone')}</p></section>\n"
    items = "".join(
        f'<li><p class="note">{one["probability"]:.2f} · <bdi>{shown(one["place"])}</bdi></p>'
        f'<p class="text" dir="auto">{_marked(one)}</p></li>'
        for one in chosen
    )
    note = "" if missed else f'<p class="note">{_say("errorsNote")}</p>'
    return f'<section><h2>{_say(title)}</h2>{note}<ol class="mistakes">{items}</ol></section>\n'


def _marked(error: Values) -> str:
    """Show a sentence with what was answered and what is there, which may lie one over the other."""
    text, true = error["text"], (error["label_start"], error["label_end"], "true", error["label"])
    said = (error["start"], error["end"], "said", error["predicted"])
    marks = [mark for mark in (said, true) if mark[0] is not None and mark[3]]
    marks.sort(key=lambda mark: (mark[0], -mark[1]))
    first, last = min(mark[0] for mark in marks), max(mark[1] for mark in marks)
    start, end = max(0, first - AROUND), min(len(text), last + AROUND)
    edges = sorted({start, end, *(place for mark in marks for place in mark[:2])})
    parts = ["… " if start else ""]
    for left, right in pairwise(edges):
        over = [mark for mark in marks if mark[0] <= left and right <= mark[1]]
        piece = shown(text[left:right])
        for mark in reversed(over):
            name = f"<small>{shown(mark[3])}</small>" if right == mark[1] else ""
            piece = f'<mark class="{mark[2]}">{piece}{name}</mark>'
        parts.append(piece)
    return "".join([*parts, " …" if end < len(text) else ""])
