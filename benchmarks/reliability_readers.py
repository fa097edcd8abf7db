"""Does a file from anywhere end in rows or in one sentence? Damaged files of every format, by the million.

    python benchmarks/reliability_readers.py --count 1000000

Each is a small valid file (CSV and TSV in several dialects, JSON in its forms, Parquet, Feather, Arrow, text lines,
fastText, compressed ones, archives) in which bytes, lines or values were changed, cut, doubled or exchanged. It is
opened and read to its end, with labels and without, now and then with something said of it. An input is the function
of (seed, number) alone. Counted are files read, refusals, tracebacks (anything but a GatewiseError), inputs of
over two seconds and peak memory.
"""

import argparse
import gzip
import io
import json
import lzma
import random
import resource
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

from gatewise.base.errors import GatewiseError
from gatewise.data.reading import read
from tutorial import RESULTS, record

SLOW = 2.0  # seconds
ROWS = [
    ("a fine film, truly", "pos"), ('a "bad"\nfilm; or\tnot', "neg"), ("", "neg"), ("很好看 é", "pos"),
    ("so | so", "0"),
    ("the plot is thin and the cast is weak, but what a music", "neg"), ("fine", "pos"), ("'quoted'", "1"),
]  # fmt: skip
ODD = [
    b'"', b"'", b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"{",
    b"[",
    b"]", b"}", b":", b"\\", b"\\u0000", b"\\ud800", b"NaN", b"null", b"1e999", b"9" * 400, b"-", b" ", b"__label__",
    b"text", b"label", b"sep=;", b"x" * 3000, b'"text"', b"[" * 60, "很".encode(), "é".encode("latin-1"), b"PK\x03\x04",
]  # fmt: skip
SAID: list[dict[str, Any]] = [
    {"header": False}, {"header": True}, {"columns": ("text", "label")}, {"separator": ";"}, {"separator": "tab"},
    {"quoting": "none"}, {"quoting": "minimal"}, {"encoding": "cp1252"}, {"encoding": "gb18030"},
    {"encoding": "utf-16"},
    {"text_column": "text"}, {"label_column": "label"}, {"text_column": "a.b"}, {"skip_unlabelled": True},
    {"text_per": "line"}, {"text_column": "1"},
]  # fmt: skip


def delimited(draw: random.Random) -> bytes:
    """Write rows with some separator, quotes and line end."""
    sign, end = draw.choice([",", ";", "\t", "|"]), draw.choice(["\n", "\r\n", "\r"])
    always = draw.random() < 0.4

    def cell(value: str) -> str:
        return '"' + value.replace('"', '""') + '"' if always or any(mark in value for mark in sign + '"\n') else value

    rows = ([("text", "label")] if draw.random() < 0.8 else []) + draw.sample(ROWS, draw.randrange(1, len(ROWS)))
    text = ("sep=;" + end) * (draw.random() < 0.1) + end.join(sign.join(map(cell, row)) for row in rows) + end
    return text.encode(draw.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16", "gb18030"]), "replace")


def objects(draw: random.Random) -> bytes:
    """Write rows as JSON: lines, an array, or objects of several lines; flat or one inside another."""
    rows: list[Any] = [{"text": text, "label": draw.choice([label, 1, 2.0, True])} for text, label in ROWS]
    if draw.random() < 0.3:
        rows = [{"id": place, "review": row} for place, row in enumerate(rows)]
    kind = draw.randrange(4)
    if kind == 0:
        return json.dumps(rows, indent=draw.choice([None, 1])).encode()
    if kind == 1:
        return "\n".join(json.dumps(row, indent=1) for row in rows).encode()
    return "\n".join(json.dumps(row, ensure_ascii=draw.random() < 0.5) for row in rows).encode()


def lines(draw: random.Random) -> bytes:
    """Write lines: texts, fastText's, or values with tabs between them."""
    form = draw.choice(["{0}", "__label__{1} {0}", "{1}\t{0}"])
    return "\n".join(form.format(text.replace("\n", " ").replace("\t", " "), label) for text, label in ROWS).encode()


def arrow(draw: random.Random, suffix: str) -> bytes:
    """Write rows as Parquet, Feather or a stream of Arrow's."""
    texts, labels = [text for text, _ in ROWS], [label for _, label in ROWS]
    columns: dict[str, Any] = {"text": texts, "label": draw.choice([labels, list(range(8)), [1.0, None] * 4])}
    if draw.random() < 0.5:
        columns |= {"when": pa.array(range(8), pa.timestamp("ns")), "inner": [{"a": "b"}] * 8}
    table, out = pa.table(columns), io.BytesIO()
    if suffix == ".parquet":
        pq.write_table(table, out, compression=draw.choice(["none", "snappy", "gzip", "zstd"]))
    elif suffix == ".feather":
        feather.write_feather(table, out, compression=draw.choice(["uncompressed", "lz4", "zstd"]))
    else:
        with pa.ipc.new_stream(out, table.schema) as stream:
            stream.write_table(table)
    return out.getvalue()


def archive(draw: random.Random, suffix: str) -> bytes:
    """Write a .zip of tables, or an archive of reviews."""
    out = io.BytesIO()
    if suffix == ".zip":
        with zipfile.ZipFile(out, "w", draw.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as zipped:
            for name in draw.choice([["data.csv"], ["train.csv", "test.csv"], ["a.jsonl", "readme.txt"]]):
                zipped.writestr(name, changed(draw, objects(draw) if name.endswith("l") else delimited(draw)))
        return out.getvalue()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for place, (text, _) in enumerate(ROWS):
            member = tarfile.TarInfo(
                f"aclImdb/{draw.choice(['train', 'test'])}/{draw.choice(['pos', 'neg'])}/{place}_9.txt"
            )
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(changed(draw, out.getvalue()) if draw.random() < 0.7 else out.getvalue(), 1)


def changed(draw: random.Random, data: bytes) -> bytes:
    """Change a few places: put something odd in, take something out, double or exchange pieces, cut the end."""
    content = bytearray(data)
    for _ in range(draw.choice([1, 1, 1, 2, 4])):
        if not content:
            break
        place, other = draw.randrange(len(content)), draw.randrange(len(content))
        kind, piece = draw.randrange(6), content[other : other + draw.choice([1, 8, 60])]
        if kind == 0:
            content[place:place] = draw.choice(ODD)
        elif kind == 1:
            content[place : place + len(piece)] = draw.choice(ODD)
        elif kind == 2:
            content[place] = draw.randrange(256)
        elif kind == 3:
            del content[place : place + draw.choice([1, 4, 40])]
        elif kind == 4:
            content[place:place] = piece * draw.choice([1, 2, 30])
        else:
            del content[place:]
    return bytes(content)


def damaged(draw: random.Random) -> tuple[str, bytes]:
    """Give a file's name, with the ending of its format, and its content."""
    often = [".csv"] * 5 + [".tsv"] * 4 + [".txt", ".json", ".jsonl"] * 3 + [".parquet"] * 2
    suffix = draw.choice([*often, ".feather", ".arrow", ".zip", ".tar.gz", ".csv.gz", ".csv.xz"])
    if suffix in (".parquet", ".feather", ".arrow"):
        content = arrow(draw, suffix)
    elif suffix in (".zip", ".tar.gz"):
        content = archive(draw, suffix)
    elif suffix.startswith(".json"):
        content = objects(draw)
    else:
        content = lines(draw) if suffix == ".txt" else delimited(draw)
    if suffix == ".csv.gz":
        content = gzip.compress(changed(draw, content), 1)
    elif suffix == ".csv.xz":
        content = lzma.compress(changed(draw, content), preset=0)
    inside = suffix in (".csv.gz", ".csv.xz", ".zip", ".tar.gz") and draw.random() < 0.7
    return f"data{suffix}", content if inside else changed(draw, content)


def outcome(draw: random.Random, path: Path) -> str:
    """Read a file to its end: "read", "refused", or the name of what else came."""
    said = draw.choice(SAID) if draw.random() < 0.3 else {}
    try:
        dataset = read(path, labels=draw.random() < 0.5, **said)
        for part in (dataset.train, dataset.dev, dataset.test, dataset.unlabelled):
            for batch in part.batches() if part else ():
                for example in batch:
                    example.text.encode()
        return "read"
    except GatewiseError as error:
        long = len(str(error).replace(str(path.parent), "")) > 600
        return "a message of over 600 characters" if long or "\n" in str(error) else "refused"
    except Exception as error:  # what is counted here is just that nothing else comes
        return type(error).__name__


def main() -> None:
    """Damage files, read them, print the table and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="The number of the first file; with --count 1, one again.")
    parser.add_argument("--json", type=Path, default=RESULTS / "reliability_readers.json")
    options = parser.parse_args()
    counts: dict[str, Counter[str]] = {}
    faults: list[str] = []
    slowest, started = 0.0, time.perf_counter()
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as place:
        for number in range(options.first, options.first + options.count):
            draw = random.Random(f"{options.seed} {number}")
            name, content = damaged(draw)
            path = Path(place) / name
            path.write_bytes(content)
            begun = time.perf_counter()
            result = outcome(draw, path)
            seconds = time.perf_counter() - begun
            path.unlink()
            slowest = max(slowest, seconds)
            if result not in ("read", "refused") or seconds > SLOW:
                faults.append(f"{number}: {name}, {result}, {seconds:.2f} s")
                print(faults[-1], flush=True)
            kind = "slow" if seconds > SLOW else result if result in ("read", "refused") else "traceback"
            counts.setdefault(name.removeprefix("data"), Counter())[kind] += 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    total = sum(counts.values(), Counter())
    print(f"{'format':10}{'read':>10}{'refused':>10}{'traceback':>10}{'slow':>6}")
    for suffix, count in [*sorted(counts.items()), ("all", total)]:
        print(f"{suffix:10}{count['read']:10,}{count['refused']:10,}{count['traceback']:10}{count['slow']:6}")
    minutes = (time.perf_counter() - started) / 60
    print(f"slowest {slowest:.2f} s, peak {peak:,.0f} MB, {minutes:.1f} minutes")
    report = record("reliability_readers", 1, ["pyarrow", "gatewise"])
    report |= {"count": options.count, "outcomes": {name: dict(one) for name, one in sorted(counts.items())}}
    report |= {"faults": faults[:100], "slowest_seconds": round(slowest, 2), "peak_mb": round(peak)}
    options.json.write_text(json.dumps(report | {"minutes": round(minutes, 1)}, indent=1) + "\n")


if __name__ == "__main__":
    main()
