"""Answer texts with a file that `gatewise export --onnx` wrote, without gatewise.

pip install onnxruntime tokenizers
python answer.py model.onnx "A warm and funny film." "..."
python answer.py model.onnx --golden model.onnx.golden.json
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

LONE_SURROGATES = re.compile("[\ud800-\udfff]")  # halves of characters, which no tokenizer takes


def ids_of(text: str, tokenizer: Tokenizer, told: dict[str, Any]) -> list[int]:
    """Give a text's ids: never none, and of a long text the first quarter of those that are read, and its end."""
    encoding = tokenizer.encode(LONE_SURROGATES.sub("\ufffd", text), add_special_tokens=False)
    ids = encoding.ids or [told["unknown_id"]]
    most = told["max_tokens"]
    return ids if len(ids) <= most else ids[: most // 4] + ids[len(ids) - (most - most // 4) :]


def padded(texts: list[list[int]], told: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Give ids, [texts, tokens], and lengths, [texts]."""
    ids = np.full((len(texts), max(map(len, texts))), told["pad_id"], np.int64)
    for row, text in zip(ids, texts, strict=True):
        row[: len(text)] = text
    return ids, np.array([len(text) for text in texts], np.int64)


def logits_of(session: onnxruntime.InferenceSession, ids: np.ndarray, lengths: np.ndarray, vocab: int) -> np.ndarray:
    """Run the graph, once it is sure that it cannot be misled: it takes -1 for the last word, and no token for NaN."""
    if ids.ndim != 2 or lengths.shape != ids.shape[:1]:
        raise ValueError(
            f"ids have the shape {ids.shape} and lengths {lengths.shape}; give [texts, tokens] and [texts]."
        )
    if ids.size and not 0 <= ids.min() <= ids.max() < vocab:
        raise ValueError(f"ids go from {ids.min()} to {ids.max()}; the model has 0 to {vocab - 1}.")
    if lengths.size == 0 or not 1 <= lengths.min() <= lengths.max() <= ids.shape[1]:
        raise ValueError(f"lengths must lie between 1 and the {ids.shape[1]} tokens given.")
    return session.run(["logits"], {"ids": ids, "lengths": lengths})[0]


def main() -> None:
    """Answer, or compare with the golden file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("texts", nargs="*")
    parser.add_argument("--golden", type=Path)
    given = parser.parse_args()
    session = onnxruntime.InferenceSession(given.model, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    told, tokenizer = json.loads(metadata["gatewise"]), Tokenizer.from_str(metadata["tokenizer"])
    tokenizer.encode_special_tokens = True  # a text that spells "[PAD]" is text
    if given.golden:
        golden = json.loads(given.golden.read_text(encoding="utf-8"))
        ids, lengths = padded([ids_of(text, tokenizer, told) for text in golden["texts"]], told)
        assert ids.tolist() == golden["ids"] and lengths.tolist() == golden["lengths"], "the tokens are others"
        difference = np.abs(logits_of(session, ids, lengths, told["vocab_size"]) - golden["logits"]).max()
        assert difference <= golden["tolerance"], f"a logit differs by {difference}"
        print(f"{len(ids)} texts as in the golden file, logits within {difference:.1e}")
    if given.texts:
        ids, lengths = padded([ids_of(text, tokenizer, told) for text in given.texts], told)
        logits = logits_of(session, ids, lengths, told["vocab_size"]).astype(np.float64) / told["temperature"]
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        for row in powers / powers.sum(axis=1, keepdims=True):
            print(f"{told['labels'][row.argmax()]}\t{row.max():.4f}")
        if told["companion_weight"]:
            print("(without the companion, which this file lacks: `gatewise predict` may say a little more or less)")


if __name__ == "__main__":
    main()
