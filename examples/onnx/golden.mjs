// Hold a file that `gatewise export --onnx` wrote to its golden file, in node, without Python.
//
// npm install onnxruntime-web
// node golden.mjs model.onnx model.onnx.golden.json
import { readFile } from "node:fs/promises";
import * as ort from "onnxruntime-web";

const [model, golden] = process.argv.slice(2);
const { ids, lengths, logits, tolerance } = JSON.parse(await readFile(golden, "utf8"));

// The graph takes -1 for the last word and no token for NaN, so what goes in is looked at first.
function checked(ids, lengths) {
  const tokens = ids[0].length;
  if (!ids.every((row) => row.length === tokens && row.every((id) => Number.isInteger(id) && id >= 0))) {
    throw new Error("ids must be rows of one length, of whole numbers from 0");
  }
  if (lengths.length !== ids.length || !lengths.every((n) => Number.isInteger(n) && n >= 1 && n <= tokens)) {
    throw new Error(`lengths must be one a row, from 1 to ${tokens}`);
  }
  const int64 = (numbers, shape) => new ort.Tensor("int64", BigInt64Array.from(numbers, BigInt), shape);
  return { ids: int64(ids.flat(), [ids.length, tokens]), lengths: int64(lengths, [lengths.length]) };
}

ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(await readFile(model));
const found = (await session.run(checked(ids, lengths))).logits.data;
const difference = Math.max(...logits.flat().map((value, place) => Math.abs(value - found[place])));
if (!(difference <= tolerance)) throw new Error(`a logit differs by ${difference}`);
console.log(`${ids.length} texts as in the golden file, logits within ${difference.toExponential(1)}`);
