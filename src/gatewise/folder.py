"""A Model to a folder of four plain files and back; trusts nothing it reads. No pickle, no links, no surprises.

config.json (format number, labels, shapes, temperature, facts), tokenizer.json, model.safetensors and README.md, the
card.
"""

import dataclasses
import json
import math
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import torch

from gatewise.config import NetworkConfig
from gatewise.errors import ConfigError, ModelError, one_line
from gatewise.files import new_folder, read_json, read_limited, read_tensors, tensor_bytes, write_atomically
from gatewise.model import Model
from gatewise.network import TextLSTM, parameter_shapes
from gatewise.tokenizer import from_json

FORMAT = 1
CONFIG, TOKENIZER, WEIGHTS, CARD = "config.json", "tokenizer.json", "model.safetensors", "README.md"
CONFIG_LIMIT, TOKENIZER_LIMIT, WEIGHTS_LIMIT = 8 << 20, 256 << 20, 16 << 30


class _Config(pydantic.BaseModel):
    """The whole of config.json; anything else is refused."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    format: Literal[1]
    task: Literal["classification"]
    gatewise: str
    labels: Annotated[list[bool | int | float | str], pydantic.Field(min_length=2, max_length=100_000)]
    temperature: Annotated[float, pydantic.Field(gt=0, lt=1e6)]
    vocab_size: Annotated[int, pydantic.Field(ge=2, le=1_000_000)]
    max_tokens: Annotated[int, pydantic.Field(ge=8, le=100_000)]
    network: dict[str, Any]
    facts: dict[str, Any]


def save(model: Model, path: Path | str, *, overwrite: bool = False, extra: dict[str, bytes] | None = None) -> None:
    """Write a model folder, whole or not at all, with further files if any.

    Raises GatewiseError when the place is taken and `overwrite` is false, or when the disk is full.
    """
    from gatewise import __version__

    config = {
        "format": FORMAT, "task": "classification", "gatewise": __version__, "labels": list(model.labels),
        "temperature": model.temperature, "vocab_size": model.tokenizer.vocab_size,
        "max_tokens": model.tokenizer.max_tokens, "network": dataclasses.asdict(model.network.config),
        "facts": model.facts,
    }  # fmt: skip
    weights = {name: tensor.detach().numpy() for name, tensor in model.network.state_dict().items()}
    with new_folder(Path(path), overwrite=overwrite) as folder:
        write_atomically(folder / CONFIG, _json(config))
        write_atomically(folder / TOKENIZER, model.tokenizer.to_json().encode())
        write_atomically(folder / WEIGHTS, tensor_bytes(weights))
        write_atomically(folder / CARD, card(model, Path(path).name).encode())
        for name, content in (extra or {}).items():
            write_atomically(folder / name, content)


def update_card(model: Model, path: Path) -> None:
    """Write a saved model's facts and card again, leaving its weights alone."""
    config = read_json(path / CONFIG, CONFIG_LIMIT) | {"facts": model.facts}
    write_atomically(path / CONFIG, _json(config))
    write_atomically(path / CARD, card(model, path.name).encode())


def load(path: Path | str) -> Model:
    """Read a model folder; raise ModelError, with one sentence, for anything that is not exactly as save() wrote it."""
    folder = Path(path)
    if not folder.is_dir():
        raise ModelError(f"{folder} is no model folder; give the folder that `gatewise train --out` made.")
    config = _checked(folder / CONFIG, read_json(folder / CONFIG, CONFIG_LIMIT))
    network_config = _network_config(folder / CONFIG, config.network)
    shapes = parameter_shapes(network_config, config.vocab_size, len(config.labels))
    if 4 * sum(math.prod(shape) for shape in shapes.values()) > WEIGHTS_LIMIT:
        raise ModelError(
            f"{folder / CONFIG} describes a model of more than {WEIGHTS_LIMIT >> 30} GiB; it is not opened."
        )
    try:
        content = read_limited(folder / TOKENIZER, TOKENIZER_LIMIT).decode()
    except UnicodeDecodeError as error:
        raise ModelError(f"{folder / TOKENIZER} is damaged ({error}); copy the model folder again.") from error
    tokenizer = from_json(content, config.max_tokens)
    if tokenizer.vocab_size != config.vocab_size:
        raise ModelError(
            f"{folder / TOKENIZER} has {tokenizer.vocab_size} tokens and {CONFIG} says {config.vocab_size}; "
            "the files do not belong together."
        )
    arrays = read_tensors(folder / WEIGHTS, shapes)
    with torch.random.fork_rng(devices=[]):  # the first weights are drawn, then replaced: leave no trace of the draw
        network = TextLSTM(network_config, config.vocab_size, len(config.labels))
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return Model(tokenizer, network.eval(), tuple(config.labels), config.temperature, config.facts)


def _checked(path: Path, content: dict[str, Any]) -> _Config:
    found = content.get("format")
    if isinstance(found, int) and found > FORMAT:
        raise ModelError(
            f"{path} is of format {found} and this gatewise reads up to {FORMAT}; install a newer gatewise."
        )
    try:
        config = _Config.model_validate(content)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        fault = one_line(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}")
        raise ModelError(f"{path} is not a gatewise model ({fault}); copy the folder again.") from error
    if len({str(label) for label in config.labels}) < len(config.labels):
        raise ModelError(f"{path} names a label twice; copy the model folder again.")
    return config


def _network_config(path: Path, values: dict[str, Any]) -> NetworkConfig:
    try:
        return NetworkConfig(**values)
    except (TypeError, ConfigError) as error:
        raise ModelError(
            f"{path} does not describe a network ({one_line(error)}); copy the model folder again."
        ) from error


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def card(model: Model, name: str) -> str:
    """Write the model card: what it is, its data, recipe, figures and limits."""
    facts, config = model.facts, model.network.config
    parameters = sum(parameter.numel() for parameter in model.network.parameters())
    settings = ", ".join(
        _code(f"{key}={' '.join(value) if isinstance(value, (list, tuple)) else value}")
        for key, value in facts.get("settings", {}).items()
    )
    shown = [
        (key, value)
        for key, value in facts.items()
        if key not in ("dev", "test", "settings", "unit_separation", "faithfulness")
    ]
    origin = "\n".join(f"- {key}: {_code(str(value))}" for key, value in shown)
    return f"""---
{_front_matter(facts, name)}---

# {_code(name)}

An LSTM text classifier made with gatewise: {parameters:,} parameters, {model.tokenizer.vocab_size:,} tokens, \
{config.num_layers} {"layer" if config.num_layers == 1 else "layers"} of {config.hidden_size} units\
{" in both directions" if config.bidirectional else ""}.

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

{_figure_line("Dev split (it chose the epoch, so it flatters)", facts.get("dev"))}\
{_figure_line("Test part (never seen before)", facts.get("test"))}
## Limits

It knows the words and the kind of text it was trained on. Expect less on other domains, other languages, irony and
very short texts. Of a text longer than {model.tokenizer.max_tokens} tokens it reads the first quarter of these and the
end. Probabilities were calibrated on the dev split and hold for text like it.
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
    )


def _code(text: str) -> str:
    """Quote user text as inline code on one line."""
    return "`" + one_line(text, 2000).replace("`", "'") + "`"
