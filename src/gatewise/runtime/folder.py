"""A Model or an encoder to a folder of four plain files and back; trusts nothing it reads. No pickle, no links.

config.json (format number, task, shapes, facts, and what the task adds), tokenizer.json, model.safetensors and
README.md, the card.
"""

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, get_args

from gatewise.base.errors import ConfigError, ModelError, one_line
from gatewise.base.files import (
    Arrays,
    Stored,
    new_folder,
    read_json,
    read_limited,
    read_tensors,
    tensor_bytes,
    write_atomically,
)
from gatewise.base.places import exists, is_folder, standing
from gatewise.base.settings import NetworkConfig, Storage
from gatewise.base.text import json_text
from gatewise.runtime.bundled import BUNDLED
from gatewise.runtime.cards import card, encoder_card
from gatewise.runtime.classifier import Model
from gatewise.runtime.companion import (
    BUCKETS,
    MOST_CLASSES,
    MOST_PIECES,
    MOST_WORDS,
    PIECES,
    WORDS,
    Companion,
    columns_for,
)
from gatewise.runtime.encoder import PretrainedEncoder
from gatewise.runtime.facts import LARGEST, Check, number, whole
from gatewise.runtime.facts import fault as unread
from gatewise.runtime.forecaster_entries import FORECASTER_ENTRIES
from gatewise.runtime.network import Table, from_weights, weights_of
from gatewise.runtime.shapes import language_shapes, parameter_shapes
from gatewise.runtime.storage import packed, stored, unpacked
from gatewise.runtime.tagger_entries import TAGGER_ENTRIES
from gatewise.runtime.tokenizer import TextTokenizer, from_json

FORMAT = 1
CONFIG, TOKENIZER, WEIGHTS, CARD = "config.json", "tokenizer.json", "model.safetensors", "README.md"
CONFIG_LIMIT, TOKENIZER_LIMIT, WEIGHTS_LIMIT = 8 << 20, 256 << 20, 16 << 30
ORDERS = {"words": WORDS, "pieces": PIECES}  # of a companion whose entry does not say
KINDS = {  # its name, and who makes it
    "classification": ("model", "train"), "pretraining": ("encoder", "pretrain"), "tagging": ("tagger", "tag train"),
    "forecasting": ("forecaster", "forecast train"),
}  # fmt: skip
READINGS = 20  # of a folder that is replaced while it is read
Content = dict[str, Any]
Extra = Mapping[str, bytes] | None


def save(
    model: Model, path: Path | str, *, overwrite: bool = False, storage: Storage = "float32", extra: Extra = None
) -> None:
    """Write a model folder, whole or not at all, with further files if any; weights may be rounded to save space.

    Raises GatewiseError when the place is taken and `overwrite` is false, or when the disk is full.
    """
    own = _sizes(model.tokenizer) | {"labels": list(model.labels), "temperature": model.temperature, "companion": None}
    arrays = packed(weights_of(model.network), storage)
    if model.companion:
        orders = {"words": model.companion.words, "pieces": model.companion.pieces}
        own["companion"] = {"buckets": len(model.companion.table), "weight": model.companion_weight}
        if orders != ORDERS:  # else an older gatewise reads it too
            own["companion"] |= orders
        arrays |= {f"companion.{name}": getattr(model.companion, name) for name in ("table", "scale", "bias")}
    write(
        Path(path), "classification", model.tokenizer.to_json(), model.network.config, model.facts, own, arrays,
        storage, card(model, Path(path).name), overwrite, extra,
    )  # fmt: skip


def save_encoder(
    encoder: PretrainedEncoder,
    path: Path | str,
    *,
    overwrite: bool = False,
    storage: Storage = "float32",
    extra: Extra = None,
) -> None:
    """Write an encoder folder, whole or not at all, as save() does."""
    write(
        Path(path), "pretraining", encoder.tokenizer.to_json(), encoder.network, encoder.facts,
        _sizes(encoder.tokenizer),
        packed(encoder.weights, storage), storage, encoder_card(encoder, Path(path).name), overwrite, extra,
    )  # fmt: skip


def _sizes(tokenizer: TextTokenizer) -> Content:
    return {"vocab_size": tokenizer.vocab_size, "max_tokens": tokenizer.max_tokens}


def write(
    path: Path, task: str, tokenizer: str | None, network: NetworkConfig, facts: Content, own: Content,
    arrays: Arrays, storage: Storage, text: str, overwrite: bool, extra: Extra,
) -> None:  # fmt: skip
    """Write a folder of any task, whole or not at all; `tokenizer` is the text of tokenizer.json, if there is one."""
    from gatewise import __version__

    config = {
        "format": FORMAT, "task": task, "gatewise": __version__, "network": dataclasses.asdict(network),
        "storage": storage, "facts": facts,
    }  # fmt: skip
    with new_folder(path, overwrite=overwrite) as folder:
        write_atomically(folder / CONFIG, _json(config | own))
        if tokenizer is not None:
            write_atomically(folder / TOKENIZER, tokenizer.encode("utf-8", "replace"))
        write_atomically(folder / WEIGHTS, tensor_bytes(arrays))
        write_atomically(folder / CARD, text.encode())
        for name, content in (extra or {}).items():
            write_atomically(folder / name, content)


def update_card(model: Model, path: Path) -> None:
    """Write a saved model's facts and card again, leaving its weights alone."""
    config = read_json(path / CONFIG, CONFIG_LIMIT) | {"facts": model.facts}
    write_atomically(path / CONFIG, _json(config))
    write_atomically(path / CARD, card(model, path.name).encode())


Read = TypeVar("Read")


def undisturbed(read: Callable[[Path | str], Read]) -> Callable[[Path | str], Read]:
    """Read a folder again where another one took its place meanwhile, so that no files of both are mixed."""

    @wraps(read)
    def reading(path: Path | str) -> Read:
        for _ in range(READINGS):
            before, found, error = _number(path), None, None
            try:
                found = read(path)
            except ModelError as refusal:
                error = refusal
            if _number(path) == before:
                break
        if found is None:
            raise error or ModelError(f"{path} could not be read; try again.")
        return found

    return reading


def _number(path: Path | str) -> int:
    """Give the number that the file system knows a folder by, 0 for none."""
    return Path(path).stat().st_ino if is_folder(Path(path)) else 0


@undisturbed
def load(path: Path | str) -> Model:
    """Read a model folder, or a bundled model by its name (sentiment-en).

    Raises ModelError, with one sentence, for anything that is not exactly as save() wrote it.
    """
    folder, config, network = described(path, "classification")
    labels = tuple(config["labels"])
    if len({str(label) for label in labels}) < len(labels):
        raise ModelError(f"{folder / CONFIG} names a label twice; copy the model folder again.")
    shapes = parameter_shapes(network, config["vocab_size"], len(labels))
    expected = stored(shapes, config["storage"]) | _companion_tensors(folder / CONFIG, config)
    tokenizer = _tokenizer(folder, config, expected)
    arrays = tensors_in(folder / WEIGHTS, expected)
    companion, weight = None, 0.0
    if config["companion"]:
        orders = {name: config["companion"].get(name, order) for name, order in ORDERS.items()}
        cells, scale, bias = (arrays[f"companion.{name}"] for name in ("table", "scale", "bias"))
        companion = Companion(cells, scale, bias, **orders)
        weight = config["companion"]["weight"]
    table = Table(arrays["embedding.weight"], arrays.get("embedding.weight.scale"))
    del shapes["embedding.weight"]  # most of the weights, and of these a text needs a few rows
    weights = unpacked(arrays, shapes, config["storage"])
    return Model(
        tokenizer, from_weights(network, weights, table), labels, config["temperature"], config["facts"], companion,
        weight,
    )  # fmt: skip


@undisturbed
def load_encoder(path: Path | str) -> PretrainedEncoder:
    """Read an encoder folder, or the bundled encoder by its name (reviews-en); raises ModelError as load() does."""
    folder, config, network = described(path, "pretraining")
    shapes = language_shapes(network, config["vocab_size"])
    expected = stored(shapes, config["storage"])
    tokenizer = _tokenizer(folder, config, expected)
    weights = unpacked(tensors_in(folder / WEIGHTS, expected), shapes, config["storage"])
    return PretrainedEncoder(tokenizer, network, weights, config["facts"])


ENTRIES: dict[str, Check] = {  # of every config.json; anything else is refused
    "format": lambda value: type(value) is int and value == FORMAT,
    "task": lambda value: isinstance(value, str) and value in KINDS,
    "gatewise": lambda value: isinstance(value, str),
    "network": lambda value: isinstance(value, dict),
    "storage": lambda value: isinstance(value, str) and value in get_args(Storage),
    "facts": lambda value: isinstance(value, dict),
}
TEXT_ENTRIES: dict[str, Check] = {"vocab_size": whole(2, 1_000_000), "max_tokens": whole(8, 100_000)}
OWN_ENTRIES: dict[str, dict[str, Check]] = {
    "classification": TEXT_ENTRIES | {
        "labels": lambda value: isinstance(value, list) and 2 <= len(value) <= 100_000
        and all(type(label) in (str, int, bool) or (type(label) is float and math.isfinite(label)) for label in value),
        "temperature": number(1e-3),
        "companion": lambda value: value is None or isinstance(value, dict),
    },
    "pretraining": TEXT_ENTRIES,
    "tagging": TAGGER_ENTRIES,
    "forecasting": FORECASTER_ENTRIES,
    "companion": {
        "companion.buckets": lambda value: whole(1, BUCKETS)(value) and not value & (value - 1),  # a power of two
        "companion.weight": number(0),
    },
    "orders": {"companion.words": whole(1, MOST_WORDS), "companion.pieces": whole(0, MOST_PIECES)},  # both or none
}  # fmt: skip


def described(path: Path | str, task: str) -> tuple[Path, Content, NetworkConfig]:
    """Find a folder of this task and read its config.json, every entry of which is as it should be."""
    folder, (kind, command) = Path(path), KINDS[task]
    if str(path) in BUNDLED and not exists(folder):
        folder = BUNDLED[str(path)]
    elif not is_folder(folder := standing(folder)):
        raise ModelError(f"{folder} is no {kind} folder; give the folder that `gatewise {command} --out` made.")
    place = folder / CONFIG
    config = read_json(place, CONFIG_LIMIT)
    version, asked = config.get("format"), config.get("task")
    if isinstance(version, int) and version > FORMAT:
        raise ModelError(
            f"{place} is of format {version} and this gatewise reads up to {FORMAT}; install a newer gatewise."
        )
    if isinstance(asked, str) and asked != task:
        raise ModelError(_of_another_task(folder, asked, task))
    fault = _fault(config, ENTRIES | OWN_ENTRIES[task])
    if not fault and (fact := unread(config["facts"])):
        fault = f"the fact {one_line(fact, 60)} is {_shown(config['facts'][fact])}, which cannot be"
    if fault:
        raise ModelError(f"{place} is not a gatewise {kind} ({fault}); copy the folder again.")
    try:
        return folder, config, NetworkConfig(**config["network"])
    except (TypeError, ConfigError, RecursionError) as error:
        raise ModelError(
            f"{place} does not describe a network ({one_line(error)}); copy the model folder again."
        ) from error


def _fault(config: Content, wanted: Mapping[str, Check]) -> str:
    """Name the first entry that is missing, has no place there or cannot be, those of a companion among them."""
    own = config.get("companion")
    if isinstance(own, dict):
        config = config | {f"companion.{name}": value for name, value in own.items()}
        wanted = {**wanted, **OWN_ENTRIES["companion"]}
        if own.keys() & ORDERS:
            wanted |= OWN_ENTRIES["orders"]
    for name in [*wanted, *config]:
        if name not in config:
            return f"{name} is missing"
        if name not in wanted:
            return f"{one_line(name, 60)} has no place here"
        if not wanted[name](config[name]):
            return f"{name} is {_shown(config[name])}, which cannot be"
    return ""


def _shown(value: Any) -> str:
    try:
        return one_line(json.dumps(value), 60)
    except RecursionError:
        return "nested too deep"


def _of_another_task(folder: Path, found: str, wanted: str) -> str:
    """Say by name what a folder is for, and where it belongs."""
    if found not in KINDS:
        return f"{folder} is for the task {one_line(found)!r}, which this gatewise does not know; install a newer one."
    (kind, _), (asked, _) = KINDS[found], KINDS[wanted]
    if found == "pretraining":
        return f"{folder} is an encoder, not a {asked}; encoders are for `gatewise train --pretrained`."
    article, command = "an" if asked[0] == "e" else "a", KINDS[wanted][1]
    return f"{folder} is a {kind}, not {article} {asked}; give what `gatewise {command} --out` made."


def _companion_tensors(path: Path, config: Content) -> dict[str, Stored]:
    """Give the tensors that config.json asks for beside the network's."""
    if not config["companion"]:
        return {}
    if len(config["labels"]) > MOST_CLASSES:
        raise ModelError(f"{path} describes a companion for more than {MOST_CLASSES} labels; copy the folder again.")
    columns = columns_for(len(config["labels"]))
    return {
        "companion.table": ((config["companion"]["buckets"], columns), "int8"),
        "companion.scale": ((columns,), "float32"),
        "companion.bias": ((columns,), "float32"),
    }


def tensors_in(path: Path, expected: dict[str, Stored]) -> Arrays:
    """Read the tensors; refuse numbers that no training gives, and that would overflow in an answer."""
    arrays = read_tensors(path, expected)
    for name, array in arrays.items():
        if array.dtype.kind == "f":
            least, most = float(array.min()), float(array.max())
            if max(-least, most) >= LARGEST or (name.endswith("scale") and least < 0):
                value = least if least < 0 else most
                raise ModelError(f"{path} holds {value:g} in {name!r}, which cannot be; copy the model folder again.")
    return arrays


def _tokenizer(folder: Path, config: Content, expected: dict[str, Stored]) -> TextTokenizer:
    """Read the tokenizer that goes with a config, once its tensors are known to be of a size to be opened."""
    if 4 * sum(math.prod(shape) for shape, _ in expected.values()) > WEIGHTS_LIMIT:
        raise ModelError(
            f"{folder / CONFIG} describes a model of more than {WEIGHTS_LIMIT >> 30} GiB; it is not opened."
        )
    try:
        content = read_limited(folder / TOKENIZER, TOKENIZER_LIMIT).decode()
    except UnicodeDecodeError as error:
        raise ModelError(f"{folder / TOKENIZER} is damaged ({error}); copy the model folder again.") from error
    tokenizer = from_json(content, config["max_tokens"])
    if tokenizer.vocab_size != config["vocab_size"]:
        raise ModelError(
            f"{folder / TOKENIZER} has {tokenizer.vocab_size} tokens and {CONFIG} says {config['vocab_size']}; "
            "the files do not belong together."
        )
    return tokenizer


def _json(content: Content) -> bytes:
    return (json_text(content, indent=2) + "\n").encode("utf-8", "replace")
