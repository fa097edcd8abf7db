"""Is an LSTM-CRF worth it? Entities, chunks, parts of speech and Chinese, against python-crfsuite in the same run.

    GATEWISE_DATA=... python benchmarks/tagging.py --seeds 1 2 3

The peer reads "rich" features (word, small letters, shape, beginnings and endings of 1 to 4 letters, small letters and
shapes two words around, two bigrams) or, for Chinese, "zh" (characters two around, bigrams, a trigram, kinds of
characters), and no part of speech; L-BFGS, c1 = c2 = 0.1, 100 iterations (60 for the chunks). Features count in the
seconds of both, and so do our looks at the dev part. Seconds are those of the CPU, one thread. Every recipe was chosen
on dev parts; the test part is read once a row, for the figure shown. With --dev it is not read at all.

--peer-python names an interpreter that has python-crfsuite, where this one has not.
"""

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Rows = tuple[list[list[str]], list[list[str]]]  # tokens and tags of sentences
RESULTS = Path(__file__).parent / "results"
LABELS, ENCODER = "labels alone", "from reviews-en"
PEER = "python-crfsuite"

# ------------------------------------------------------------------------------------------------ the peer, alone


def shape(word: str) -> str:
    """Give a word's kinds of characters, a run of one as one."""
    kinds = ("X" if c.isupper() else "x" if c.islower() else "d" if c.isdigit() else c for c in word)
    return re.sub(r"(.)\1+", r"\1", "".join(kinds))


def rich(words: list[str]) -> list[list[str]]:
    """Give each word's features."""
    small, shapes, rows = [word.lower() for word in words], [shape(word) for word in words], []
    for at, word in enumerate(words):
        row = ["bias", f"w={word}", f"l={small[at]}", f"s={shapes[at]}"]
        for size in (1, 2, 3, 4):
            row += [f"p{size}={word[:size]}", f"e{size}={word[-size:]}"]
        for place in (-2, -1, 1, 2):
            if 0 <= at + place < len(words):
                row += [f"l{place}={small[at + place]}", f"s{place}={shapes[at + place]}"]
            else:
                row.append(f"border{place}")
        before, behind = (small[at - 1] if at else "<s>"), (small[at + 1] if at + 1 < len(words) else "</s>")
        rows.append([*row, f"b-={before}|{small[at]}", f"b+={small[at]}|{behind}"])
    return rows


def zh(letters: list[str]) -> list[list[str]]:
    """Give each Chinese character's features."""
    kinds = [
        "d" if c.isdigit() else "a" if c.isascii() and c.isalpha() else "h" if "一" <= c <= "鿿" else "p"
        for c in letters
    ]  # fmt: skip
    given, kinds = ["<s>", "<s>", *letters, "</s>", "</s>"], ["#", "#", *kinds, "#", "#"]
    rows = []
    for at in range(2, len(letters) + 2):
        row = ["bias", *(f"c{place}={given[at + place]}" for place in range(-2, 3))]
        row += [f"b{place}={given[at + place]}{given[at + place + 1]}" for place in range(-2, 2)]
        row += [f"bs={given[at - 1]}{given[at + 1]}", f"t={given[at - 1]}{given[at]}{given[at + 1]}"]
        rows.append([*row, f"k={kinds[at]}", f"kk={kinds[at - 1]}{kinds[at]}{kinds[at + 1]}"])
    return rows


def peer(path: Path) -> None:
    """Train and ask the peer; runs in an interpreter of its own, on a file of sentences, which it answers there."""
    import pycrfsuite

    given = json.loads(path.read_text())
    features = {"rich": rich, "zh": zh}[given["kind"]]
    started = time.process_time()
    trainer = pycrfsuite.Trainer(verbose=False)
    for tokens, tags in zip(*given["train"], strict=True):
        trainer.append(features(tokens), tags)
    trainer.set_params({"c1": 0.1, "c2": 0.1, "max_iterations": given["iterations"]})
    model = str(path.with_suffix(".crfsuite"))
    trainer.train(model)
    seconds = time.process_time() - started
    tagger = pycrfsuite.Tagger()
    tagger.open(model)
    started = time.process_time()
    answers = [tagger.tag(features(tokens)) for tokens in given["asked"]]
    speed = sum(map(len, given["asked"])) / (time.process_time() - started)
    path.write_text(json.dumps({"seconds": seconds, "speed": speed, "answers": answers}))


# ---------------------------------------------------------------------------------------------------- data sets


def columns(path: Path, *, numbered: bool = False) -> Rows:
    """Read CoNLL columns, token first and tag last; of `numbered` tokens the last digit is left out (Weibo)."""
    tokens: list[list[str]] = [[]]
    tags: list[list[str]] = [[]]
    for line in [*path.read_text(encoding="utf-8").split("\n"), ""]:
        fields = line.split("\t") if "\t" in line else line.split()
        if not fields:
            tokens.append([])
            tags.append([])
        elif fields[0] != "-DOCSTART-":
            tokens[-1].append(fields[0][:-1] if numbered and len(fields[0]) > 1 else fields[0])
            tags[-1].append(fields[-1])
    kept = [place for place, sentence in enumerate(tokens) if sentence]
    return [tokens[place] for place in kept], [tags[place] for place in kept]


def treebank(path: Path, *, segmented: bool = False) -> Rows:
    """Read CoNLL-U: words and their UPOS, or characters and where words begin and end."""
    tokens: list[list[str]] = [[]]
    tags: list[list[str]] = [[]]
    for line in [*path.read_text(encoding="utf-8").split("\n"), ""]:
        fields = line.split("\t")
        if not line:
            tokens.append([])
            tags.append([])
        elif fields[0].isdecimal():
            word = fields[1]
            tokens[-1] += [*word] if segmented else [word]
            if segmented:
                tags[-1] += ["S"] if len(word) == 1 else ["B", *["M"] * (len(word) - 2), "E"]
            else:
                tags[-1].append(fields[3])
    kept = [place for place, sentence in enumerate(tokens) if sentence]
    return [tokens[place] for place in kept], [tags[place] for place in kept]


def parts_of(name: str, folder: Path) -> tuple[Rows, Rows, Rows]:
    """Give a data set's training, dev and test part."""
    if name.startswith("conll2003"):
        train, dev, test = (columns(folder / "conll2003" / part) for part in ("eng.train", "eng.testa", "eng.testb"))
        if name == "conll2003-2000":
            rows = list(zip(*train, strict=True))
            random.Random(0).shuffle(rows)
            train = [tokens for tokens, _ in rows[:2000]], [tags for _, tags in rows[:2000]]
        return train, dev, test
    if name == "conll2000":  # no dev part: the last tenth of the training part
        tokens, tags = columns(folder / name / "train.txt")
        cut = len(tokens) * 9 // 10
        return (tokens[:cut], tags[:cut]), (tokens[cut:], tags[cut:]), columns(folder / name / "test.txt")
    if name == "resume":
        return tuple(columns(folder / name / f"{part}.char.bmes") for part in ("train", "dev", "test"))
    if name == "weibo":
        places = (folder / name / f"weiboNER_2nd_conll.{part}" for part in ("train", "dev", "test"))
        return tuple(columns(place, numbered=True) for place in places)
    places = (folder / name / f"{part}.conllu" for part in ("train", "dev", "test"))
    return tuple(treebank(place, segmented=name == "ud_zh") for place in places)


SETS = {  # the peer's features and iterations, and our systems
    "conll2003": ("rich", 100, (LABELS, ENCODER)), "conll2003-2000": ("rich", 100, (LABELS, ENCODER)),
    "conll2000": ("rich", 60, (LABELS, ENCODER)), "ud_ewt": ("rich", 100, (LABELS, ENCODER)),
    "resume": ("zh", 100, (LABELS,)), "weibo": ("zh", 100, (LABELS,)), "ud_zh": ("zh", 100, (LABELS,)),
}  # fmt: skip
RECIPES: dict[str, dict[str, Any]] = {  # chosen on dev parts; what is not named is the default
    "conll2003": {"epochs": 3, "feature_count": 2},
    "conll2003-2000": {"epochs": 6, "batch_texts": 8, "feature_count": 2},
    "conll2000": {"epochs": 4, "feature_count": 2},
    "ud_ewt": {"epochs": 4, "feature_count": 2},
    "resume": {"epochs": 4},
    "weibo": {"epochs": 4, "batch_texts": 8},
    "ud_zh": {"epochs": 4},
}


# ------------------------------------------------------------------------------------------------------ measuring


def figure(gold: list[list[str]], found: list[list[str]], *, spans: bool) -> float:
    """Give the F1 of spans, or the accuracy of plain labels."""
    from gatewise.runtime.spans import spans_of

    if not spans:
        pairs = [pair for one, other in zip(gold, found, strict=True) for pair in zip(one, other, strict=True)]
        return sum(one == other for one, other in pairs) / len(pairs)
    right = both = 0
    for one, other in zip(gold, found, strict=True):
        truth, own = {*spans_of(one)}, {*spans_of(other)}
        right += len(truth & own)
        both += len(truth) + len(own)
    return 2 * right / both


def run_peer(name: str, parts: dict[str, Rows], asked: list[list[str]], python: str) -> dict[str, Any]:
    """Run the peer on a data set's training part; give its seconds, speed and answers."""
    kind, iterations, _ = SETS[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "peer.json"
        content = {"kind": kind, "iterations": iterations, "train": parts["train"], "asked": asked}
        path.write_text(json.dumps(content))
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        subprocess.run([python, __file__, "--peer", str(path)], check=True, env=environment)
        return json.loads(path.read_text())


def run_ours(name: str, system: str, parts: dict[str, Rows], seed: int, given: dict[str, Any]) -> dict[str, Any]:
    """Train and ask a tagger of ours; give its seconds, speed, answers and how sure it was of each span."""
    from gatewise.data.tagged import TaggedDataset, tagged_from_lists
    from gatewise.tasks.tag.fit import encoder_for, fit
    from gatewise.tasks.tag.prepare import prepare
    from gatewise.tasks.tag.settings import TagSettings
    from gatewise.training.session import Session

    values = RECIPES.get(name, {}) | {"pretrained": "reviews-en" if system == ENCODER else ""} | given
    settings = TagSettings().replace(**values, seed=seed, threads=1, precision="float32", sharing="texts")
    train, dev = (tagged_from_lists(*parts[part], name=part) for part in ("train", "dev"))
    started = time.process_time()
    encoder = encoder_for(settings)
    prepared = prepare(TaggedDataset(name, train, dev, scheme=train.scheme.name), settings, encoder)
    model, figures = fit(prepared, settings, Session(report=lambda event: None), encoder)
    seconds = time.process_time() - started
    asked = parts["asked"][0]
    started = time.process_time()
    answers = model.predict(asked)
    speed = sum(map(len, asked)) / (time.process_time() - started)
    sure = [[(*found.span, found.probability) for found in one.found] for one in model.tag(asked)]
    return {"seconds": seconds, "speed": speed, "answers": answers, "sure": sure, "dev": figures.as_dict()}


def calibration(gold: list[list[str]], sure: list[list[tuple[int, int, str, float]]], *, spans: bool) -> float:
    """Give the calibration error of spans, in ten bins of equal width."""
    import numpy as np

    from gatewise.runtime.spans import spans_of
    from gatewise.tasks.tag.calibrate import calibration_error

    said, right = [], []
    for tags, found in zip(gold, sure, strict=True):
        truth = {*spans_of(tags)} if spans else {(at, at + 1, tag) for at, tag in enumerate(tags)}
        said += [probability for *_, probability in found]
        right += [(start, end, label) in truth for start, end, label, _ in found]
    return calibration_error(np.array(said), np.array(right))


def compare(name: str, options: argparse.Namespace, given: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Run peer and systems on a data set, and give a line each."""
    from gatewise.data.tagged import tagged_from_lists

    raw = dict(zip(("train", "dev", "test"), parts_of(name, options.data), strict=True))
    asked = raw["dev" if options.dev else "test"]
    part = tagged_from_lists(*asked, name="asked")
    spans, gold = bool(part.scheme.name), [list(sentence.tags or ()) for sentence in part.sentences()]
    rows = raw | {"asked": asked}
    if not options.no_peer:
        found = run_peer(name, raw, asked[0], options.peer_python)
        value = figure(gold, found["answers"], spans=spans)
        yield PEER, {"figure": [value], "seconds": [found["seconds"]], "speed": [found["speed"]]}
    for system in SETS[name][2]:
        if options.only and system not in options.only:
            continue
        line: dict[str, Any] = {"figure": [], "dev": [], "seconds": [], "speed": [], "ece": []}
        for seed in options.seeds:
            found = run_ours(name, system, rows, seed, given)
            line["figure"].append(figure(gold, found["answers"], spans=spans))
            line["ece"].append(calibration(gold, found["sure"], spans=spans))
            line["dev"].append(found["dev"]["f1"])
            line["seconds"].append(found["seconds"])
            line["speed"].append(found["speed"])
        yield system, line


def main() -> None:
    """Print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = os.environ.get("GATEWISE_DATA", "")
    parser.add_argument("--data", type=Path, default=Path(data) / "tagging", help="the folder with conll2003, ...")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--only", nargs="+", choices=[LABELS, ENCODER])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--dev", action="store_true", help="ask about the dev part, and leave the test part closed")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings to change, for ablations")
    parser.add_argument("--json", type=Path, default=RESULTS / "tagging.json")
    parser.add_argument("--peer", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        peer(options.peer)
        return
    from tutorial import record

    given = {name: json.loads(value) for name, value in (pair.split("=", 1) for pair in options.set)}
    written = json.loads(options.json.read_text())["sets"] if options.json.is_file() else {}
    for name in options.sets:
        base = None
        for system, line in compare(name, options, given):
            mean = {key: statistics.mean(values) for key, values in line.items()}
            base = base or mean
            print(
                f"{name:15} {system:16} {100 * mean['figure']:6.2f}  dev {100 * mean.get('dev', 0):6.2f}  "
                f"{mean['seconds']:6.1f} s ({mean['seconds'] / base['seconds']:.2f}x)  {mean['speed']:8,.0f} tokens/s  "
                f"ece {mean.get('ece', 0):.3f}",
                flush=True,
            )
            written.setdefault(name, {})[system] = line
        options.json.parent.mkdir(exist_ok=True)
        head = record("tagging", 1, ["torch", "numpy", "gatewise"])
        options.json.write_text(json.dumps(head | {"sets": written}, indent=1))


if __name__ == "__main__":
    main()
