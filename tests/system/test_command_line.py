"""What users do, from data to answers: train, evaluate and predict through every door, and nothing on the wrong one."""

import csv
import datetime
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gatewise
from gatewise.runtime.kernel.library import engine

FILES = ["README.md", "config.json", "metrics.jsonl", "model.safetensors", "report.html", "tokenizer.json"]
EVALUATION = {
    "accuracy", "accuracy_low", "accuracy_high", "macro_f1", "log_loss", "log_loss_uncalibrated", "ece",
    "ece_uncalibrated", "n", "seconds", "confusion", "labels", "by_length", "reliability", "errors", "temperature",
    "empty_texts", "data", "accuracy_alone", "by_label", "confusions", "few_dev_texts",
}  # fmt: skip


@pytest.fixture
def dataset(tmp_path, write, rows):
    """Write 160 training and 40 test rows in one of the forms that can be read."""

    def make(kind):
        parts = {"train": rows[:160], "test": rows[160:]}
        for part, examples in parts.items():
            if kind == "parquet":
                (tmp_path / "data").mkdir(exist_ok=True)
                table = pa.table({"text": [text for text, _ in examples], "label": [label for _, label in examples]})
                pq.write_table(table, tmp_path / "data" / f"{part}.parquet")
            elif kind == "class folders":
                for number, (text, label) in enumerate(examples):
                    write(f"data/{part}/{label}/{number:04}.txt", text)
            else:
                write(f"data/{part}.{kind}", examples)
        return tmp_path / "data"

    return make


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet", "class folders"])
def test_train_evaluate_predict(command, tmp_path, small, dataset, kind):
    data, model = dataset(kind), tmp_path / "made" / "by" / "me"
    trained = command("train", data, "--out", model, *small, "--epochs", "6")
    assert trained.code == 0, trained.err
    assert trained.err == ""
    assert re.match(r"accuracy +[01]\.\d{4} +95 % interval 0\.\d{4} to [01]\.\d{4}\nmacro F1", trained.out)
    assert re.search(r"^texts +40, .*\(.*test", trained.out, re.MULTILINE)
    assert trained.lines[-2:] == [f"model   {model}", f"report  {model / 'report.html'}"]
    assert sorted(path.name for path in model.iterdir()) == FILES
    assert [path.name for path in model.parent.iterdir()] == ["me"]

    measured = command("evaluate", model, data, "--json")
    assert (measured.code, measured.err, len(measured.lines)) == (0, "", 1)
    found = json.loads(measured.out)
    assert set(found) == EVALUATION | {"reliability_uncalibrated"}
    assert found["n"] == 40 and found["accuracy"] > 0.8 and found["seconds"] > 0
    assert found["accuracy"] == gatewise.load(model).facts["test"]["accuracy"]
    for name in ("accuracy", "log_loss", "ece", "seconds", "macro_f1"):
        assert isinstance(found[name], float)

    answered = command("predict", model, "a superb moving film", "a dull awful film", "--json")
    assert (answered.code, answered.err) == (0, "")
    first, second = map(json.loads, answered.lines)
    assert (first["label"], second["label"]) == ("pos", "neg")
    assert set(first) == {"label", "probability", "probabilities"} and list(first["probabilities"]) == ["neg", "pos"]
    assert first["probability"] == first["probabilities"]["pos"] == pytest.approx(1 - first["probabilities"]["neg"])


def test_train_one_file_measures_on_dev_and_says_that_this_flatters(command, tmp_path, small, write, rows):
    trained = command("train", write("data.csv", rows), "--out", tmp_path / "m", *small)
    assert trained.code == 0 and "(dev split)" in trained.out
    assert "no labelled test part" in trained.err and "flatter" in trained.err


def test_train_with_an_unlabelled_test_file(command, tmp_path, small, write, rows):
    write("data/train.csv", rows)
    write("data/test.csv", "text\na good film\nanother\n")
    trained = command("train", tmp_path / "data", "--out", tmp_path / "m", *small)
    assert trained.code == 0 and "no labelled test part" in trained.err


def test_train_chooses_a_place_of_its_own(command, tmp_path, small, write, rows, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("films.csv", rows)
    trained = command("train", "films.csv", *small)
    assert trained.code == 0 and trained.lines[-2].split() == ["model", str(Path("runs/films"))]
    assert "add --overwrite" in command("train", "films.csv", *small).refusal()


def test_train_and_evaluate_with_columns_and_groups_named(command, tmp_path, small, write, rows):
    table = [(text, label, text[:3], number // 4) for number, (text, label) in enumerate(rows)]
    data = write("data.csv", table, header=("a", "b", "c", "d"))
    columns = ["--text-column", "a", "--label-column", "b"]
    trained = command("train", data, "--out", tmp_path / "m", *small, *columns, "--group-column", "d")
    assert trained.code == 0
    assert gatewise.load(tmp_path / "m").facts["dev_split"] == "by group"
    assert json.loads(command("evaluate", tmp_path / "m", data, *columns, "--json").out)["n"] == 200


def test_train_integer_labels_and_many_classes(command, tmp_path, small, write, rows):
    """Labels come back as they stood in the file, 10 not before 2 by accident of their spelling."""
    numbered = [(f"{text} word{number % 3}", (2, 10, 7)[number % 3]) for number, (text, _) in enumerate(rows)]
    data = write("data.jsonl", numbered)
    assert command("train", data, "--out", tmp_path / "m", *small, "--epochs", "8").code == 0
    answers = command("predict", tmp_path / "m", "word0", "word1", "word2")
    assert [line.split("\t")[0] for line in answers.lines] == ["2", "10", "7"]
    assert json.loads(command("evaluate", tmp_path / "m", data, "--json").out)["accuracy"] > 0.9


def test_train_every_option_reaches_the_model(command, tmp_path, small, write, rows):
    data = write("data.csv", rows)
    options = shlex.split("""
        --pooling last,mean --num-layers 2 --no-bidirectional --tokenizer bpe --vocab-size 400 --max-tokens 16
        --class-weights --seed 7 --label-smoothing 0 --chrono-horizon 20 --no-lowercase
    """)
    assert command("train", data, "--out", tmp_path / "m", *small, *options).code == 0
    model = gatewise.load(tmp_path / "m")
    settings = model.facts["settings"]
    assert (model.network.config.pooling, model.network.config.num_layers) == (("last", "mean"), 2)
    assert (settings["kind"], settings["seed"], settings["class_weights"]) == ("bpe", 7, True)
    assert (settings["bidirectional"], settings["chrono_horizon"], settings["lowercase"]) == (False, 20, False)
    assert model.tokenizer.max_tokens == 16


def test_train_progress_is_plain_lines_when_the_output_is_no_terminal(spawn, tmp_path, small, write, rows):
    """Also: the process itself, from its start to a folder, with nothing on the wrong stream."""
    data = write("data.csv", rows)
    trained = spawn("train", data, "--out", "m", *small[:-1])
    assert trained.code == 0, trained.err
    assert "\x1b" not in trained.err and "\r" not in trained.err
    assert "180 training and 20 dev texts (split by text)" in trained.err
    assert len(re.findall(r"^epoch \d\.\d\d: dev accuracy [01]\.\d{4}, loss \d\.\d{4}", trained.err, re.MULTILINE)) == 2
    assert "2 classes, rarest last: neg 100, pos 100" in trained.err
    assert "dev split         20 texts, which are too few to calibrate by; label more" in trained.out
    table = next(place for place, line in enumerate(trained.lines) if line.startswith("precision"))
    assert [line.split()[-1] for line in trained.lines[table + 1 : table + 3]] == ["neg", "pos"]
    assert trained.lines[0].startswith("accuracy")
    assert re.fullmatch(r"accuracy alone    network [01]\.\d{4}, companion [01]\.\d{4}", trained.lines[4])
    log = [json.loads(line) for line in (tmp_path / "m" / "metrics.jsonl").read_text().splitlines()]
    assert [entry["kind"] for entry in log if entry["kind"] != "step"] == ["start", "dev", "dev", "end"]
    assert {"kind", "seconds", "step", "epoch", "loss", "tokens_per_second", "padding"} <= set(log[1])


def test_train_overwrite_replaces_the_folder_whole(command, tmp_path, small, write, rows):
    data, model = write("data.csv", rows), tmp_path / "m"
    assert command("train", data, "--out", model, *small).code == 0
    before = (model / "model.safetensors").read_bytes()
    (model / "why.html").write_text("mine")
    assert command("train", data, "--out", model, *small, "--overwrite", "--seed", "2").code == 0
    assert (model / "model.safetensors").read_bytes() != before
    assert sorted(path.name for path in model.iterdir()) == FILES
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.csv", "m"]


def test_evaluate_prints_for_people_and_writes_a_report(command, tmp_path, model_folder, write, rows):
    data = write("data.csv", rows)
    shown = command("evaluate", model_folder, data, "--report", tmp_path / "page.html")
    assert (shown.code, shown.err) == (0, f"report written to {tmp_path / 'page.html'}\n")
    names = ["accuracy", "macro F1", "log-loss", "calibration error", "texts"]
    assert [line[:18].strip() for line in shown.lines[:5]] == names
    assert shown.lines[5].startswith("dev split         40 texts, which are too few to calibrate by")
    assert re.fullmatch(r"precision +recall +F1 +texts +label", shown.lines[6])
    assert [re.fullmatch(r"(?:[01]\.\d{4} +){3}100 +(neg|pos)", line)[1] for line in shown.lines[7:9]] == ["neg", "pos"]
    told = json.loads(command("evaluate", model_folder, data, "--json").out)
    assert [one["n"] for one in told["by_label"]] == [100, 100] and len(shown.lines) == 9 + len(told["confusions"])
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith("<!doctype html>") and "http://" not in page.split("</head>")[0]


def test_evaluate_refuses_a_report_that_cannot_be_written(command, tmp_path, model_folder, write, rows):
    data = write("data.csv", rows)
    shown = command("evaluate", model_folder, data, "--json", "--report", tmp_path / "nowhere" / "page.html")
    assert (shown.code, shown.out) == (2, "")  # refused before the work
    assert re.fullmatch(r"gatewise: .*page\.html.* could not be written \(No such file or directory\).*\n", shown.err)


def test_predict_answers_in_order_whatever_the_door(command, tmp_path, model_folder, write, rows):
    texts = [text for text, _ in rows] * 15  # more than one chunk of 2048
    texts[7], texts[2999] = "", "   "
    expected = [
        f"{label}\t{probability:.4f}"
        for label, probability in (
            (prediction.label, prediction.probability) for prediction in gatewise.load(model_folder).stream(texts)
        )
    ]
    lines = ("\n".join(texts) + "\n").encode()
    objects = "".join(json.dumps({"id": 1, "text": text}) + "\n" for text in texts).encode()
    doors = {
        "stdin": command("predict", model_folder, stdin=lines),
        "dash": command("predict", model_folder, "--input", "-", stdin=lines),
        "file": command("predict", model_folder, "--input", write("texts.txt", lines)),
        "jsonl": command("predict", model_folder, "--input", write("texts.jsonl", objects)),
        "strings": command("predict", model_folder, stdin=b"".join(json.dumps(t).encode() + b"\n" for t in texts)),
        "no last line end": command("predict", model_folder, stdin=lines[:-1]),
        "windows": command("predict", model_folder, stdin=lines.replace(b"\n", b"\r\n")),
    }
    for door, answer in doors.items():
        assert answer.code == 0, door
        assert answer.lines == expected, door
        assert answer.err == "2 of the texts are blank: the answer there rests on no word.\n", door
    assert command("predict", model_folder, *texts[:3]).lines == expected[:3]


def test_predict_json_lines_agree_with_plain_ones(command, model_folder):
    texts = ["a good film", "", "😀 مرحبا", "很好"]
    plain, lines = command("predict", model_folder, *texts), command("predict", model_folder, *texts, "--json")
    answers = [json.loads(line) for line in lines.lines]
    assert [f"{a['label']}\t{a['probability']:.4f}" for a in answers] == plain.lines
    assert plain.err == lines.err == "1 of the texts is blank: the answer there rests on no word.\n"


def test_predict_texts_that_look_like_options_come_after_two_dashes(command, model_folder):
    answer = command("predict", model_folder, "--", "--good", "-1")
    assert answer.code == 0 and len(answer.lines) == 2


def test_a_mistyped_model_with_piped_texts_or_a_file_is_an_error(command, tmp_path, model_folder, write, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    shutil.copytree(model_folder, "runs/orders")
    piped = pipe('printf "good\\ndull\\n" | "$PY" -m gatewise predict orders', tmp_path)
    assert (piped.returncode, piped.stdout) == (2, "") and "'orders' (did you mean runs/orders?" in piped.stderr
    assert (
        "did you mean runs/orders?" in pipe('"$PY" -m gatewise predict order < runs/orders/README.md', tmp_path).stderr
    )
    assert pipe('"$PY" -m gatewise predict orders < /dev/null', tmp_path).stdout.count("\n") == 1
    write("texts.csv", [("good", "pos")])
    for options in (["--input", "texts.csv"], ["--input", "-"]):
        said = command("predict", "sentimnt-en", *options).refusal()
        assert "There is no model 'sentimnt-en' (did you mean sentiment-en?" in said
    assert "did you mean runs/orders?" in command("explain", "oders", "--serve").refusal()


@pytest.mark.parametrize("stdin", [b"", b"\n"])
def test_predict_nothing_is_no_error(command, model_folder, stdin):
    answer = command("predict", model_folder, stdin=stdin)
    assert answer.code == 0 and len(answer.lines) == len(stdin)


def test_predict_takes_texts_or_a_file_not_both(command, model_folder):
    assert "not both" in command("predict", model_folder, "a", "--input", "b").refusal()


TABLE = [
    ("001", 'a "good", warm film', "pos", 1.5),
    ("002", "a dull\nboring story", "x", None),
    ("003", "", "neg", 2.0),
]


@pytest.fixture
def table(tmp_path, write):
    """Write three rows that hold quotes, separators and a line end, as a table of one of the formats."""

    def make(kind):
        names = ("id", "text", "label", "stars")
        if kind != "parquet":
            return write(f"table.{kind}", TABLE, header=names)
        pq.write_table(pa.table(dict(zip(names, zip(*TABLE, strict=True), strict=True))), tmp_path / "table.parquet")
        return tmp_path / "table.parquet"

    return make


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_predict_reads_the_tables_that_training_reads(command, model_folder, table, kind):
    # a tab-separated file that is quoted in part: its marks are text unless one says otherwise
    given = [table(kind), *(["--quoting", "minimal"] if kind == "tsv" else [])]
    answers = [
        json.loads(line)
        for line in command("predict", model_folder, *(text for _, text, _, _ in TABLE), "--json").lines
    ]
    plain = command("predict", model_folder, "--input", *given)
    assert (plain.code, plain.lines) == (0, [f"{one['label']}\t{one['probability']:.4f}" for one in answers])
    assert plain.err == "1 of the texts is blank: the answer there rests on no word.\n"
    kept = command("predict", model_folder, "--input", *given, "--keep", "id,label", "--keep", "id", "--json")
    assert [json.loads(line) for line in kept.lines] == [
        {"id": row[0], "input.label": row[2]} | answer for row, answer in zip(TABLE, answers, strict=True)
    ]
    lines = command(
        "predict", model_folder, "--input", *given, "--text-column", "label", "--keep", "text", "--top-k", "2"
    )
    cells = [line.split("\t") for line in lines.lines]
    assert [row[0] for row in cells] == ['a "good", warm film', "a dull boring story", ""]
    assert [{row[1], row[3]} for row in cells] == [{"neg", "pos"}] * 3
    assert all(float(row[2]) >= float(row[4]) and len(row) == 5 for row in cells)


def test_predict_writes_a_table_by_its_name(command, tmp_path, model_folder, table):
    given, out = table("parquet"), tmp_path / "answers"
    answers = list(gatewise.load(model_folder).stream(text for _, text, _, _ in TABLE))
    rounded = [{name: round(share, 6) for name, share in one.probabilities.items()} for one in answers]

    def written(suffix, *more):
        path = out.with_suffix(suffix)
        done = command("predict", model_folder, "--input", given, "--keep", "text,stars", "--output", path, *more)
        assert (done.code, done.out) == (0, "") and done.err.startswith(f"3 answers written to {path}\n1 of the texts")
        return path

    with written(".csv").open(encoding="utf-8", newline="") as file:
        header, *found = csv.reader(file)
    assert header == ["text", "stars", "label", "probability", "probability.neg", "probability.pos"]
    assert [row[:3] for row in found] == [
        [text, "" if stars is None else str(stars), one.label]
        for (_, text, _, stars), one in zip(TABLE, answers, strict=True)
    ]
    assert [[float(cell) for cell in row[4:]] for row in found] == [list(one.values()) for one in rounded]
    header, *found = [line.split("\t") for line in written(".tsv", "--top-k", "2").read_text().split("\n")[:-1]]
    assert header == ["text", "stars", "label", "probability", "label_2", "probability_2"]
    assert [row[0] for row in found] == ['a "good", warm film', "a dull boring story", ""]
    assert all({row[2], row[4]} == {"neg", "pos"} for row in found)
    objects = [json.loads(line) for line in written(".jsonl").read_text().splitlines()]
    assert [(one["text"], one["stars"], one["probabilities"]) for one in objects] == [
        (text, stars, shares) for (_, text, _, stars), shares in zip(TABLE, rounded, strict=True)
    ]
    assert [one["probabilities"] for one in map(json.loads, written(".jsonl", "--top-k", "1").open())] == [
        {one.label: round(one.probability, 6)} for one in answers
    ]
    found = pq.read_table(written(".parquet")).to_pylist()
    assert [(row["stars"], row["probability.neg"]) for row in found] == [
        (stars, shares["neg"]) for (_, _, _, stars), shares in zip(TABLE, rounded, strict=True)
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "answers.csv", "answers.jsonl", "answers.parquet", "answers.tsv", "table.parquet"
    ]  # fmt: skip


def test_predict_carries_rows_over_many_chunks_in_their_order(command, tmp_path, model_folder, write, rows):
    many = [(number, text) for number, (text, _) in enumerate(rows * 25)]
    for suffix in ("csv", "parquet"):
        path = tmp_path / f"answers.{suffix}"
        given = write("many.csv", many, header=("nr", "text"))
        assert command("predict", model_folder, "--input", given, "--keep", "nr,text", "--output", path).code == 0
        read = pq.read_table(path).to_pylist() if suffix == "parquet" else list(csv.DictReader(path.open()))
        assert [(int(row["nr"]), row["text"]) for row in read] == many


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input", "table.csv", "--keep", "nr"], "has no column 'nr'; its columns are 'id', 'text'"),
        (["--input", "table.csv", "--text-column", "nr"], "has no column 'nr'"),
        (["--input", "nowhere.csv"], "nowhere.csv"),
        (["--input", "lines.txt", "--keep", "id"], "--keep needs a table"),
        (["--input", "-", "--text-column", "id"], "--text-column needs a table"),
        (["good", "film", "--keep", "id"], "--keep needs a table"),
        (["--input", "table.csv", "--output", "answers.xls"], "answers.xls has no known format for answers"),
        (["--input", "table.csv", "--output", "table.csv"], "is the file that --input reads"),
        (["--input", "table.csv", "--output", "answers.csv", "--json"], "--json or --output, not both"),
        (["--input", "table.csv", "--output", "nowhere/answers.csv"], "could not be written"),
        (["--input", "bad.csv", "--output", "answers.csv"], "bad.csv, row 3 has 1 values"),
    ],
)  # fmt: skip
def test_predict_refuses_in_one_sentence_and_leaves_no_file(
    command, tmp_path, model_folder, table, write, monkeypatch, untouched, arguments, message
):
    table("csv"), write("lines.txt", "good\n"), write("bad.csv", "id,text\n1,good\n2\n")
    monkeypatch.chdir(tmp_path)
    check = untouched()
    assert message in command("predict", model_folder, *arguments).refusal()
    check()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_predict_refuses_a_pipe_with_a_tables_name(command, tmp_path, model_folder):
    os.mkfifo(tmp_path / "pipe.csv")
    assert "is no plain file" in command("predict", model_folder, "--input", tmp_path / "pipe.csv").refusal()


def test_predict_takes_lines_of_bare_strings_from_a_json_lines_file(command, model_folder, write):
    expected = command("predict", model_folder, "a good film", "dull").lines
    assert command("predict", model_folder, "--input", write("a.jsonl", '\n"a good film"\n"dull"\n')).lines == expected
    assert command("predict", model_folder, "--input", write("b.jsonl", "")) == (
        command("predict", model_folder, stdin=b"")
    )


def test_predict_takes_no_array_of_json_for_lines_of_text(command, model_folder, write):
    """Whether it can be read, the reader says: each of its lines as a text would be an answer to no question."""
    answer = command("predict", model_folder, "--input", write("a.json", '[\n{"text": "good"},\n{"text": "dull"}\n]\n'))
    assert len(answer.lines) in (0, 2) and (answer.code == 0 or "a.json" in answer.refusal())


def test_predict_writes_values_that_json_lacks_as_none(command, tmp_path, model_folder):
    values = {"text": ["a", "b"], "x": [float("nan"), 1.0], "day": [datetime.date(2026, 1, 2)] * 2, "many": [[1], []]}
    pq.write_table(pa.table(values), tmp_path / "odd.parquet")
    done = command(
        "predict",
        model_folder,
        "--input",
        tmp_path / "odd.parquet",
        "--text-column",
        "text",
        "--keep",
        "x,day,many",
        "--json",
    )
    first, second = map(json.loads, done.lines)
    assert (first["x"], first["day"], first["many"], second["x"]) == (None, "2026-01-02", [1], 1.0)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("options", ["--input texts.txt", "--input texts.csv --keep id,text --output out.csv"])
def test_predict_in_constant_memory(tmp_path, model_folder, write, options):
    """Ten times the lines, nearly the same peak; a list of all texts alone would take 30 MB more."""
    code = (
        "import sys; from gatewise.cli.main import main\n"
        "try: main()\n"
        "finally: print(*[line for line in open('/proc/self/status') if 'VmHWM' in line], file=sys.stderr)"
    )
    peaks = []
    for count in (4_000, 34_000):
        write("texts.txt", ("good film " + "x" * 990 + "\n") * count)
        write("texts.csv", "id,text\n" + ("7,good film " + "x" * 990 + "\n") * count)
        done = subprocess.run(
            [sys.executable, "-c", code, "predict", str(model_folder), *options.split()],
            capture_output=True, check=True, cwd=tmp_path, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        out = (tmp_path / "out.csv").read_bytes().partition(b"\n")[2] if "out.csv" in options else done.stdout
        assert out.count(b"\n") == count
        peaks.append(int(re.search(rb"VmHWM:\s+(\d+)", done.stderr)[1]) / 1024)
    assert peaks[1] - peaks[0] < 20, peaks


def pipe(shell, tmp_path, **more):
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {shell}"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PY": sys.executable} | more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("shell", "unbuffered"),
    [
        ('"$PY" -m gatewise predict "$MODEL" --input texts.txt | head -1', ""),
        ('"$PY" -m gatewise predict "$MODEL" < texts.txt | head -1', "1"),
        ('"$PY" -m gatewise predict "$MODEL" a b c | true', ""),
    ],
)
def test_a_closed_pipe_is_quiet(tmp_path, model_folder, write, shell, unbuffered):
    write("texts.txt", "a good film\n" * 10_000)
    done = pipe(shell, tmp_path, MODEL=str(model_folder), PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(("arguments", "unbuffered"), [("a b c", ""), ("--input texts.txt", "1")])
def test_a_full_output_is_told_in_one_sentence(tmp_path, model_folder, write, arguments, unbuffered):
    write("texts.txt", "a good film\n" * 10_000)
    shell = f'"$PY" -m gatewise predict "$MODEL" {arguments} > /dev/full'
    done = pipe(shell, tmp_path, MODEL=str(model_folder), PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 2
    assert re.fullmatch(r"gatewise: The output could not be written \(No space .*\n", done.stderr)


def loaded_by(spawn, *arguments) -> tuple[int, set[str]]:
    """Give a command's exit code and the packages that it loaded."""
    answer = spawn(*arguments, PYTHONPROFILEIMPORTTIME="1")
    names = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in answer.err.splitlines() if "|" in line}
    assert "gatewise" in names  # the listing is read rightly
    return answer.code, names


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["train", "--help"], ["predict", "--help"], ["lab", "--help"], ["--version"]],
    ids=" ".join,
)
def test_help_and_version_load_nothing_heavy(spawn, arguments):
    """How fast it is, a benchmark tells; that nothing heavy is loaded, this does."""
    code, names = loaded_by(spawn, *arguments)
    assert code == 0 and not names & {"torch", "sklearn", "pyarrow", "scipy", "tokenizers", "numpy", "rich"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "nowhere.csv"], ["train", "data.csv", "--label-column", "nope"],
        ["train", "data.csv", "--epochs", "-1"], ["pretrain", "data.csv", "--text-column", "nope"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_is_wrong_with_data_or_options_is_said_before_anything_heavy_is_loaded(spawn, write, arguments):
    write("data.csv", [("good", "a"), ("bad", "b")])
    code, names = loaded_by(spawn, *arguments)
    assert code == 2 and not names & {"torch", "sklearn", "pyarrow", "scipy"}


def test_version(spawn):
    assert spawn("--version").out == f"gatewise {gatewise.__version__} ({engine()})\n"


def test_predict_answers_without_what_trains(spawn):
    code, names = loaded_by(spawn, "predict", "a good film")
    assert code == 0 and not names & {"torch", "sklearn", "pyarrow", "scipy"}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("command", ["predict", "explain"])
def test_one_text_starts_no_thread(command):
    code = (
        "import sys, os; from gatewise.cli.main import main\n"
        "try: main()\n"
        "finally: print(len(os.listdir('/proc/self/task')), file=sys.stderr)"
    )
    own = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", code, command, "a good film"], capture_output=True, check=True, timeout=60, env=own
    )
    assert done.stderr == b"1\n"


def test_fast_answers_are_near_the_others(command, model_folder, write, rows):
    texts = [text for text, _ in rows]
    slow, fast = (
        [json.loads(line) for line in command("predict", model_folder, *texts, "--json", *more).lines]
        for more in ((), ("--fast",))
    )
    for one, other in zip(slow, fast, strict=True):
        assert one["probability"] == pytest.approx(other["probability"], abs=0.01)
    measured = command("evaluate", model_folder, write("data.csv", rows), "--fast", "--json")
    assert json.loads(measured.out)["n"] == len(rows)


def test_help_names_every_default(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    shown = " ".join(command("train", "--help").out.replace("│", " ").split())
    for wanted in ("--hidden-size", "LSTM units per layer and direction.", "default: 128", "--resume", "--minutes"):
        assert wanted in shown


@pytest.mark.parametrize("arguments", [["fly"], ["train"], ["train", "x", "--epochs", "many"], ["explain"]])
def test_wrong_use_is_told_with_code_2(command, arguments):
    answer = command(*arguments)
    assert (answer.code, answer.out) == (2, "") and "Traceback" not in answer.err and answer.err


def test_no_command_shows_the_help(command):
    answer = command()
    assert "train" in answer.out + answer.err and answer.code in (0, 2)
