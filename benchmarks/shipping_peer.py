"""onnxruntime beside shipping.py: a classifier's arrays as a hand-built graph, and batches answered on request.

Started by shipping.py under --peer-python. Reads lines of JSON (a batch's ids and lengths in a file) and gives back
CPU seconds; its answers go into that file's place.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

GATES = [0, 3, 1, 2]  # i, f, g, o to ONNX's i, o, f, c


def graph(arrays: dict[str, np.ndarray]) -> onnx.ModelProto:
    """Build Gather, LSTM with lengths, masked pooling and head; times are first, [T, B]."""
    hidden = arrays["recurrent"].shape[2]

    def ordered(name: str) -> np.ndarray:
        return np.stack([np.concatenate([np.split(side, 4)[gate] for gate in GATES]) for side in arrays[name]])

    bias = ordered("bias")
    constants = {
        "table": arrays["table"], "W": ordered("input"), "R": ordered("recurrent"),
        "B": np.concatenate([bias, np.zeros_like(bias)], axis=1), "head": arrays["head"].T.copy(),
        "head_bias": arrays["head_bias"], "zero": np.array(0), "one": np.array(1), "lowest": np.float32(-9),
        "steps": np.array([-1, 1, 1, 1]), "texts": np.array([1, 1, -1, 1]), "flat": np.array([0, -1]),
        "column": np.array([-1, 1]), "time": np.array([0]),
    }  # fmt: skip
    node = helper.make_node
    nodes = [
        node("Gather", ["table", "ids"], ["vectors"]),
        node(
            "LSTM", ["vectors", "W", "R", "B", "lengths"], ["Y", "Y_h"], hidden_size=hidden, direction="bidirectional"
        ),
        node("Shape", ["ids"], ["shape"]),
        node("Gather", ["shape", "zero"], ["longest"]),
        node("Range", ["zero", "longest", "one"], ["range"]),
        node("Reshape", ["range", "steps"], ["step"]),
        node("Cast", ["lengths"], ["whole"], to=TensorProto.INT64),
        node("Reshape", ["whole", "texts"], ["ends"]),
        node("Less", ["step", "ends"], ["inside"]),
        node("Where", ["inside", "Y", "lowest"], ["masked"]),
        node("ReduceMax", ["masked", "time"], ["max"], keepdims=0),
        node("ReduceSum", ["Y", "time"], ["sum"], keepdims=0),
        node("Cast", ["lengths"], ["count"], to=TensorProto.FLOAT),
        node("Reshape", ["count", "column"], ["counts"]),
        node("Div", ["sum", "counts"], ["mean"]),
    ]
    for name, source in (("max", "max"), ("mean", "mean"), ("last", "Y_h")):
        nodes += [
            node("Transpose", [source], [f"{name}_turned"], perm=[1, 0, 2]),
            node("Reshape", [f"{name}_turned", "flat"], [f"{name}_flat"]),
        ]
    nodes += [
        node("Concat", ["max_flat", "mean_flat", "last_flat"], ["features"], axis=1),
        node("MatMul", ["features", "head"], ["product"]),
        node("Add", ["product", "head_bias"], ["logits"]),
    ]
    made = helper.make_graph(
        nodes, "classifier",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["T", "B"]),
         helper.make_tensor_value_info("lengths", TensorProto.INT32, ["B"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["B", "C"])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )  # fmt: skip
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    """Build both models in the folder given, then answer."""
    folder = Path(sys.argv[1])
    with np.load(folder / "arrays.npz") as stored:
        whole = folder / "float32.onnx"
        onnx.save(graph(dict(stored)), whole)
    quantize_dynamic(
        whole,
        folder / "int8.onnx",
        op_types_to_quantize=["LSTM", "Gather"],
        per_channel=True,
        weight_type=QuantType.QInt8,
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    sessions = {
        name: onnxruntime.InferenceSession(folder / f"{name}.onnx", options, providers=["CPUExecutionProvider"])
        for name in ("float32", "int8")
    }
    print(json.dumps(onnxruntime.__version__), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        with np.load(asked["batch"]) as batch:
            given = {"ids": batch["ids"], "lengths": batch["lengths"]}
        started = time.process_time()
        (logits,) = sessions[asked["model"]].run(["logits"], given)
        seconds = time.process_time() - started
        np.save(asked["answers"], logits)
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main()
