"""The README.md of a model or encoder folder: what it is, its data, recipe, figures and limits."""

import json
import math
from typing import Any

from gatewise.base.errors import one_line
from gatewise.runtime.classifier import Model
from gatewise.runtime.encoder import PretrainedEncoder
from gatewise.runtime.shapes import parameter_shapes

OUT_OF_FOLD = "out of fold"  # a dev split that is the training texts, each answered by what has not seen it
NOT_SHOWN = ("dev", "test", "settings", "unit_separation", "faithfulness")  # told elsewhere, or for a page to draw


def card(model: Model, name: str) -> str:
    """Write the model card: what it is, its data, recipe, figures and limits."""
    facts, config = model.facts, model.network.config
    shapes = parameter_shapes(config, model.tokenizer.vocab_size, len(model.labels))
    parameters = sum(map(math.prod, shapes.values()))
    companion = ""
    if model.companion:
        pieces = f" and pieces of words, up to {model.companion.pieces} letters," if model.companion.pieces else ""
        companion = (
            f"\n\nA linear model on hashed word n-grams{pieces} ({model.companion.table.size:,} weights of 8 bits) "
            f"stands beside it: its log-odds are added, times {model.companion_weight:.3g}."
        )
    settings = ", ".join(
        _code(f"{key}={' '.join(value) if isinstance(value, (list, tuple)) else value}")
        for key, value in facts.get("settings", {}).items()
    )
    shown = [(key, value) for key, value in facts.items() if key not in NOT_SHOWN]
    origin = "\n".join(f"- {one_line(key)}: {_code(str(value))}" for key, value in shown)
    return f"""---
{_front_matter(facts, name)}---

# {_code(name)}

An LSTM text classifier made with gatewise: {parameters:,} parameters, {model.tokenizer.vocab_size:,} tokens, \
{config.num_layers} {"layer" if config.num_layers == 1 else "layers"} of {config.hidden_size} units\
{" in both directions" if config.bidirectional else ""}.{companion}

Labels: {", ".join(_code(str(label)) for label in model.labels[:50])}

```python
import gatewise

model = gatewise.load("path/to/this/folder")
print(model.predict(["a text to classify"]))
```

## Data and recipe

{origin}

Settings: {settings}

## Figures

{_figure_line(_chosen_by(facts), facts.get("dev"))}\
{_figure_line("Test part (never seen before)", facts.get("test"))}
## Limits

It knows the words and the kind of text it was trained on. Expect less on other domains, other languages, irony and
very short texts. Of a text longer than {model.tokenizer.max_tokens} tokens it reads the first quarter of these and the
end. {_calibration(facts)}
"""


def _chosen_by(facts: dict[str, Any]) -> str:
    if facts.get("dev_split") == OUT_OF_FOLD:
        return "Training texts, each answered by a head that had not seen it"
    return "Dev split (it chose the epoch, so it flatters)"


def _calibration(facts: dict[str, Any]) -> str:
    folded, few = facts.get("dev_split") == OUT_OF_FOLD, (facts.get("dev") or {}).get("few_dev_texts")
    if few:
        short = f"Its {few:,} training texts were too few" if folded else f"Its dev split, {few:,} texts, was too small"
        return f"{short} to calibrate by: trust probabilities less than labels."
    texts = "training texts, out of fold," if folded else "dev split"
    return f"Probabilities were calibrated on the {texts} and hold for text like it."


def encoder_card(encoder: PretrainedEncoder, name: str) -> str:
    """Write an encoder's card: what it is, its text, recipe, figures and limits."""
    facts, config = encoder.facts, encoder.network
    origin = "\n".join(f"- {one_line(key)}: {_code(str(value))}" for key, value in facts.items() if key != "settings")
    settings = ", ".join(_code(f"{key}={value}") for key, value in facts.get("settings", {}).items())
    return f"""---
library_name: gatewise
tags: [lstm, language-model]
---

# {_code(name)}

A pretrained LSTM encoder made with gatewise: a language model on unlabelled text, {encoder.tokenizer.vocab_size:,} \
tokens, vectors of {config.embedding_dim}, {config.num_layers} {"layer" if config.num_layers == 1 else "layers"} of \
{config.hidden_size} units{" in both directions" if config.bidirectional else ""}. It answers nothing by itself:

    gatewise train DATA --pretrained path/to/this/folder

## Text and recipe

{origin}

Settings: {settings}

## Limits

It knows the language and the kind of text it read, prejudices included, and no other. Perplexity is per token of this
vocabulary and cannot be compared across vocabularies.
"""


def _front_matter(facts: dict[str, Any], name: str) -> str:
    """Give the card's YAML; a printable JSON string is a YAML string, so user text cannot break out of it."""
    lines = "library_name: gatewise\npipeline_tag: text-classification\ntags: [lstm, text-classification]\n"
    if test := facts.get("test"):
        data = json.dumps(one_line(facts.get("data")), ensure_ascii=False)
        lines += f"""model-index:
  - name: {json.dumps(one_line(name), ensure_ascii=False)}
    results:
      - task:
          type: text-classification
        dataset:
          type: {data}
          name: {data}
        metrics:
"""
        lines += "".join(
            f"          - type: {kind}\n            value: {test[kind]:.6f}\n"
            for kind in ("accuracy", "macro_f1", "log_loss")
        )
    return lines


def _figure_line(part: str, found: dict[str, Any] | None) -> str:
    if not found:
        return ""
    return (
        f"- {part}: accuracy {found['accuracy']:.4f} (95 % interval {found['accuracy_low']:.4f} to "
        f"{found['accuracy_high']:.4f}, {found['n']:,} texts), macro F1 {found['macro_f1']:.4f}, log-loss "
        f"{found['log_loss']:.4f}, calibration error {found['ece']:.4f}\n"
        + "".join(_alone_line(name, figures) for name, figures in found.get("alone", {}).items())
    )


def _alone_line(name: str, figures: dict[str, float]) -> str:
    loss = f", log-loss {figures['log_loss']:.4f}" if "log_loss" in figures else ""
    return f"  - the {one_line(name)} alone: accuracy {figures['accuracy']:.4f}{loss}\n"


def _code(text: str) -> str:
    """Quote user text as inline code on one line."""
    return "`" + one_line(text, 2000).replace("`", "'") + "`"
