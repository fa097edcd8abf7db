"""Pretraining as users do it: text to an encoder, an encoder to a model, and every wrong turn refused in a sentence."""

import json
import math
import re
import shlex
import shutil

import pytest

import gatewise
from gatewise.runtime.folder import load_encoder

OPTIONS = shlex.split("""
    --epochs 3 --embedding-dim 8 --hidden-size 8 --min-count 1 --batch-tokens 128 --learning-rate 0.02 --dev-share 0.1
    --precision float32 --sharing texts --threads 1 --averaging 0.9
""")


@pytest.fixture
def texts(write, rows):
    """A file of texts alone, each another."""
    return write("texts.csv", [(f"{text} number{row}",) for row, (text, _) in enumerate(rows)], header=("text",))


@pytest.fixture(scope="module")
def encoder_folder(english, tmp_path_factory):
    """An encoder folder made by the command. Shared: copy it before changing it."""
    from typer.testing import CliRunner

    from gatewise.cli.main import app

    path = tmp_path_factory.mktemp("encoders")
    (path / "texts.csv").write_text("text\n" + "".join(f"{text} number{n}\n" for n, text in enumerate(english[0])))
    made = CliRunner().invoke(app, ["pretrain", str(path / "texts.csv"), "--out", str(path / "reader"), *OPTIONS])
    assert made.exit_code == 0, made.output
    return path / "reader"


@pytest.fixture
def refused(command, untouched):
    """Run a command that must refuse and leave no trace."""

    def check(*arguments) -> str:
        unchanged = untouched()
        sentence = command(*arguments).refusal()
        unchanged()
        return sentence

    return check


# ---------------------------------------------------------------- what works


def test_pretrain_tells_how_it_goes_and_leaves_an_encoder_with_a_card(spawn, texts, tmp_path):
    made = spawn("pretrain", texts, "--out", "reader", *OPTIONS)
    assert (made.code, len(made.lines)) == (0, 2), made.err
    perplexity = float(re.fullmatch(r"dev perplexity (\d+\.\d+)", made.lines[0])[1])
    assert made.lines[1] == "encoder reader" and perplexity < 60
    assert re.search(r"^\d+ training and \d+ dev texts, [\d,]+ tokens; .*read in", made.err, re.MULTILINE)
    shown = [
        float(value) for value in re.findall(r"^epoch \d\.\d\d: dev perplexity (\d+\.\d+)", made.err, re.MULTILINE)
    ]
    assert len(shown) == 3 and min(shown) == pytest.approx(perplexity, abs=0.011)
    assert sorted(path.name for path in (tmp_path / "reader").iterdir()) == [
        "README.md", "config.json", "metrics.jsonl", "model.safetensors", "tokenizer.json",
    ]  # fmt: skip
    log = [json.loads(line) for line in (tmp_path / "reader" / "metrics.jsonl").read_text().splitlines()]
    assert math.exp(-log[-1]["best"]) == pytest.approx(perplexity, abs=0.006)
    assert all("tokens_per_second" in entry for entry in log if entry["kind"] == "step")
    assert "dev_perplexity" in (tmp_path / "reader" / "README.md").read_text()
    assert not (tmp_path / "reader.training").exists()


def test_a_model_starts_from_the_encoder_and_answers(command, encoder_folder, write, rows, small, tmp_path):
    data = write("data.csv", [(f"{text} zonk", label) for text, label in rows])
    trained = command(
        "train", data, "--out", tmp_path / "m", *small, "--pretrained", encoder_folder,
        "--layer-decay", "0.5", "--epochs", "4",
    )  # fmt: skip
    assert trained.code == 0, trained.err
    model, encoder = gatewise.load(tmp_path / "m"), load_encoder(encoder_folder)
    settings = model.facts["settings"]
    assert (settings["pretrained"], settings["layer_decay"]) == (str(encoder_folder), 0.5)
    assert model.facts["encoder"]["trained_tokens"] == encoder.facts["trained_tokens"]
    assert model.tokenizer.vocab_size == encoder.tokenizer.vocab_size + 1  # zonk is new
    assert command("predict", tmp_path / "m", "a superb warm film").out.startswith("pos\t")


def test_an_encoder_goes_on_from_another_one(command, encoder_folder, texts, tmp_path):
    before = load_encoder(encoder_folder)
    steps = ["--epochs", "2", "--learning-rate", "0.005", "--batch-tokens", "128", "--dev-share", "0.1"]
    more = ["pretrain", texts, "--from", encoder_folder, *steps, "--threads", "1", "--precision", "float32", "--quiet"]
    answer = command(*more, "--out", tmp_path / "more")
    assert answer.code == 0, answer.err
    made = load_encoder(tmp_path / "more")
    assert made.tokenizer.to_json() == before.tokenizer.to_json()
    assert made.network.hidden_size == 8 and made.facts["started_from"]["steps"] == before.facts["steps"]
    assert made.facts["dev_perplexity"] < before.facts["dev_perplexity"] * 1.05
    assert {name: array.shape for name, array in made.weights.items()} == {
        name: array.shape for name, array in before.weights.items()
    }


def test_pretraining_within_minutes_ends_with_an_encoder(command, texts, tmp_path):
    answer = command(
        "pretrain", texts, "--out", tmp_path / "e", *OPTIONS, "--quiet", "--epochs", 9999, "--minutes", 0.04
    )
    assert answer.code == 0, answer.err
    assert load_encoder(tmp_path / "e").facts["trained_seconds"] <= 0.04 * 60 + 1


def test_labels_are_not_looked_at(command, write, rows, tmp_path):
    """Neither which column holds them nor whether every row has one: the same text gives the same encoder."""
    whole = [f"{text} number{row}" for row, (text, _) in enumerate(rows)]
    forms = {
        "alone.csv": (("text",), [(text,) for text in whole]),
        "gaps.csv": (("text", "label"), [(text, "pos" if row % 3 else "") for row, text in enumerate(whole)]),
        "several.csv": (("id", "text", "product", "stars"), [(n, text, "tea", n % 5) for n, text in enumerate(whole)]),
    }
    found = set()
    for name, (header, content) in forms.items():
        data, out = write(name, content, header=header), tmp_path / name.removesuffix(".csv")
        answer = command("pretrain", data, "--out", out, *OPTIONS, "--quiet", "--epochs", "1")
        assert answer.code == 0, answer.err
        found.add((out / "model.safetensors").read_bytes())
    assert len(found) == 1
    data, more = write("data.csv", rows), tmp_path / "several.csv"
    options = ["--epochs", "1", "--hidden-size", "4", "--min-count", "1", "--precision", "float32", "--threads", "1"]
    assert command("train", data, "--unlabelled", more, "--out", tmp_path / "m", *options, "-q").code == 0
    assert gatewise.load(tmp_path / "m").facts["unlabelled_texts"] == len(whole)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("content", "header", "complaint"),
    [
        ([("pos",), ("neg",)] * 20, ("label",), "no column clearly of texts"),
        ([("one text",)], ("text",), "1 different texts to learn a language from, too few"),
        ([("the same text",)] * 30, ("text",), "1 different texts"),
        ([(" ",)] * 30, ("text",), "0 different texts"),
        ([(f"word{'abcdefghij'[row % 10]}{'abcdefghij'[row // 10]}",) for row in range(60)], ("text",), "min_count"),
    ],
    ids=["labels only", "one text", "copies", "blanks", "each word once"],
)
def test_text_from_which_no_language_can_be_learnt(refused, write, tmp_path, content, header, complaint):
    data = write("data.csv", content, header=header)
    options = [*OPTIONS, "--quiet", "--min-count", "5"]
    assert complaint in refused("pretrain", data, "--out", tmp_path / "e", *options)


def test_a_budget_too_short_for_one_step_leaves_nothing_in_the_way(refused, command, texts, tmp_path):
    arguments = ["pretrain", texts, "--out", tmp_path / "e", *OPTIONS, "--quiet"]
    assert "before its first step" in refused(*arguments, "--minutes", "0.00001")
    assert command(*arguments, "--epochs", "1").code == 0


def test_options_that_contradict_the_encoder_to_go_on_from(refused, encoder_folder, texts, tmp_path):
    arguments = ["pretrain", texts, "--out", tmp_path / "e", "--from", encoder_folder, "--quiet"]
    for option, value in (("--hidden-size", 9), ("--embedding-dim", 4), ("--num-layers", 2)):
        name = option.removeprefix("--").replace("-", "_")
        assert f"{name} is {value} and the encoder, of another shape, has" in refused(*arguments, option, value)


def test_an_encoder_learns_the_backward_direction_and_cannot_unlearn_it(command, encoder_folder, texts, tmp_path):
    more = ["pretrain", texts, "--threads", 1, "--dev-share", 0.1, "--epochs", 1, "--quiet"]
    answer = command(*more, "--out", tmp_path / "both", "--from", encoder_folder, "--bidirectional")
    assert answer.code == 0, answer.err
    before, both = load_encoder(encoder_folder), load_encoder(tmp_path / "both")
    assert both.network.bidirectional and all((both.weights[name] == old).all() for name, old in before.weights.items())
    back = command(*more, "--out", tmp_path / "less", "--from", tmp_path / "both", "--no-bidirectional")
    assert "another shape; leave out the options that shape the network" in back.refusal()
    assert not (tmp_path / "less").exists()


def test_two_layers_in_both_directions(refused, texts, tmp_path):
    options = [*OPTIONS, "--bidirectional", "--num-layers", "2", "--quiet"]
    assert "use one layer" in refused("pretrain", texts, "--out", tmp_path / "e", *options)


def test_a_model_where_an_encoder_belongs_and_the_reverse(
    refused, encoder_folder, model_folder, texts, write, rows, small, tmp_path
):
    data, out = write("data.csv", rows), ["--out", tmp_path / "m"]
    for arguments in (["train", data, *out, *small, "--pretrained"], ["pretrain", texts, *out, "--from"]):
        assert "is a model, not an encoder" in refused(*arguments, model_folder)
        assert "is no encoder folder" in refused(*arguments, tmp_path / "nowhere")
    assert "is an encoder, not a model" in refused("predict", encoder_folder, "a film")
    assert "is an encoder, not a model" in refused("evaluate", encoder_folder, data)


def test_an_encoder_that_is_damaged(refused, encoder_folder, write, rows, small, tmp_path):
    data, copy = write("data.csv", rows), tmp_path / "copy"
    shutil.copytree(encoder_folder, copy)
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        content = (copy / name).read_bytes()
        (copy / name).write_bytes(content[: len(content) // 2])
        assert name in refused("train", data, "--out", tmp_path / "m", *small, "--pretrained", copy)
        (copy / name).write_bytes(content)


def test_a_place_that_is_taken(refused, encoder_folder, texts, tmp_path):
    shutil.copytree(encoder_folder, tmp_path / "e")
    assert "exists already" in refused("pretrain", texts, "--out", tmp_path / "e", *OPTIONS, "--quiet")
