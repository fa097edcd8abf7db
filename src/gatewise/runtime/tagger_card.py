"""The README.md of a tagger's folder: what it is, its data, recipe, figures and limits."""

from typing import Any

from gatewise.base.errors import one_line
from gatewise.runtime.tagger import Tagger

NOT_SHOWN = ("figures", "settings")  # told in places of their own


def tagger_card(tagger: Tagger, name: str) -> str:
    """Write a tagger's card."""
    facts, network = tagger.facts, tagger.network
    labels = sorted({tag[2:] or tag for tag in tagger.tags if tag != "O"})
    parts = []
    if network.layers:
        both = " in both directions" if network.config.bidirectional else ""
        parts.append(f"{len(network.layers)} LSTM layer(s) of {network.config.hidden_size} units{both}")
    if network.wide is not None:
        parts.append(f"hashed features in {len(network.wide):,} rows that score tags directly")
    parts.append("a linear-chain CRF" if network.tagging.crf else "each tag by itself")
    origin = "\n".join(f"- {one_line(key)}: {_code(value)}" for key, value in facts.items() if key not in NOT_SHOWN)
    settings = ", ".join(_code(f"{key}={value}") for key, value in facts.get("settings", {}).items())
    figures = "\n".join(_line(part, found) for part, found in facts.get("figures", {}).items())
    return f"""---
library_name: gatewise
pipeline_tag: token-classification
tags: [lstm, crf, token-classification]
---

# {_code(name)}

A tagger made with gatewise: {", ".join(parts)}; {len(tagger.lexicon.words):,} words.

Labels: {", ".join(_code(label) for label in labels[:50])}

## Data and recipe

{origin}

Settings: {settings}

## Figures

{figures}

## Limits

It knows the kind of text it was trained on, and finds less in other text. A span's probability is exact for this model
and was made softer or harder by one temperature fitted on the dev split; on other text it is too sure. Spans neither
overlap nor lie in each other.
"""


def _line(part: str, found: Any) -> str:
    shown = ", ".join(f"{name} {value:.4g}" for name, value in found.items()) if isinstance(found, dict) else found
    flatters = " (it chose the epoch, so it flatters)" if part == "dev" else ""
    return f"- {one_line(part)}{flatters}: {one_line(shown, 500)}"


def _code(value: Any) -> str:
    return "`" + one_line(str(value), 2000).replace("`", "'") + "`"
