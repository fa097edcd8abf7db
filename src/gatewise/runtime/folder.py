"""A Model or an encoder to a folder of four plain files and back; trusts nothing it reads. No pickle, no links.

config.json (format number, labels, shapes, temperature, facts), tokenizer.json, model.safetensors and README.md, the
card.
"""

import dataclasses
import json
import math
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import pydantic
import torch

from gatewise.base.errors import ConfigError, ModelError, one_line
from gatewise.base.files import (
    Stored,
    new_folder,
    read_json,
    read_limited,
    read_tensors,
    tensor_bytes,
    write_atomically,
)
from gatewise.base.settings import NetworkConfig, Storage
from gatewise.nets.classify import TextLSTM
from gatewise.runtime.cards import card, encoder_card
from gatewise.runtime.classifier import Model, PretrainedEncoder
from gatewise.runtime.companion import BUCKETS, MOST_CLASSES, Ngrams, columns_for
from gatewise.runtime.shapes import language_shapes, parameter_shapes
from gatewise.runtime.storage import packed, stored, unpacked
from gatewise.runtime.tokenizer import TextTokenizer, from_json

FORMAT = 1
CONFIG, TOKENIZER, WEIGHTS, CARD = "config.json", "tokenizer.json", "model.safetensors", "README.md"
CONFIG_LIMIT, TOKENIZER_LIMIT, WEIGHTS_LIMIT = 8 << 20, 256 << 20, 16 << 30
BUNDLED = {name: Path(__file__).parent.parent / "samples" / name for name in ("sentiment-en", "reviews-en")}


class _Companion(pydantic.BaseModel):
    """Size and weight of the n-gram companion."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    buckets: Annotated[int, pydantic.Field(ge=1, le=BUCKETS)]
    weight: Annotated[float, pydantic.Field(ge=0, lt=1e6)]

    @pydantic.field_validator("buckets")
    @classmethod
    def _power_of_two(cls, buckets: int) -> int:
        if buckets & (buckets - 1):
            raise ValueError("is no power of two")
        return buckets


class _EncoderConfig(pydantic.BaseModel):
    """The whole of an encoder's config.json; anything else is refused."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    format: Literal[1]
    task: Literal["pretraining"]
    gatewise: str
    vocab_size: Annotated[int, pydantic.Field(ge=2, le=1_000_000)]
    max_tokens: Annotated[int, pydantic.Field(ge=8, le=100_000)]
    network: dict[str, Any]
    storage: Storage
    facts: dict[str, Any]


class _Config(pydantic.BaseModel):
    """The whole of a model's config.json; anything else is refused."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    format: Literal[1]
    task: Literal["classification"]
    gatewise: str
    labels: Annotated[list[bool | int | float | str], pydantic.Field(min_length=2, max_length=100_000)]
    temperature: Annotated[float, pydantic.Field(gt=0, lt=1e6)]
    vocab_size: Annotated[int, pydantic.Field(ge=2, le=1_000_000)]
    max_tokens: Annotated[int, pydantic.Field(ge=8, le=100_000)]
    network: dict[str, Any]
    storage: Storage
    companion: _Companion | None
    facts: dict[str, Any]


AnyConfig = TypeVar("AnyConfig", _Config, _EncoderConfig)


def save(
    model: Model,
    path: Path | str,
    *,
    overwrite: bool = False,
    storage: Storage = "float32",
    extra: dict[str, bytes] | None = None,
) -> None:
    """Write a model folder, whole or not at all, with further files if any; weights may be rounded to save space.

    Raises GatewiseError when the place is taken and `overwrite` is false, or when the disk is full.
    """
    from gatewise import __version__

    config = {
        "format": FORMAT, "task": "classification", "gatewise": __version__, "labels": list(model.labels),
        "temperature": model.temperature, "vocab_size": model.tokenizer.vocab_size,
        "max_tokens": model.tokenizer.max_tokens, "network": dataclasses.asdict(model.network.config),
        "storage": storage, "companion": None, "facts": model.facts,
    }  # fmt: skip
    weights = packed({name: tensor.detach().numpy() for name, tensor in model.network.state_dict().items()}, storage)
    if model.companion:
        config["companion"] = {"buckets": len(model.companion.table), "weight": model.companion_weight}
        weights |= {f"companion.{name}": getattr(model.companion, name) for name in ("table", "scale", "bias")}
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
    """Read a model folder, or a bundled model by its name (sentiment-en).

    Raises ModelError, with one sentence, for anything that is not exactly as save() wrote it.
    """
    folder = _located(path, "model", "train")
    config = _checked(folder / CONFIG, read_json(folder / CONFIG, CONFIG_LIMIT), _Config)
    if len({str(label) for label in config.labels}) < len(config.labels):
        raise ModelError(f"{folder / CONFIG} names a label twice; copy the model folder again.")
    network_config = _network_config(folder / CONFIG, config.network)
    shapes = parameter_shapes(network_config, config.vocab_size, len(config.labels))
    expected = stored(shapes, config.storage) | _companion_tensors(folder / CONFIG, config)
    tokenizer = _tokenizer(folder, config, expected)
    arrays = read_tensors(folder / WEIGHTS, expected)
    companion = None
    if config.companion:
        companion = Ngrams(*(arrays.pop(f"companion.{name}") for name in ("table", "scale", "bias")))
    with torch.random.fork_rng(devices=[]):  # the first weights are drawn, then replaced: leave no trace of the draw
        network = TextLSTM(network_config, config.vocab_size, len(config.labels))
    weights = unpacked(arrays, shapes, config.storage)
    network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    return Model(
        tokenizer, network.eval(), tuple(config.labels), config.temperature, config.facts, companion,
        config.companion.weight if config.companion else 0.0,
    )  # fmt: skip


def save_encoder(
    encoder: PretrainedEncoder,
    path: Path | str,
    *,
    overwrite: bool = False,
    storage: Storage = "float32",
    extra: dict[str, bytes] | None = None,
) -> None:
    """Write an encoder folder, whole or not at all, as save() does."""
    from gatewise import __version__

    config = {
        "format": FORMAT, "task": "pretraining", "gatewise": __version__, "vocab_size": encoder.tokenizer.vocab_size,
        "max_tokens": encoder.tokenizer.max_tokens, "network": dataclasses.asdict(encoder.network),
        "storage": storage, "facts": encoder.facts,
    }  # fmt: skip
    with new_folder(Path(path), overwrite=overwrite) as folder:
        write_atomically(folder / CONFIG, _json(config))
        write_atomically(folder / TOKENIZER, encoder.tokenizer.to_json().encode())
        write_atomically(folder / WEIGHTS, tensor_bytes(packed(encoder.weights, storage)))
        write_atomically(folder / CARD, encoder_card(encoder, Path(path).name).encode())
        for name, content in (extra or {}).items():
            write_atomically(folder / name, content)


def load_encoder(path: Path | str) -> PretrainedEncoder:
    """Read an encoder folder, or the bundled encoder by its name (reviews-en); raises ModelError as load() does."""
    folder = _located(path, "encoder", "pretrain")
    config = _checked(folder / CONFIG, read_json(folder / CONFIG, CONFIG_LIMIT), _EncoderConfig)
    network_config = _network_config(folder / CONFIG, config.network)
    shapes = language_shapes(network_config, config.vocab_size)
    expected = stored(shapes, config.storage)
    tokenizer = _tokenizer(folder, config, expected)
    weights = unpacked(read_tensors(folder / WEIGHTS, expected), shapes, config.storage)
    return PretrainedEncoder(tokenizer, network_config, weights, config.facts)


def _located(path: Path | str, kind: str, command: str) -> Path:
    folder = Path(path)
    if str(path) in BUNDLED and not folder.exists():
        return BUNDLED[str(path)]
    if not folder.is_dir():
        raise ModelError(f"{folder} is no {kind} folder; give the folder that `gatewise {command} --out` made.")
    return folder


def _companion_tensors(path: Path, config: _Config) -> dict[str, Stored]:
    """Give the tensors that config.json asks for beside the network's."""
    if not config.companion:
        return {}
    if len(config.labels) > MOST_CLASSES:
        raise ModelError(f"{path} describes a companion for more than {MOST_CLASSES} labels; copy the folder again.")
    columns = columns_for(len(config.labels))
    return {
        "companion.table": ((config.companion.buckets, columns), "int8"),
        "companion.scale": ((columns,), "float32"),
        "companion.bias": ((columns,), "float32"),
    }


def _checked(path: Path, content: dict[str, Any], kind: type[AnyConfig]) -> AnyConfig:
    found = content.get("format")
    if isinstance(found, int) and found > FORMAT:
        raise ModelError(
            f"{path} is of format {found} and this gatewise reads up to {FORMAT}; install a newer gatewise."
        )
    expected = "model" if kind is _Config else "encoder"
    if expected == "model" and content.get("task") == "pretraining":
        raise ModelError(f"{path.parent} is an encoder, not a model; encoders are for `gatewise train --pretrained`.")
    if expected == "encoder" and content.get("task") == "classification":
        raise ModelError(f"{path.parent} is a model, not an encoder; give what `gatewise pretrain --out` made.")
    try:
        return kind.model_validate(content)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        fault = one_line(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}")
        raise ModelError(f"{path} is not a gatewise {expected} ({fault}); copy the folder again.") from error


def _tokenizer(folder: Path, config: _Config | _EncoderConfig, expected: dict[str, Stored]) -> TextTokenizer:
    """Read the tokenizer that goes with a config, once its tensors are known to be of a size to be opened."""
    if 4 * sum(math.prod(shape) for shape, _ in expected.values()) > WEIGHTS_LIMIT:
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
    return tokenizer


def _network_config(path: Path, values: dict[str, Any]) -> NetworkConfig:
    try:
        return NetworkConfig(**values)
    except (TypeError, ConfigError) as error:
        raise ModelError(
            f"{path} does not describe a network ({one_line(error)}); copy the model folder again."
        ) from error


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")
