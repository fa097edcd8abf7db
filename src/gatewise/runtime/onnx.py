"""A classifier's network as an ONNX graph, held to our engine before it is given away. Knows no files.

The graph goes from ids and lengths to the network's logits. What else an answer takes (tokenizer, companion,
temperature) no graph of standard operators can carry; it stands in the metadata, and `missing` says so in a sentence.
"""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import ModelError
from gatewise.runtime.batches import gather
from gatewise.runtime.cell import CellWeights
from gatewise.runtime.classifier import Model, Numbers
from gatewise.runtime.engine import logits_of
from gatewise.runtime.network import Network
from gatewise.runtime.tokenizer import PAD_ID, UNKNOWN_ID, Ids

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

OPSET, IR = 18, 8  # of early 2023: what reads it now reads it for long
ORDER = (0, 3, 1, 2)  # of our gates i, f, g, o as ONNX has them: i, o, f, c
EXACT = 1e-4  # in a logit: how far the graph may be from our engine
LARGEST = 2_000_000_000  # bytes of weights; a file of protobuf ends at 2 GiB
LENGTHS = (1, 2, 3, 8, 21, 60)  # of the texts that are tried, and then the longest
LONGEST = 300
TEXTS = (  # of the golden file, for who writes the tokenizer anew
    "", "A warm and funny film.", "Not bad at all!<br /><br />10/10", "It's 3.5 of 5; I don't know...",
    "这部电影很好看。", "😀😀 naïve café", "WHY?! why??", "a_b-c #1 @you https://example.org/x?y=1",
)  # fmt: skip
INT8_WARNING = (
    "In int8 onnxruntime scales activations over the whole batch, so a text's answer depends on its company; "
    "give it one text at a time where that matters."
)
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """A file of ONNX, what it gives for some texts, and how far it was from our engine on these and others."""

    content: bytes
    golden: dict[str, Any]
    difference: float  # largest, of a logit
    missing: str  # one sentence


def export(model: Model, *, int8: bool = False) -> Exported:
    """Build a classifier's graph, run it in onnxruntime and compare; in int8 where asked, which INT8_WARNING is about.

    Raises ModelError where it is too large for a file, or where a logit differs by more than EXACT.
    """
    weights = sum(cell.input.size + cell.recurrent.size for row in model.network.layers for cell in row)
    table = model.network.embedding.values.size
    if 4 * (weights + table) > LARGEST:
        raise ModelError("The model has more than 2 GB of weights, and an ONNX file cannot hold them.")
    built = graph(model.network)
    for name, value in metadata(model).items():
        built.metadata_props.add(key=name, value=value)
    content = _in_int8(built) if int8 else built.SerializeToString()
    texts = model.tokenizer.encode_batch(TEXTS)
    drawn = _drawn(model)
    expected = logits_of(model.network, gather([[*texts, *drawn]], None, model.tokenizer.vocab_size))
    found = _answers(content, texts), _answers(content, drawn)
    difference = float(np.abs(np.concatenate(found) - expected).max())
    if not int8 and not difference <= EXACT:
        raise ModelError(f"The graph's logits differ by {difference:.2g} from gatewise's, so it is not given away.")
    ids, lengths = padded(texts)
    golden = {
        "texts": TEXTS, "ids": ids.tolist(), "lengths": lengths.tolist(), "logits": expected[: len(texts)].tolist(),
        "tolerance": max(EXACT, 2 * difference),
    }  # fmt: skip
    return Exported(content, golden, difference, missing(model))


def graph(network: Network) -> "ModelProto":
    """Build the graph, checked: `ids` [batch, tokens] and `lengths` [batch], whole numbers, to `logits` [batch, C]."""
    from onnx import TensorProto, checker, helper, numpy_helper

    arrays: Arrays = {"embedding": network.embedding.rows(np.arange(len(network.embedding)))}
    nodes = _encoder(network, arrays) + _pooling(network, arrays)
    arrays |= {"head": network.head.astype(np.float32), "head_bias": network.head_bias.astype(np.float32)}
    nodes.append(helper.make_node("Gemm", ["features", "head", "head_bias"], ["logits"], transB=1))
    made = helper.make_model(
        helper.make_graph(
            nodes, "gatewise",
            [
                helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "tokens"]),
                helper.make_tensor_value_info("lengths", TensorProto.INT64, ["batch"]),
            ],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", network.classes])],
            [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in arrays.items()],
        ),
        opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR, producer_name="gatewise",
    )  # fmt: skip
    checker.check_model(made, full_check=True)
    return made


def _encoder(network: Network, arrays: Arrays) -> "list[NodeProto]":
    """Give the nodes from ids to the top layer's states, [T, directions, B, H], and last states, [directions, B, H]."""
    from onnx import TensorProto, helper

    arrays["joined"] = np.array([0, 0, -1])
    nodes = [
        helper.make_node("Cast", ["lengths"], ["lengths32"], to=TensorProto.INT32),
        helper.make_node("Gather", ["embedding", "ids"], ["vectors"]),
        helper.make_node("Transpose", ["vectors"], ["input0"], perm=[1, 0, 2]),
    ]
    for depth, cells in enumerate(network.layers):
        names = [f"{part}{depth}" for part in ("W", "R", "B")]
        for name, part in zip(names, zip(*map(_weights, cells), strict=True), strict=True):
            arrays[name] = np.stack(part)
        nodes.append(
            helper.make_node(
                "LSTM", [f"input{depth}", *names, "lengths32"], [f"states{depth}", f"last{depth}"],
                hidden_size=network.config.hidden_size, direction="bidirectional" if len(cells) == 2 else "forward",
            )
        )  # fmt: skip
        if depth < len(network.layers) - 1:
            nodes += [
                helper.make_node("Transpose", [f"states{depth}"], [f"beside{depth}"], perm=[0, 2, 1, 3]),
                helper.make_node("Reshape", [f"beside{depth}", "joined"], [f"input{depth + 1}"]),
            ]
    return nodes


def _weights(cell: CellWeights) -> tuple[npt.NDArray[np.float32], ...]:
    """Give one direction's weights, gates in ONNX's order: [4H, E], [4H, H], and both biases, [8H]."""

    def ordered(array: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        gates = np.split(array.astype(np.float32), 4)
        return np.concatenate([gates[place] for place in ORDER])

    bias = ordered(cell.bias)
    return ordered(cell.input), ordered(cell.recurrent), np.concatenate([bias, np.zeros_like(bias)])


def _pooling(network: Network, arrays: Arrays) -> "list[NodeProto]":
    """Give the nodes from states to what the head sees, `features`; none counts what stands behind a text's end."""
    from onnx import TensorProto, helper

    top = len(network.layers) - 1
    arrays |= {
        "zero": np.array(0), "one": np.array(1), "second": np.array([1]),
        "outer": np.array([-1]), "least": np.array(-np.inf, np.float32), "nothing": np.array(0, np.float32),
    }  # fmt: skip
    node = helper.make_node
    nodes = [
        node("Transpose", [f"states{top}"], ["by_text"], perm=[2, 0, 1, 3]),
        node("Reshape", ["by_text", "joined"], ["states"]),  # [B, T, directions * H]
        node("Shape", ["ids"], ["longest"], start=1, end=2),
        node("Squeeze", ["longest"], ["tokens"]),
        node("Range", ["zero", "tokens", "one"], ["places"]),
        node("Unsqueeze", ["lengths", "second"], ["ends"]),
        node("Less", ["places", "ends"], ["inside"]),  # [B, T]
        node("Unsqueeze", ["inside", "outer"], ["mask"]),
    ]
    pools = {
        "max": [node("Where", ["mask", "states", "least"], ["above"]),
                node("ReduceMax", ["above", "second"], ["max"], keepdims=0)],
        "mean": [node("Where", ["mask", "states", "nothing"], ["kept"]),
                 node("ReduceSum", ["kept", "second"], ["sum"], keepdims=0),
                 node("Cast", ["ends"], ["counts"], to=TensorProto.FLOAT), node("Div", ["sum", "counts"], ["mean"])],
        "last": [node("Transpose", [f"last{top}"], ["ends_by_text"], perm=[1, 0, 2]),
                 node("Flatten", ["ends_by_text"], ["last"], axis=1)],
    }  # fmt: skip
    for name in network.config.pooling:
        nodes += pools[name]
    return [*nodes, node("Concat", list(network.config.pooling), ["features"], axis=1)]


def metadata(model: Model) -> dict[str, str]:
    """Give what an answer takes besides the graph, as JSON: `gatewise`, by names, and the `tokenizer` whole."""
    from gatewise import __version__

    tokenizer = model.tokenizer.to_json()
    told = {
        "version": __version__, "task": "classification", "labels": list(model.labels),
        "temperature": model.temperature, "companion_weight": model.companion_weight if model.companion else 0.0,
        "max_tokens": model.tokenizer.max_tokens, "vocab_size": model.tokenizer.vocab_size, "pad_id": PAD_ID,
        "unknown_id": UNKNOWN_ID, "tokenizer_sha256": hashlib.sha256(tokenizer.encode("utf-8", "replace")).hexdigest(),
        "missing": missing(model),
    }  # fmt: skip
    return {"gatewise": json.dumps(told, ensure_ascii=False), "tokenizer": tokenizer}


def missing(model: Model) -> str:
    """Say in one sentence what the graph does not do."""
    parts = ["the tokenizer, which is in the metadata"]
    if model.companion:
        parts.append(f"the companion, {model.companion_weight:.3g} times whose logits are added")
    parts.append(f"the division by the temperature, {model.temperature:.4g}, before the softmax")
    return f"The graph gives the network's logits for ids; it lacks {', '.join(parts[:-1])}, and {parts[-1]}."


def padded(texts: Sequence[Ids]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give texts' ids as the graph takes them, [B, T], with PAD_ID behind each one's end, and their lengths, [B]."""
    lengths = np.array([len(text) for text in texts], np.int64)
    ids = np.full((len(texts), int(lengths.max())), PAD_ID, np.int64)
    for row, text in zip(ids, texts, strict=True):
        row[: len(text)] = text
    return ids, lengths


def _drawn(model: Model) -> list[Ids]:
    """Draw texts of ids of very different lengths, always the same ones."""
    draw = np.random.default_rng(0)
    longest = min(LONGEST, model.tokenizer.max_tokens)
    lengths = [length for length in LENGTHS if length < longest] + [longest]
    return [draw.integers(0, model.tokenizer.vocab_size, length).astype(np.int32) for length in lengths]


def _answers(content: bytes, texts: Sequence[Ids]) -> Numbers:
    """Run a file of ONNX on one ragged batch; give logits, [N, C]."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # its warnings are no sentences for users
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    ids, lengths = padded(texts)
    return np.asarray(session.run(["logits"], {"ids": ids, "lengths": lengths})[0], np.float64)


def _in_int8(built: "ModelProto") -> bytes:
    """Round a graph's LSTM and embedding to 8 bits, a scale for each unit and gate, by onnxruntime's own tool."""
    import onnx
    from onnxruntime.quantization import quantize_dynamic

    built.metadata_props.add(key="onnx.quant.pre_process", value="onnxruntime.quant")  # else it logs that it may help
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "exact.onnx", Path(folder) / "int8.onnx"
        onnx.save(built, before)
        quantize_dynamic(before, after, op_types_to_quantize=["LSTM", "Gather"], per_channel=True)
        return after.read_bytes()
