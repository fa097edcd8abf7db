"""Texts with their spans marked to one HTML page, written as it grows: a head, a paragraph a text, an end.

The page loads nothing and runs no script. A span shows its label; where it is unsure, below UNSURE, a dotted line.
"""

from collections.abc import Iterable, Sequence
from html import escape
from unicodedata import category

from gatewise.pages.render import policy, style_and_script

Marked = tuple[int, int, str, float]  # start, end in code points, label, probability
UNSURE, COLOURS = 0.7, 8


def head(labels: Sequence[str]) -> str:
    """Give the page's beginning, with the labels as its legend."""
    style, _ = style_and_script(["page", "tagged"], [])
    legend = " ".join(f'<mark class="{colour_of(label, labels)}">{shown(label)}</mark>' for label in labels if label)
    allowed = escape(policy(style, ""))
    return (
        '<!doctype html>\n<html>\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{allowed}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<title>gatewise</title>\n'
        f"<style>{style}</style>\n</head>\n<body>\n<header><p>{legend}</p></header>\n<main>\n"
    )


def paragraph(text: str, spans: Iterable[Marked], labels: Sequence[str]) -> str:
    """Give one text as a paragraph; spans do not overlap, and stand in their order."""
    parts, place = [], 0
    for start, end, label, probability in spans:
        unsure = " unsure" if probability < UNSURE else ""
        name = f"<small>{shown(label)}</small>" if label else ""
        parts.append(
            f'{shown(text[place:start])}<mark class="{colour_of(label, labels)}{unsure}" title="{probability:.4f}">'
            f"<bdi>{shown(text[start:end])}</bdi>{name}</mark>"
        )
        place = end
    parts.append(shown(text[place:]))
    return f'<p class="text" dir="auto">{"".join(parts)}</p>\n'


def end() -> str:
    """Give the page's end."""
    return "</main>\n</body>\n</html>\n"


def shown(text: str) -> str:
    """Escape a text; control characters and lone surrogates, which HTML does not know, become U+FFFD."""
    known = (letter if letter in "\n\t" or category(letter) not in ("Cc", "Cs") else "\ufffd" for letter in text)
    return escape("".join(known))


def colour_of(label: str, labels: Sequence[str]) -> str:
    """Name a label's colour; of many labels several share one."""
    return f"l{labels.index(label) % COLOURS if label in labels else 0}"
