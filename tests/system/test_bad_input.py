"""Every kind of bad input: exit code 2, one helpful sentence, nothing written and nothing lost."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import safetensors.numpy
from tests.system.conftest import Answer, environment

import gatewise

FOUR = [("a good film", "pos"), ("a bad film", "neg"), ("a good cast", "pos"), ("a bad cast", "neg")]


@pytest.fixture
def refused(command, untouched, tmp_path, small, model_folder):
    """Run `train DATA`, and `evaluate MODEL DATA` where asked, which must refuse and leave no trace."""

    def check(data, *options, evaluate=False) -> str:
        unchanged = untouched()
        sentence = command("train", data, "--out", tmp_path / "m", *small, *options).refusal()
        if evaluate:
            command("evaluate", model_folder, data, *options, "--json").refusal()
        unchanged()
        return sentence

    return check


# ---------------------------------------------------------------- data


def test_missing_file(refused, tmp_path):
    assert "nowhere.csv" in refused(tmp_path / "nowhere.csv", evaluate=True)


@pytest.mark.parametrize(("name", "near"), [("imbd", "imdb"), ("IMDB", "imdb"), ("review", "reviews"), ("zzz", "imdb")])
def test_unknown_data_set_name(refused, name, near, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    sentence = refused(name, evaluate=True)
    assert repr(name) in sentence and near in sentence


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        (("n", "label"), "'n'"),  # a column of numbers is no text
        (("text", "review", "label"), "--text-column"),
        (("text", "class", "label"), "--label-column"),
        (("text", "a", "b"), "--label-column"),
    ],
    ids=" ".join,
)
def test_no_or_ambiguous_column(refused, write, header, hint):
    cells = {"n": 1, "text": "a good film", "review": "a fine film", "label": "pos", "class": "x", "a": "p", "b": "q"}
    data = write("data.jsonl", [tuple(cells[name] for name in header)] * 4, header=header)
    assert hint in refused(data, evaluate=True)


@pytest.mark.parametrize("option", ["--text-column", "--label-column", "--group-column"])
def test_a_column_that_is_not_there(refused, write, option):
    sentence = refused(write("data.csv", FOUR), option, "stars")
    assert "'stars'" in sentence and "'text', 'label'" in sentence


def test_no_labels_at_all(refused, write):
    assert "label" in refused(write("data.csv", "text\na good film\nbad\n"), evaluate=True)


def test_a_single_class(refused, write):
    assert "single label 'pos'" in refused(write("data.csv", [(text, "pos") for text, _ in FOUR]))


def test_a_class_with_one_example(refused, write):
    assert "'meh' has one example" in refused(
        write("data.csv", [*[row for row in FOUR if row[1] == "pos"], ("so so", "meh")])
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data.csv", ""),
        ("data.csv", "text,label\n"),
        ("data.tsv", "\n\n"),
        ("data.jsonl", ""),
        ("data.jsonl", "\n \n"),
        ("data.parquet", b""),
        ("data/train.csv", ""),
        ("data/pos/empty.md", ""),
    ],
)
def test_an_empty_file_or_folder(refused, write, tmp_path, name, content):
    write(name, content)
    sentence = refused(tmp_path / Path(name).parts[0], evaluate=True)
    assert str(tmp_path / Path(name).parts[0]) in sentence


def test_an_empty_parquet_file(refused, tmp_path):
    pq.write_table(pa.table({"text": pa.array([], pa.string()), "label": []}), tmp_path / "data.parquet")
    assert "data.parquet" in refused(tmp_path / "data.parquet", evaluate=True)


def test_blank_texts_are_used_and_counted_not_dropped(command, tmp_path, small, write, rows, model_folder):
    mixed = [*rows, ("", "pos"), (" \t ", "neg"), ("\u3000", "neg")]
    data = write("data.csv", mixed)
    trained = command("train", data, "--out", tmp_path / "m", *small[:-1])
    assert trained.code == 0 and "3 training texts are blank" in trained.err
    facts = gatewise.load(tmp_path / "m").facts
    assert facts["training_texts"] + facts["dev_texts"] == 203
    found = json.loads(command("evaluate", model_folder, data, "--json").out)
    assert (found["n"], found["empty_texts"]) == (203, 3)
    assert "203, 3 of them blank" in command("evaluate", model_folder, data).out
    answered = command("predict", model_folder, "", "a film", " \t", "\n")
    assert (answered.code, len(answered.lines)) == (0, 4)
    assert answered.err.startswith("3 of the texts are blank")


@pytest.mark.parametrize(
    ("name", "content", "where"),
    [
        ("data.csv", b"text,label\ngood,pos\nbad,neg\nna\xefve,pos\n", "row 4"),
        ("data.tsv", b"text\tlabel\ngood\tpos\n\xff\tneg\n", "row 3"),
        ("data.jsonl", b'{"text": "good", "label": "pos"}\n{"text": "\xe9", "label": "neg"}\n', "line 2"),
        ("data/pos/1.txt", b"caf\xe9", "pos/1.txt"),
        ("data.csv", "text,label\nfilm,pos\n".encode("utf-16")[:-1], "utf-16"),
    ],
)
def test_undecodable_bytes(refused, write, tmp_path, name, content, where):
    write("data/neg/1.txt", b"fine") if name.startswith("data/") else None
    write(name, content)
    sentence = refused(tmp_path / Path(name).parts[0], evaluate=True)
    assert where in sentence and ("UTF-8" in sentence or "is not utf-16" in sentence)


def test_undecodable_bytes_while_predicting(command, model_folder, untouched, write):
    for content, where in ((b"good\nna\xefve\n", "line 2"), (b'"good"\n"bad"\n"\xff"\n', "line 3")):
        path = write("texts.txt", content)
        unchanged = untouched()
        assert where in command("predict", model_folder, "--input", path).refusal()
        assert where in command("predict", model_folder, stdin=content).refusal()
        unchanged()


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("text,label\ngood,pos\nbad,very,neg\n", "row 3"),
        ("text,label\ngood,pos\nbad\n", "row 3"),
        ('text,label\ngood,pos\n"bad,neg\nfine,pos\n', "row"),
        ("text,text\ngood,pos\n", "'text'"),
        ("text,label\ngood,pos\nbad,\n", "row 3"),
    ],
    ids=["long", "short", "open quote", "twice", "no label"],
)
def test_ragged_csv(refused, write, content, where):
    assert where in refused(write("data.csv", content), evaluate=True)


def test_jsonl_that_is_none(refused, write):
    for line in ("not json", "[1, 2]", '{"text": 7, "label": "a"}', '{"text": "x"', '"only a text"'):
        content = '{"text": "good", "label": "pos"}\n' + line + "\n"
        assert "2" in refused(write("data.jsonl", content))


def test_a_file_of_unknown_kind(refused, write):
    for name in ("data.xlsx", "data", "data.parquet"):
        assert name in refused(write(name, b"PK\x03\x04 whatever"))


def test_labels_in_the_test_part_that_training_never_saw(refused, write, tmp_path):
    write("data/train.csv", FOUR)
    write("data/test.csv", [("a film", "pos"), ("so so", "meh")])
    assert "'meh' (1 rows), which training never saw; the training labels are neg, pos" in refused(tmp_path / "data")


def test_labels_the_model_does_not_know(command, model_folder, write, untouched, tmp_path):
    data = write("data.csv", [*FOUR, ("so so", "meh")])
    unchanged = untouched()
    sentence = command("evaluate", model_folder, data, "--report", tmp_path / "page.html").refusal()
    assert "'meh' (1 rows)" in sentence and "neg, pos" in sentence
    unchanged()


@pytest.mark.parametrize(
    "options",
    [
        ["--epochs", "-1"], ["--hidden-size", "0"], ["--hidden-size", "1000000000"], ["--learning-rate", "nan"],
        ["--dropout", "1.5"], ["--pooling", "top"], ["--pooling", ""], ["--tokenizer", "char"], ["--seed", "-3"],
        ["--minutes", "inf"], ["--precision", "int8"], ["--dev-share", "0"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_settings_out_of_range(refused, write, options):
    name = options[0].removeprefix("--").replace("-", "_").replace("tokenizer", "--tokenizer (kind in Python)")
    assert f"{name} is " in refused(write("data.csv", FOUR), *options)


# ---------------------------------------------------------------- texts


def test_a_text_of_five_million_characters(command, tmp_path, small, write, rows, model_folder):
    for long in ("x" * 5_000_000, "(" * 5_000_000, "1," * 2_500_000, "<br>" * 1_250_000):
        path = write("texts.txt", long + "\nshort\n")
        answered = command("predict", model_folder, "--input", path)
        assert (answered.code, answered.err, len(answered.lines)) == (0, "", 2)
    data = write("data.csv", [*rows, ("bad" * 100 + " bad" * 50 + " " * 5_000_000, "neg")])
    assert command("train", data, "--out", tmp_path / "m", *small).code == 0
    assert json.loads(command("evaluate", tmp_path / "m", data, "--json").out)["n"] == 201


STRANGE = {
    "control": "a\x00 good\x07\x1b[31m film\x7f\x85",
    "surrogate": "a \ud83d good film",
    "emoji": "👩‍👩‍👧‍👦 good 😀🏳️‍🌈",
    "right to left": "فيلم رائع \u202egood\u202c סרט טוב",
    "combining": "g\u0301ood Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚a̴̵̜̰͔ͫ͗͢",
    "unassigned": "\U000e0fff\ufffe\uffff",
    "line separators": "a\u2028good\u2029film\x0b\x0c",
}


@pytest.mark.parametrize("kind", STRANGE)
def test_strange_characters_are_texts_like_others(command, tmp_path, small, write, rows, model_folder, kind):
    text = STRANGE[kind]
    assert command("predict", model_folder, text, "--json").code == 0
    line = json.dumps({"text": text}).encode()  # a lone surrogate can stand in JSON, as an escape
    answered = command("predict", model_folder, "--json", stdin=line + b"\n" + line + b"\n")
    assert (answered.code, answered.err, answered.out.count("\n")) == (0, "", 2)
    data = write("data.jsonl", [*rows, (text, "neg"), (text + " more", "pos")])
    found = command("evaluate", model_folder, data, "--json", "--report", tmp_path / "page.html")
    assert found.code == 0 and json.loads(found.out)["n"] == 202 and found.out.count("\n") == 1
    assert (tmp_path / "page.html").read_bytes().decode("utf-8")
    assert command("train", data, "--out", tmp_path / "m", *small).code == 0


def test_strange_characters_as_bytes_of_an_argument(spawn, model_folder):
    """Bytes that are not UTF-8 on the command line reach Python as lone surrogates."""
    answer = spawn("predict", model_folder, os.fsdecode(b"a good na\xefve film"), "مرحبا", "a\x07b")
    assert (answer.code, answer.err, len(answer.lines)) == (0, "", 3)


def test_strange_labels(command, tmp_path, small, write, rows):
    names = {"pos": 'good "film", 好 😀', "neg": "<b>it's</b> `neg`: {bad}"}
    data = write("data.csv", [(text, names[label]) for text, label in rows])
    assert command("train", data, "--out", tmp_path / "m", *small, "--epochs", "6").code == 0
    assert gatewise.load(tmp_path / "m").labels == tuple(sorted(names.values()))
    assert command("predict", tmp_path / "m", "a superb film").out.startswith(names["pos"] + "\t")
    assert "<b>it's" not in (tmp_path / "m" / "report.html").read_text(encoding="utf-8")


# ---------------------------------------------------------------- where the model goes


def test_an_output_folder_that_exists(refused, command, write, tmp_path, small, untouched, model_folder):
    data = write("data.csv", FOUR)
    shutil.copytree(model_folder, tmp_path / "m")
    sentence = refused(data)
    assert "exists already" in sentence and "--overwrite" in sentence


@pytest.mark.parametrize("kind", ["file", "other folder", "model with a folder inside", "dangling link"])
def test_overwrite_replaces_nothing_but_a_model(refused, write, tmp_path, model_folder, kind):
    data, out = write("data.csv", FOUR), tmp_path / "m"
    if kind == "file":
        out.write_text("my thesis")
    elif kind == "other folder":
        write("m/thesis.txt", "my thesis")
    elif kind == "dangling link":
        out.symlink_to(tmp_path / "nowhere")
    else:
        shutil.copytree(model_folder, out)
        write("m/logs/run.txt", "mine")
    assert "not overwritten" in refused(data, "--overwrite")


@pytest.mark.parametrize("place", [".", "..", "/", "data.csv", "data.csv/m"])
@pytest.mark.parametrize("option", ["--overwrite", "--resume", ""])
def test_a_place_where_no_folder_can_be(command, write, tmp_path, small, untouched, monkeypatch, place, option):
    write("sub/data.csv", FOUR * 3)
    monkeypatch.chdir(tmp_path / "sub")
    unchanged = untouched()
    command("train", "data.csv", "--out", place, *small, *([option] if option else [])).refusal()
    unchanged()


def test_tensorboard_inside_the_model_folder(refused, write, tmp_path):
    sentence = refused(write("data.csv", FOUR), "--tensorboard", tmp_path / "m" / "tb")
    assert "choose a folder outside" in sentence


def test_resume_of_nothing(refused, write):
    assert "leave out --resume" in refused(write("data.csv", FOUR), "--resume")


# ---------------------------------------------------------------- a full disk


def unbroken(command, data, small, out) -> bytes:
    assert command("train", data, "--out", out, *small).code == 0
    return (out / "model.safetensors").read_bytes()


def same_after_resume(command, data, small, out, expected):
    """Whatever a full disk left, the same command, with --resume where a checkpoint stands, ends as if nothing was."""
    resume = ["--resume"] if out.with_name(out.name + ".training").exists() else ["--overwrite"]
    again = command("train", data, "--out", out, *small, *resume)
    assert again.code == 0, again.err
    assert (out / "model.safetensors").read_bytes() == expected
    gatewise.load(out)


@pytest.mark.parametrize("limit", [0, 1000, 4000, 9000, 20_000, 40_000])
def test_files_that_may_not_grow(command, tmp_path, small, write, rows, limit):
    """The system refuses to write past a size: at settings, log, checkpoint, model or report, as it comes."""
    data = write("data.csv", rows)
    expected = unbroken(command, data, small, tmp_path / "first")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        answer = command("train", data, "--out", tmp_path / "m", *small)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "could not be written" in answer.refusal()
    left = {path.name for path in tmp_path.iterdir()} - {"data.csv", "first", "m.training"}
    assert left <= {"m"}
    if left:
        assert (tmp_path / "m" / "model.safetensors").read_bytes() == expected
    assert not list(tmp_path.rglob("*.part"))
    same_after_resume(command, data, small, tmp_path / "m", expected)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounts a small disk")
def test_a_small_disk_keeps_the_model_it_holds(command, tmp_path, small, write, rows, model_folder):
    """Of a disk with a model on it, ever less is free: the old model or the new one stands there whole, no less."""
    data, disk = write("data.csv", rows), tmp_path / "disk"
    expected = unbroken(command, data, small, tmp_path / "first")
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], check=False).returncode:
        pytest.skip("may not mount")
    try:
        codes = []
        for free in (8192, 16_384, 32_768, 49_152, 65_536, 90_112, 114_688, 131_072, 163_840, 262_144):
            out = disk / "m"
            for path in disk.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            shutil.copytree(model_folder, out)
            before = {path.name: path.read_bytes() for path in out.iterdir()}
            space = shutil.disk_usage(disk).free - free
            (disk / "ballast").write_bytes(bytes(space))
            answer = command("train", data, "--out", out, *small, "--overwrite")
            codes.append(answer.code)
            if answer.code:
                assert "No space left" in answer.err and answer.err.count("\n") == 1
            (disk / "ballast").unlink()
            now = {path.name: path.read_bytes() for path in out.iterdir()}
            assert now == before or now["model.safetensors"] == expected
            gatewise.load(out)
            assert {path.name for path in disk.iterdir()} <= {"m", "m.training"}
            if answer.code and codes.count(2) in (1, 4):
                same_after_resume(command, data, small, out, expected)
        assert codes[0] == 2 and codes[-1] == 0 and codes == sorted(codes, reverse=True)
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


# ---------------------------------------------------------------- model folders


@pytest.fixture
def broken(command, tmp_path, model_folder, untouched, write):
    """Copy a model folder, damage it, and hold predict and evaluate to one sentence."""
    write("data.csv", FOUR)

    def check(damage) -> str:
        copy = tmp_path / "copy"
        if copy.exists():
            shutil.rmtree(copy)
        shutil.copytree(model_folder, copy)
        damage(copy)
        unchanged = untouched()
        sentence = command("predict", copy, "a film").refusal()
        assert command("evaluate", copy, tmp_path / "data.csv", "--json").refusal() == sentence
        unchanged()
        return sentence

    return check


def test_no_model_folder(command, tmp_path, write):
    for place in (tmp_path / "nowhere", write("file.txt", "x"), tmp_path):
        assert str(place) in command("predict", place, "a film").refusal()


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "empty", "link", "folder", "noise", "fifo"])
def test_a_model_folder_without_a_file_or_with_a_link_out_of_it(broken, tmp_path, name, damage):
    def spoil(copy):
        path = copy / name
        outside = tmp_path / "outside"
        if not outside.exists():
            outside.write_bytes(path.read_bytes())
        path.unlink()
        if damage == "empty":
            path.touch()
        elif damage == "link":
            path.symlink_to(outside)
        elif damage == "folder":
            path.mkdir()
        elif damage == "noise":
            path.write_bytes(np.random.default_rng(0).bytes(3000))
        elif damage == "fifo":
            os.mkfifo(path)

    assert name in broken(spoil)


def test_a_model_folder_without_its_card_works(command, tmp_path, model_folder):
    shutil.copytree(model_folder, tmp_path / "m")
    (tmp_path / "m" / "README.md").unlink()
    assert command("predict", tmp_path / "m", "a good film").code == 0


@pytest.mark.parametrize("kept", [1, 7, 8, 100, 0.5, -1])
def test_a_truncated_safetensors(broken, kept):
    def cut(copy):
        content = (copy / "model.safetensors").read_bytes()
        (copy / "model.safetensors").write_bytes(content[: int(kept * len(content)) if kept == 0.5 else kept])

    assert "model.safetensors" in broken(cut)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_no_number(broken, value):
    def poison(copy):
        tensors = safetensors.numpy.load_file(copy / "model.safetensors")
        name = sorted(tensors)[-1]
        tensors[name] = tensors[name].copy()
        tensors[name].flat[-1] = value
        safetensors.numpy.save_file(tensors, copy / "model.safetensors")

    assert "NaN or infinite" in broken(poison)


@pytest.mark.parametrize(
    "change",
    [
        {"network": {"hidden_size": 10**9}},
        {"network": {"hidden_size": -1}},
        {"network": {"hidden_size": 16}},
        {"network": {"hidden_size": "8"}},
        {"network": {"hidden_size": 1e308}},
        {"network": {"num_layers": 10**9}},
        {"network": {"embedding_dim": 8192, "hidden_size": 8192, "num_layers": 16}},
        {"network": {"pooling": ["max", "max"]}},
        {"network": {"pooling": {"a": 1}}},
        {"network": {"__class__": "os.system"}},
        {"network": None},
        {"vocab_size": 10**12},
        {"vocab_size": 17},
        {"max_tokens": 0},
        {"labels": ["pos"]},
        {"labels": ["pos", "pos"]},
        {"labels": ["a", "b", "c"]},
        {"labels": [None, {}]},
        {"temperature": 0},
        {"temperature": -1.0},
        {"format": "1"},
        {"format": 10**30},
        {"task": "execution"},
        {"surprise": 1},
    ],
    ids=str,
)
def test_a_hostile_config(broken, change):
    def spoil(copy):
        config = json.loads((copy / "config.json").read_text())
        for name, value in change.items():
            config[name] = config[name] | value if isinstance(value, dict) else value
        (copy / "config.json").write_text(json.dumps(config))

    broken(spoil)


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, '{"format": 1, "format": 1}', '{"format": NaN}', "null", "{", f'{{"temperature": 1{"0" * 5000}}}'],
    ids=["deep", "twice", "NaN", "null", "cut", "long number"],
)
def test_a_config_that_is_no_config(broken, content):
    broken(lambda copy: (copy / "config.json").write_text(content))


def test_a_newer_format_asks_for_a_newer_gatewise(broken):
    def renumber(copy):
        config = json.loads((copy / "config.json").read_text()) | {"format": 2, "new": True}
        (copy / "config.json").write_text(json.dumps(config))

    sentence = broken(renumber)
    assert "format 2" in sentence and "newer gatewise" in sentence


def test_a_file_that_is_too_large(broken):
    def inflate(copy):
        for name in ("config.json", "model.safetensors"):
            with (copy / name).open("ab") as file:
                file.truncate(1 << 40)  # a hole: takes no space

    assert "config.json" in broken(inflate)
    sentence = broken(lambda copy: os.truncate(copy / "model.safetensors", 1 << 40))
    assert "1,099,511,627,776 bytes" in sentence


def test_an_unfinished_run_that_is_damaged(command, tmp_path, small, write, rows, untouched):
    """A checkpoint or its settings, cut or changed by hand: refused, and still there afterwards."""
    data, run = write("data.csv", rows), tmp_path / "m.training"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gatewise.runtime.folder.save", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        assert command("train", data, "--out", tmp_path / "m", *small).code == 130
    whole = {path.name: path.read_bytes() for path in run.iterdir()}
    assert set(whole) == {"checkpoint.chosen", "checkpoint.safetensors", "metrics.jsonl", "settings.json"}
    for name, content in [
        ("checkpoint.safetensors", whole["checkpoint.safetensors"][:-100]),
        ("checkpoint.safetensors", b""),
        ("checkpoint.safetensors", np.random.default_rng(0).bytes(5000)),
        ("checkpoint.safetensors", b"\x02" + bytes(7) + b"{}"),
        ("settings.json", b"{}"),
        ("settings.json", b"{"),
        ("settings.json", b'{"tokenizer": {"old": 1}, "network": {"pooling": ["max"]}, "training": {}}'),
    ]:
        (run / name).write_bytes(content)
        unchanged = untouched()
        command("train", data, "--out", tmp_path / "m", *small, "--resume").refusal()
        unchanged()
        (run / name).write_bytes(whole[name])
    assert "has hidden_size=8" in command("train", data, "--out", tmp_path / "m", "--resume", "--hidden-size", 9).err
    assert "other data" in command("train", write("less.csv", rows[:-1]), "--out", tmp_path / "m", "--resume").err
    assert "add --resume" in command("train", data, "--out", tmp_path / "m", *small).refusal()
    assert command("train", data, "--out", tmp_path / "m", "--resume", "-q").code == 0


# ---------------------------------------------------------------- an install without the extras

BASE_INSTALL = (
    "import sys; sys.modules.update(dict.fromkeys(['torch', 'sklearn', 'scipy', 'pyarrow', 'matplotlib'])); "
    "from gatewise.cli.main import main; main()"
)


@pytest.fixture
def on_a_base_install(tmp_path):
    """Run the command where only what answers is installed."""

    def run(*arguments: object) -> Answer:
        done = subprocess.run(
            [sys.executable, "-c", BASE_INSTALL, *map(str, arguments)], cwd=tmp_path, env=environment(),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return Answer(done.returncode, done.stdout, done.stderr)

    return run


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["train", "data.csv"], "train"),
        (["train", "data.csv", "--recipe", "best"], "train"),
        (["pretrain", "data.csv"], "train"),
        (["evaluate", "sentiment-en", "data.parquet"], "train"),
        (["lab", "memory"], "lab"),
        (["lab", "gradients"], "lab"),
        (["lab", "gates", "sentiment-en", "data.csv"], "lab"),
    ],
    ids=" ".join,
)
def test_what_an_extra_brings_is_named_where_it_is_missing(on_a_base_install, write, untouched, arguments, extra):
    write("data.csv", FOUR)
    pq.write_table(pa.table({"text": ["a", "b"], "label": ["x", "y"]}), write("data.parquet", ""))
    unchanged = untouched()
    sentence = on_a_base_install(*arguments).refusal()
    assert sentence.startswith("This needs ") and sentence.endswith(f"; run: pip install 'gatewise[{extra}]'.")
    unchanged()


def test_a_base_install_answers(on_a_base_install, write, tmp_path):
    data = write("data.csv", [("a good film", "positive"), ("a dull, awful film", "negative")])
    answers = on_a_base_install("predict", "sentiment-en", "a good film", "a dull, awful film")
    assert [line.split("\t")[0] for line in answers.lines] == ["positive", "negative"], answers.err
    assert json.loads(on_a_base_install("evaluate", "sentiment-en", data, "--json").out)["accuracy"] == 1
    for method in ("frozen", "contextual", "integrated-gradients"):
        shown = on_a_base_install("explain", "sentiment-en", "a good film", "--method", method)
        assert shown.lines[0].startswith("positive") and shown.lines[0].endswith(f"method {method}"), shown.err
    page = tmp_path / "page.html"
    assert on_a_base_install("explain", "sentiment-en", "a good film", "--html", page).code == 0
    assert "a good film" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["LSTMClassifier", "train_classifier"])
def test_public_names_that_learn_say_what_they_need(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    monkeypatch.delitem(sys.modules, "gatewise.tasks.classify.estimator", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "gatewise.tasks.classify.fit", raising=False)
    with pytest.raises(ImportError, match=r"run: pip install 'gatewise\[train\]'\.$"):
        getattr(gatewise, name)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["-5 stars"], True),
        (["-- no stars"], True),
        (["-5"], True),
        (["--imput", "a b"], False),
        (["--top-k", "x"], False),
    ],
)
def test_a_text_that_begins_as_an_option_does_is_told_of(command, model_folder, given, told):
    answer = command("predict", model_folder, *given)
    assert answer.code == 2 and ('stands after --, as in: gatewise predict MODEL -- "-5 stars"' in answer.err) == told
    assert command("predict", model_folder, "--", "-5 stars").code == 0


def test_pages_replace_pages_alone(command, model_folder, write):
    data = write("data.csv", FOUR)
    before = data.read_bytes()
    for words in (
        ["evaluate", model_folder, data, "--report", data],
        ["explain", model_folder, "good", "--html", data],
    ):
        answer = command(*words)
        assert answer.code == 2 and "does not end in .html or .htm" in answer.err and data.read_bytes() == before
