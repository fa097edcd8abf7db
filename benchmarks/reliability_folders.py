"""Does a model folder from anywhere end in an answer or in one sentence? Damaged folders by the hundred thousand.

    python benchmarks/reliability_folders.py --count 100000

Each is one of the project's tiny folders (`tests/fixtures/before`) in which something was changed: values, types and
keys of config.json and tokenizer.json, the header or the numbers of the weights, or bytes of any file. What loads
must answer and explain. All in one process; an input is the function of (seed, number) alone, and one that takes over
a minute ends the process. Counted are refusals, answers, tracebacks (anything but a GatewiseError), inputs of over
two seconds, and peak memory; what a library prints of its own panics shows beside the table.
"""

import argparse
import copy
import faulthandler
import json
import random
import resource
import shutil
import struct
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from gatewise.base.errors import GatewiseError, ModelError
from gatewise.base.text import json_text
from gatewise.explanation.shares import METHODS, explain
from gatewise.explanation.story import setting, story
from gatewise.pages.explain import explanation as page
from gatewise.runtime.cards import card, encoder_card
from gatewise.runtime.folder import CONFIG, TOKENIZER, WEIGHTS, load, load_encoder
from tutorial import RESULTS, record

FOLDERS = Path(__file__).parent.parent / "tests" / "fixtures" / "before"
TEXTS = [
    "a good film",
    "Dull.",
    "",
    "unheard 很好 \ud800",
    "the weak story, 3/10 <br /> it's " * 20,
    "\u0130 \x00 👍🏽",
]
ODD: list[Any] = [
    None, True, False, 0, 1, -1, 2, 7, 255, 256, 2**31, 2**63, 10**30, 0.0, -0.0, 0.5, 1e-300, 1e300, float("nan"),
    float("inf"), "", "a", "[PAD]", "[UNK]", "NaN", "0", "é", "\ud800", "x" * 300, "\n\x1b[2J", [], {}, [[]], [0],
    ["a"],    {"a": 1}, {"type": "Lowercase"}, {"type": "NFC"}, {"type": "ByteLevel"}, {"type": "Whitespace"},
]  # fmt: skip
SLOW = 2.0  # seconds


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the paths to every value inside a value; of a long mapping or list only some."""
    inner = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else [])
    kept = inner if len(inner) < 60 else inner[:20] + inner[-20:]
    return [found for name, item in kept for found in [(*path, name), *places(item, (*path, name))]]


def changed(draw: random.Random, content: Any) -> Any:
    """Change a few values, types, keys or their order somewhere inside JSON content, in place."""
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        *path, last = draw.choice(places(content) or [(None,)])
        if last is None:
            return copy.deepcopy(draw.choice(ODD))
        around = content
        for name in path:
            around = around[name]
        value, kind = around[last], draw.randrange(8)
        if kind == 0 and isinstance(around, dict):
            del around[last]
        elif kind == 1 and isinstance(around, dict):
            around[draw.choice(["more", "type", "vocab", "n", "test", "dev", last + "s"])] = copy.deepcopy(
                draw.choice(ODD)
            )
        elif kind == 2:
            around[last] = [value] if draw.random() < 0.5 else {"value": value}
        elif kind == 3 and isinstance(value, list):
            around[last] = draw.choice([value[::-1], value * 2, value[:-1], value[1:]])
        elif kind in (3, 4) and type(value) in (int, float) and abs(value) < 1e300:
            around[last] = draw.choice(
                [value + 1, -value, value * 1000, value / 3, str(value), float(value), int(value)]
            )
        elif kind == 5 and isinstance(around, dict) and len(around) > 1:
            other = draw.choice(list(around))
            around[last], around[other] = around[other], value
        else:
            around[last] = copy.deepcopy(draw.choice(ODD))
    return content


def json_changed(draw: random.Random, data: bytes) -> bytes:
    """Change JSON inside its structure; now and then a key stands twice, or a number has many digits."""
    text = json.dumps(changed(draw, json.loads(data)), ensure_ascii=draw.random() < 0.5)
    if draw.random() < 0.03:
        text = text.replace(": 1", f": {'1' * draw.choice([20, 400, 5000])}", 1)
    if draw.random() < 0.03:
        text = text.replace("{", '{"format": 1, ', 1)
    return text.encode("utf-8", "surrogatepass" if draw.random() < 0.5 else "replace")


def weights_changed(draw: random.Random, data: bytes) -> bytes:
    """Change a header of safetensors inside its structure, or the numbers after it, whole tensors among them."""
    size = struct.unpack("<Q", data[:8])[0]
    header, numbers = json.loads(data[8 : 8 + size]), bytearray(data[8 + size :])
    if draw.random() < 0.4:
        raw = json.dumps(changed(draw, header)).encode()
        raw += b" " * (-len(raw) % 8 if draw.random() < 0.8 else 0)
        told = len(raw) if draw.random() < 0.9 else draw.choice([0, 2**63, len(raw) + 8, len(data), 2**24 + 1])
        return struct.pack("<Q", told) + raw + numbers
    entries = [entry for name, entry in header.items() if name != "__metadata__"]
    for _ in range(draw.choice([1, 1, 2, 5])):
        entry = draw.choice(entries)
        begin, end = entry["data_offsets"]
        dtype = {"F32": np.float32, "F16": np.float16, "I8": np.int8}[entry["dtype"]]
        array = np.frombuffer(bytes(numbers[begin:end]), dtype).copy()
        odd = [0, -1, 127, -128] if dtype is np.int8 else [0, 1e-40, 1e-6, 1, 100, 6e4, 9e5, -9e5, 3e38, np.inf, np.nan]
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if draw.random() < 0.5:  # some numbers, or all of them
                array[[draw.randrange(len(array)) for _ in range(draw.choice([1, 3, 50]))]] = draw.choice(odd)
            else:
                array = (array.astype(np.float64) * draw.choice([0, -1, 10, 1000, 1e5])).astype(dtype)
        numbers[begin:end] = array.tobytes()
    return data[: 8 + size] + bytes(numbers)


def bytes_changed(draw: random.Random, data: bytes) -> bytes:
    """Flip, cut, repeat or insert some bytes, mostly in front, where the meaning is."""
    content = bytearray(data)
    for _ in range(draw.choice([1, 1, 2, 8])):
        place = draw.randrange(min(len(content), 600) if draw.random() < 0.7 else len(content)) if content else 0
        kind = draw.randrange(6)
        if kind < 3:
            content[place : place + 1] = [draw.choice([draw.randrange(256), *b'0123456789"{}[],:-e'])]
        elif kind == 3:
            content[place:place] = draw.choice(
                [b'"', b"{", b"[" * 40, b"\\u0000", b"\xff", content[place : place + 30]]
            )
        elif kind == 4:
            del content[place : place + draw.choice([1, 2, 30])]
        else:
            del content[place + 1 :]
    return bytes(content)


def damaged(draw: random.Random, folder: Path) -> tuple[str, str]:
    """Write one damaged folder; give the tiny folder it was made of, and what was done to it."""
    source = draw.choice(sorted(path for path in FOLDERS.iterdir() if path.is_dir()))
    files = {name: (source / name).read_bytes() for name in (CONFIG, TOKENIZER, WEIGHTS)}
    name = draw.choice([CONFIG, CONFIG, TOKENIZER, TOKENIZER, WEIGHTS, WEIGHTS])
    if draw.random() < 0.2:
        kind, change = "bytes", bytes_changed
    else:
        kind, change = ("numbers", weights_changed) if name == WEIGHTS else ("values", json_changed)
    files[name] = change(draw, files[name])
    for written, data in files.items():
        (folder / written).write_bytes(data)
    return source.name, f"{kind} of {name}"


def asked(draw: random.Random, folder: Path, encoder: bool) -> None:
    """Load a folder and ask it everything that a user would; raise what it raises."""
    if encoder:
        encoder_card(load_encoder(folder), "e")
        return
    model = load(folder)
    for prediction in model.stream(TEXTS):
        json.loads(json_text(prediction.probabilities), parse_constant=refused_constant)
        if not 0 <= prediction.probability <= 1:
            raise ValueError(f"a probability of {prediction.probability}")
    text = draw.choice(TEXTS[3:])
    explanation = explain(model, text, method=draw.choice(list(METHODS)))
    explanation.lines()
    json.dumps(explanation.as_dict(), allow_nan=False)
    card(model, "m")
    if draw.random() < 0.05:
        page(setting(model), story(model, text), "m")


def refused_constant(name: str) -> None:
    raise ValueError(f"{name} in JSON")


def main() -> None:
    """Damage folders, ask them, print the table and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--first", type=int, default=0, help="The number of the first folder; with --count 1, one again."
    )
    parser.add_argument("--json", type=Path, default=RESULTS / "reliability_folders.json")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of NumPy, where foreign weights overflow
    counts: dict[str, Counter[str]] = {}
    faults: list[dict[str, Any]] = []
    slowest, started = 0.0, time.perf_counter()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as made:
        folder = Path(made) / "folder"
        for number in range(options.first, options.first + options.count):
            draw = random.Random(f"{options.seed} {number}")
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            source, kind = damaged(draw, folder)
            began = time.perf_counter()
            faulthandler.dump_traceback_later(60, exit=True)
            try:
                asked(draw, folder, source.startswith("encoder"))
                outcome = "answered"
            except ModelError as error:
                outcome = "refused"
                if "\n" in str(error) or not str(error).isprintable() or len(str(error)) > 700:
                    outcome, told = "a message of several lines, or too long", str(error)
            except GatewiseError as error:
                outcome, told = "another error", str(error)
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt | SystemExit):
                    raise
                outcome, told = "traceback", f"{type(error).__name__}: {error}"[:300]
            faulthandler.cancel_dump_traceback_later()
            seconds = time.perf_counter() - began
            slowest = max(slowest, seconds)
            counts.setdefault(kind, Counter())[outcome] += 1
            if seconds > SLOW:
                counts[kind]["over two seconds"] += 1
                faults.append({"number": number, "kind": kind, "seconds": round(seconds, 1)})
            if outcome not in ("answered", "refused"):
                faults.append({"number": number, "kind": kind, "outcome": outcome, "error": told})
                print(faults[-1], flush=True)
            if number % 10_000 == 0:
                print(f"{number} folders, {time.perf_counter() - started:.0f} s", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for kind, outcomes in sorted(counts.items()):
        print(f"{kind:28}", ", ".join(f"{outcome} {count:,}" for outcome, count in sorted(outcomes.items())))
    print(f"slowest {slowest:.2f} s, peak {peak:.0f} MB, faults {len(faults)}")
    found: dict[str, Any] = {"count": options.count, "seed": options.seed, "faults": faults[:100]}
    found["outcomes"] = {kind: dict(sorted(outcomes.items())) for kind, outcomes in sorted(counts.items())}
    found |= {"slowest_seconds": round(slowest, 2), "peak_mb": round(peak)}
    found["seconds"] = round(time.perf_counter() - started)
    head = record("reliability_folders", 1, ["numpy", "tokenizers", "safetensors", "gatewise"])
    options.json.write_text(json.dumps(head | found, indent=1) + "\n")


if __name__ == "__main__":
    main()
