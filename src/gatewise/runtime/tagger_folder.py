"""A Tagger to a folder of four plain files and back, as safely as gatewise.runtime.folder does it for classifiers.

tokenizer.json holds the words of the training part and those of an encoder, in the order of their ids.
"""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import ConfigError, ModelError, one_line
from gatewise.base.files import Arrays, Stored, read_json, write_atomically
from gatewise.base.settings import NetworkConfig, Storage, TaggingConfig
from gatewise.base.text import json_text
from gatewise.runtime.cell import CellWeights
from gatewise.runtime.crf import Chain, constraints
from gatewise.runtime.features import DENSE, SPACE, from_bits
from gatewise.runtime.folder import (
    CARD,
    CONFIG,
    CONFIG_LIMIT,
    TOKENIZER,
    TOKENIZER_LIMIT,
    WEIGHTS,
    WEIGHTS_LIMIT,
    Extra,
    described,
    tensors_in,
    undisturbed,
    write,
)
from gatewise.runtime.lexicon import Lexicon
from gatewise.runtime.network import Floats, Table
from gatewise.runtime.storage import packed, stored, unpacked
from gatewise.runtime.tagger import Tagger
from gatewise.runtime.tagger_card import tagger_card
from gatewise.runtime.tagnet import TagNetwork
from gatewise.runtime.tokenizer import UNKNOWN_ID

TABLES = ("wide", "words", "affixes", "known")
CHAIN = Chain.__slots__  # is kept in 32 bits whatever the storage: a few numbers that decide much
Shapes = dict[str, tuple[int, ...]]


def save_tagger(
    tagger: Tagger, path: Path | str, *, overwrite: bool = False, storage: Storage = "float32", extra: Extra = None
) -> None:
    """Write a tagger's folder, whole or not at all; weights may be rounded to save space.

    Raises GatewiseError when the place is taken and `overwrite` is false, or when the disk is full.
    """
    lexicon, network = tagger.lexicon, tagger.network
    own: dict[str, Any] = {
        "tags": list(tagger.tags), "spans": tagger.spans_are_tags, "temperature": tagger.temperature,
        "rule": tagger.words, "units": lexicon.units, "words": len(lexicon.words), "known": len(lexicon.known),
        "features": len(lexicon.features.hashes), "own_features": lexicon.features.own,
        "lowercase": lexicon.lowercase, "tagging": dataclasses.asdict(network.tagging),
    }  # fmt: skip
    words = {"words": list(lexicon.words), "known": list(lexicon.known)}  # both in the order of their ids
    rules = constraints(tagger.tags, spans=tagger.spans_are_tags)
    arrays = packed(_weights(network), storage)
    arrays["features"] = lexicon.features.bits()
    for part in CHAIN:
        arrays[part] = (getattr(network.chain, part) - getattr(rules, part)).astype(np.float32)
    write(
        Path(path), "tagging", json.dumps(words, ensure_ascii=False), network.config, tagger.facts, own, arrays,
        storage, tagger_card(tagger, Path(path).name), overwrite, extra,
    )  # fmt: skip


def _weights(network: TagNetwork) -> dict[str, Floats]:
    """Give the weights by their names in a folder, without the chain."""
    weights = {"bias": network.bias}
    for name in TABLES:
        table = getattr(network, name)
        if table is not None:
            weights[name] = table.rows(np.arange(len(table)))
    for index, cell in enumerate(cell for directions in network.layers for cell in directions):
        weights |= {f"lstms.{index}.{part}": getattr(cell, part) for part in CellWeights.__slots__}
    if network.layers:
        weights["head"] = network.head
    return weights


def shapes_of(
    config: NetworkConfig,
    tagging: TaggingConfig,
    *,
    tags: int,
    words: int,
    known: int,
    features: int,
    own_features: int,
) -> Shapes:
    """Give the name and shape of every weight but the chain's, of so many tags, words and features."""
    shapes: Shapes = {"bias": (tags,)}
    if tagging.wide:
        shapes["wide"] = (1 + features, tags)
    if not tagging.recurrent:
        return shapes
    width, directions, hidden = config.embedding_dim, 2 if config.bidirectional else 1, config.hidden_size
    shapes["words"] = (words + UNKNOWN_ID + 1, config.embedding_dim)
    if tagging.affix_dim:
        shapes["affixes"] = (1 + own_features, tagging.affix_dim)
        width += tagging.affix_dim
    if known:
        shapes["known"] = (known, tagging.known_dim)
        width += tagging.known_dim
    for index in range(config.num_layers * directions):
        inputs = width if index < directions else directions * hidden
        parts = (4 * hidden, inputs), (4 * hidden, hidden), (4 * hidden,)
        shapes |= {f"lstms.{index}.{part}": shape for part, shape in zip(CellWeights.__slots__, parts, strict=True)}
    return shapes | {"head": (tags, directions * hidden)}


@undisturbed
def load_tagger(path: Path | str) -> Tagger:
    """Read a tagger's folder, or a bundled one by its name; raise ModelError, with one sentence, for anything else."""
    folder, config, network = described(path, "tagging")
    place, tags = folder / CONFIG, tuple(config["tags"])
    try:
        tagging = TaggingConfig(**config["tagging"])
    except (TypeError, ConfigError) as error:
        raise ModelError(f"{place} does not describe a tagger ({one_line(error)}); copy the folder again.") from error
    if config["spans"] and not all(_of_spans(tag) for tag in tags):
        raise ModelError(f"{place} names tags that are no tags of spans; copy the folder again.")
    counts = {name: config[name] for name in ("words", "known", "features", "own_features")}
    shapes = shapes_of(network, tagging, tags=len(tags), **counts)
    size = len(tags)
    chain: dict[str, Stored] = dict.fromkeys(CHAIN, ((size,), "float32")) | {"transitions": ((size, size), "float32")}
    expected = stored(shapes, config["storage"]) | chain | {"features": ((SPACE // 8,), "int8")}
    if 4 * sum(math.prod(shape) for shape, _ in expected.values()) > WEIGHTS_LIMIT:
        raise ModelError(f"{place} describes a model of more than {WEIGHTS_LIMIT >> 30} GiB; it is not opened.")
    arrays = tensors_in(folder / WEIGHTS, expected)
    lexicon = _lexicon(folder, config, arrays["features"])
    rules = constraints(tags, spans=config["spans"])
    learnt = Chain(*(arrays[part].astype(np.float64) for part in CHAIN))
    made = _network(network, tagging, config, shapes, arrays, learnt + rules)
    return Tagger(lexicon, made, tags, config["spans"], config["temperature"], config["rule"], config["facts"])


def _of_spans(tag: str) -> bool:
    return tag == "O" or (tag[0] in "BIES" and (len(tag) == 1 or (tag[1] == "-" and len(tag) > 2)))


def _network(
    config: NetworkConfig, tagging: TaggingConfig, content: dict[str, Any], shapes: Shapes, arrays: Arrays, chain: Chain
) -> TagNetwork:
    """Build the network of stored arrays; the tables stay as they are stored: a sentence needs few of their rows."""
    tables = {name: Table(arrays[name], arrays.get(f"{name}.scale")) if name in shapes else None for name in TABLES}
    others = {name: shape for name, shape in shapes.items() if name not in TABLES}
    weights = unpacked(arrays, others, content["storage"])
    directions = 2 if config.bidirectional else 1
    cells = [
        CellWeights(*(weights[f"lstms.{index}.{part}"] for part in CellWeights.__slots__))
        for index in range(config.num_layers * directions if tagging.recurrent else 0)
    ]
    layers = [cells[start : start + directions] for start in range(0, len(cells), directions)]
    head = weights["head"] if tagging.recurrent else np.zeros((shapes["bias"][0], 0), np.float32)
    return TagNetwork(
        config, tagging, DENSE[content["units"]], chain, weights["bias"], **tables, layers=layers, head=head
    )  # fmt: skip


def _lexicon(folder: Path, config: dict[str, Any], bits: npt.NDArray[np.int8]) -> Lexicon:
    """Read the words; refuse a file that is not two lists of different strings, as many as config.json says."""
    place = folder / TOKENIZER
    content = read_json(place, TOKENIZER_LIMIT)
    ids = {}
    for name, first in (("words", UNKNOWN_ID + 1), ("known", 0)):
        words = content.pop(name, None)
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ModelError(f"{place} has no list of {name}; copy the folder again.")
        ids[name] = {word: first + number for number, word in enumerate(words)}
        if len(ids[name]) != len(words) or len(words) != config[name]:
            raise ModelError(
                f"{place} has {len(ids[name]):,} different {name} and {CONFIG} says {config[name]:,}; the files do not "
                "belong together."
            )
    if content:
        raise ModelError(f"{place} holds {one_line(next(iter(content)), 60)}, which has no place there; copy it again.")
    if 0 < len(ids["known"]) <= UNKNOWN_ID:
        raise ModelError(f"{place} has {len(ids['known'])} known words, too few; copy the folder again.")
    features = from_bits(bits)
    if (len(features.hashes), features.own) != (config["features"], config["own_features"]):
        raise ModelError(f"{folder / WEIGHTS} has other features than {CONFIG} says; the files do not belong together.")
    return Lexicon(config["units"], features, ids["words"], ids["known"], config["lowercase"])


def update_tagger_card(tagger: Tagger, path: Path) -> None:
    """Write a saved tagger's facts and card again, leaving its weights alone."""
    config = read_json(path / CONFIG, CONFIG_LIMIT) | {"facts": tagger.facts}
    write_atomically(path / CONFIG, json_text(config, indent=2).encode())
    write_atomically(path / CARD, tagger_card(tagger, path.name).encode())
