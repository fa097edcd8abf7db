"""Is an LSTM-CRF worth it? Entities, chunks, parts of speech and Chinese, against python-crfsuite in the same run.

    GATEWISE_DATA=... python benchmarks/tagging.py --seeds 1 2 3
    GATEWISE_DATA=... python benchmarks/tagging.py --ablation --sets conll2003-2000 weibo
    GATEWISE_DATA=... python benchmarks/tagging.py --speed --spacy --sets conll2003-2000 resume

The peer reads "rich" features (word, small letters, shape, beginnings and endings of 1 to 4 letters, small letters and
shapes two words around, two bigrams) or, for Chinese, "zh" (characters two around, bigrams, a trigram, kinds of
characters), and no part of speech; L-BFGS, c1 = c2 = 0.1, 100 iterations (60 for the chunks). Features count in the
seconds of both, and so do our looks at the dev part. Seconds are those of the CPU, one thread. Every recipe was chosen
on dev parts; the test part is read once a row and seed, for the figure shown. With --dev it is not read at all, and
--ablation, which turns the ingredients off one by one, never reads it. Speeds are from tokens to tags, the best of five
readings of what is asked; --speed is for them alone, with models that are hardly trained.

Each row is written as it is done, the first seed of all sets before the second of any; a run that was cut goes on where
it was, and --again measures anew. --spacy adds a blank pipeline of spaCy's for entities, ten passes, on given tokens.
--peer-python names an interpreter that has python-crfsuite (and spaCy), where this one has not.
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

Rows = tuple[list[list[str]], list[list[str]]]  # tokens and tags of sentences
RESULTS = Path(__file__).parent / "results"
LABELS, ENCODER, ENCODER_ZH = "labels alone", "from reviews-en", "from reviews-zh"
PRETRAINED = {LABELS: "", ENCODER: "reviews-en", ENCODER_ZH: "reviews-zh"}
PEER, SPACY = "python-crfsuite", "spaCy, blank"

Answers = list[list[str]]


def timed(answer: Callable[[], Answers], tokens: int) -> tuple[Answers, float]:
    """Ask five times; give the answers and the most tokens a second of the CPU's."""
    best, answers = 0.0, []
    for _ in range(5):
        started = time.process_time()
        answers = answer()
        best = max(best, tokens / (time.process_time() - started))
    return answers, best


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
    """Train and ask a peer; runs in an interpreter of its own, on a file of sentences, which it answers there."""
    given = json.loads(path.read_text())
    if given["kind"] == "spacy":
        spacy_peer(given, path)
        return
    features = {"rich": rich, "zh": zh}[given["kind"]]
    import pycrfsuite

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
    asked = given["asked"]
    answers, speed = timed(lambda: [tagger.tag(features(tokens)) for tokens in asked], sum(map(len, asked)))
    path.write_text(json.dumps({"seconds": seconds, "speed": speed, "answers": answers}))


def spacy_peer(given: dict[str, Any], path: Path) -> None:
    """Train and ask a blank pipeline of spaCy's, with spans in BILUO; ten passes, batches of 32."""
    import spacy
    from spacy.tokens import Doc
    from spacy.training import Example

    spacy.util.fix_random_seed(1)
    pipeline = spacy.blank("en")
    pipeline.add_pipe("ner")
    started = time.process_time()
    examples = [
        Example.from_dict(Doc(pipeline.vocab, words=tokens), {"entities": tags})
        for tokens, tags in zip(*given["train"], strict=True)
    ]
    optimizer = pipeline.initialize(lambda: examples)
    for _ in range(given["iterations"]):
        random.Random(1).shuffle(examples)
        for batch in spacy.util.minibatch(examples, 32):
            pipeline.update(batch, sgd=optimizer, drop=0.1)
    seconds = time.process_time() - started
    asked = given["asked"]

    def answer() -> Answers:
        documents = pipeline.pipe((Doc(pipeline.vocab, words=tokens) for tokens in asked), batch_size=256)
        return [[f"{one.ent_iob_}-{one.ent_type_}" if one.ent_type_ else "O" for one in each] for each in documents]

    answers, speed = timed(answer, sum(map(len, asked)))
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
    "resume": ("zh", 100, (LABELS,)), "weibo": ("zh", 100, (ENCODER_ZH, LABELS)), "ud_zh": ("zh", 100, (LABELS,)),
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


def run_peer(name: str, system: str, parts: dict[str, Rows], python: str, passes: int | None = None) -> dict[str, Any]:
    """Run a peer on a data set's training part; give its seconds, speed and answers."""
    kind, iterations, _ = SETS[name]
    train, asked = parts["train"], parts["asked"][0]
    if system == SPACY:
        from gatewise.data.tagged import tagged_from_lists

        bilou = str.maketrans("BIES", "BILU")
        part = tagged_from_lists(*train, name="train").sentences()
        train = train[0], [[tag[0].translate(bilou) + tag[1:] for tag in sentence.tags or ()] for sentence in part]
        kind, iterations = "spacy", 10
    iterations = passes or iterations
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "peer.json"
        content = {"kind": kind, "iterations": iterations, "train": train, "asked": asked}
        path.write_text(json.dumps(content))
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        subprocess.run([python, __file__, "--peer", str(path)], check=True, env=environment)
        return json.loads(path.read_text())


def run_ours(name: str, system: str, parts: dict[str, Rows], seed: int, given: dict[str, Any]) -> dict[str, Any]:
    """Train a tagger of ours and, where a part is asked about, ask it; give its seconds, figures on dev and answers."""
    from gatewise.data.tagged import TaggedDataset, tagged_from_lists
    from gatewise.tasks.tag.fit import encoder_for, fit
    from gatewise.tasks.tag.prepare import prepare
    from gatewise.tasks.tag.settings import TagSettings
    from gatewise.training.session import Session

    values = RECIPES.get(name, {}) | {"pretrained": PRETRAINED[system]} | given
    settings = TagSettings().replace(**values, seed=seed, threads=1, precision="float32", sharing="texts")
    train, dev = (tagged_from_lists(*parts[part], name=part) for part in ("train", "dev"))
    started = time.process_time()
    encoder = encoder_for(settings)
    prepared = prepare(TaggedDataset(name, train, dev, scheme=train.scheme.name), settings, encoder)
    model, figures = fit(prepared, settings, Session(report=lambda event: None), encoder)
    found = {"seconds": time.process_time() - started, "dev": figures.as_dict()}
    if "asked" in parts:
        asked = parts["asked"][0]
        found["answers"], found["speed"] = timed(lambda: model.predict(asked), sum(map(len, asked)))
        found["sure"] = [[(*one.span, one.probability) for one in answer.found] for answer in model.tag(asked)]
    return found


def calibration(
    gold: list[list[str]], sure: list[list[tuple[int, int, str, float]]], *, spans: bool
) -> tuple[float, float]:
    """Give the calibration error of spans, in ten bins of equal width, and what chance alone makes of a perfect one.

    The second is the mean over 200 draws in which each span is right as often as was said: few spans, large error.
    """
    import numpy as np

    from gatewise.runtime.spans import spans_of
    from gatewise.tasks.tag.calibrate import calibration_error

    given, right = [], []
    for tags, found in zip(gold, sure, strict=True):
        truth = {*spans_of(tags)} if spans else {(at, at + 1, tag) for at, tag in enumerate(tags)}
        given += [probability for *_, probability in found]
        right += [(start, end, label) in truth for start, end, label, _ in found]
    said, chance = np.array(given), np.random.default_rng(0)
    perfect = [calibration_error(said, chance.random(len(said)) < said) for _ in range(200)]
    return calibration_error(said, np.array(right)), float(np.mean(perfect))


Line = dict[str, float]  # what is measured of a system with one seed
ABLATIONS: dict[str, dict[str, Any]] = {  # what is left out, and how
    "nothing": {}, "half the LSTM's units": {"hidden_size": 64}, "the CRF": {"crf": False},
    "the LSTM": {"recurrent": False}, "hashed features": {"wide": False},
    "learning apart": {"apart": False}, "hiding features": {"wide_dropout": 0.0}, "affix vectors": {"affix_dim": 0},
    "hiding singletons": {"singletons": 0.0}, "the encoder": {"pretrained": ""},
    "dropping of the encoder's": {"known_dropout": 0.0}, "averaged weights": {"averaging": 0.0},
}  # fmt: skip


def ask(name: str, system: str, seed: int, options: argparse.Namespace, given: dict[str, Any]) -> Line:
    """Train a system on a data set and ask it about the test part, or that of --dev."""
    from gatewise.data.tagged import tagged_from_lists

    parts = dict(zip(("train", "dev", "test"), parts_of(name, options.data), strict=True))
    parts["asked"] = parts["dev" if options.dev else "test"]
    part = tagged_from_lists(*parts["asked"], name="asked")
    spans, gold = bool(part.scheme.name), [list(sentence.tags or ()) for sentence in part.sentences()]
    if system in (PEER, SPACY):
        found = run_peer(name, system, parts, options.peer_python)
        line = {}
    else:
        found = run_ours(name, system, parts, seed, given)
        error, perfect = calibration(gold, found["sure"], spans=spans)
        line = {"dev": found["dev"]["f1"], "ece": error, "perfect_ece": perfect}
    value = figure(gold, found["answers"], spans=spans)
    return {"figure": value, "seconds": found["seconds"], "speed": found["speed"]} | line


def hurry(name: str, system: str, seed: int, options: argparse.Namespace, given: dict[str, Any]) -> Line:
    """Train a system a little and ask it about the dev part, for its speed."""
    parts = dict(zip(("train", "dev"), parts_of(name, options.data)[:2], strict=True))
    parts["asked"] = parts["dev"]
    if system in (PEER, SPACY):
        found = run_peer(name, system, parts, options.peer_python, 10 if system == PEER else 1)
    else:
        found = run_ours(name, system, parts, seed, {"epochs": 1} | given)
    return {"seconds": found["seconds"], "speed": found["speed"]}


def leave_out(name: str, what: str, seed: int, options: argparse.Namespace, given: dict[str, Any]) -> Line:
    """Train our first system without one ingredient and look at the dev part."""
    parts = dict(zip(("train", "dev"), parts_of(name, options.data)[:2], strict=True))
    found = run_ours(name, SETS[name][2][0 if name == "weibo" else -1], parts, seed, ABLATIONS[what] | given)
    return {"dev": found["dev"]["f1"], "ece": found["dev"]["ece"], "seconds": found["seconds"]}


def systems(name: str, options: argparse.Namespace) -> list[str]:
    """Name what is measured on a data set, the peers first."""
    if options.ablation:
        return list(ABLATIONS)
    peers = [] if options.no_peer else [PEER]
    peers += [SPACY] if options.spacy and SETS[name][0] == "rich" and name.startswith("conll2003") else []
    return [one for one in [*peers, *SETS[name][2]] if not options.only or one in options.only]


def shown(name: str, system: str, rows: dict[str, Any]) -> str:
    """Give a line of the table: means over the seeds so far."""
    row, lines = {}, rows[system].values()
    for key in dict.fromkeys(key for line in lines for key in line):
        row[key] = statistics.mean(line[key] for line in lines if key in line)
    parts = [f"{name:15} {system:26}"]
    parts += [f"{key} {100 * row[key]:6.2f}" for key in ("figure", "dev") if key in row]
    parts.append(f"{row['seconds']:6.1f} s")
    if PEER in rows and system != PEER:
        parts.append(f"({row['seconds'] / rows[PEER]['0']['seconds']:.2f}x)")
    parts += [f"{row['speed']:8,.0f} tokens/s"] if "speed" in row else []
    parts += [f"{key} {row[key]:.3f}" for key in ("ece", "perfect_ece") if key in row]
    return "  ".join([*parts, f"{len(lines)} seed(s)"])


def main() -> None:
    """Measure row by row, and print and write each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = os.environ.get("GATEWISE_DATA", "")
    parser.add_argument("--data", type=Path, default=Path(data) / "tagging", help="the folder with conll2003, ...")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--only", nargs="+", choices=[*PRETRAINED, PEER, SPACY])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--dev", action="store_true", help="ask about the dev part, and leave the test part closed")
    parser.add_argument("--ablation", action="store_true", help="leave out one ingredient after the other, on dev")
    parser.add_argument("--speed", action="store_true", help="answering alone")
    parser.add_argument("--again", action="store_true", help="measure what is in the file already")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--spacy", action="store_true")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings to change")
    parser.add_argument("--json", type=Path, default=RESULTS / "tagging.json")
    parser.add_argument("--peer", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        peer(options.peer)
        return
    from tutorial import record

    given = {name: json.loads(value) for name, value in (pair.split("=", 1) for pair in options.set)}
    ways = {"ablation": (options.ablation, leave_out), "speed": (options.speed, hurry), "dev": (options.dev, ask)}
    table, measure = next(((one, way) for one, (asked, way) in ways.items() if asked), ("sets", ask))
    written = json.loads(options.json.read_text()) if options.json.is_file() else {}
    written = {one: written.get(one, {}) for one in ("sets", *ways) if written.get(one) or one == table}
    for seed in options.seeds:
        for name in options.sets:
            rows = written[table].setdefault(name, {})
            for system in systems(name, options):
                own = 0 if system in (PEER, SPACY) else seed
                if str(own) in rows.get(system, {}) and not options.again:
                    continue
                line = measure(name, system, own, options, given)
                rows.setdefault(system, {})[str(own)] = line
                print(shown(name, system, rows), flush=True)
                options.json.parent.mkdir(exist_ok=True)
                head = record("tagging", 1, ["torch", "numpy", "gatewise"])
                options.json.write_text(json.dumps(head | written, indent=1))


if __name__ == "__main__":
    main()
