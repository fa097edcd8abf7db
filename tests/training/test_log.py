"""What happens in a run is told in metrics.jsonl, whole lines in order, and to TensorBoard where it is there."""

import json
import logging
import sys

import pytest
from tests.training.test_loop import TRAIN, run, settings

from gatewise.base.errors import MissingExtra
from gatewise.training import loop
from gatewise.training.log import METRICS, Event, tell_logger, tensorboard_writer
from gatewise.training.session import Session


def test_log_is_json_lines_with_the_figures_of_a_run(tmp_path):
    run(folder=tmp_path)
    lines = [json.loads(line) for line in (tmp_path / METRICS).read_text(encoding="utf-8").splitlines()]
    assert [lines[0]["kind"], lines[-1]["kind"]] == ["start", "end"]
    for line in lines:
        assert {"kind", "seconds", "step", "epoch"} <= line.keys()
        if line["kind"] == "step":
            assert {"loss", "tokens_per_second", "learning_rate", "padding", "share"} <= line.keys()
        if line["kind"] == "dev":
            assert {"score", "loss", "best", "padding"} <= line.keys()
            assert (line["name"], line["value"], line["better"]) == ("accuracy", line["score"], "higher")
    assert [line["seconds"] for line in lines] == sorted(line["seconds"] for line in lines)
    assert [line["epoch"] for line in lines if line["kind"] == "dev"] == [1, 2, 3]
    real = int(TRAIN.lengths.sum()) * 3
    cells = sum(
        len(rows) * TRAIN.lengths[rows].max() for epoch in range(3) for rows in loop.order(TRAIN, settings(), epoch)
    )
    assert lines[-1]["padding"] == pytest.approx(1 - real / cells)


def test_log_tensorboard_missing_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtra, match=r"pip install 'gatewise\[tensorboard\]'"):
        tensorboard_writer(tmp_path)


def test_log_without_a_folder_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run()
    assert list(tmp_path.iterdir()) == []


def test_log_tells_the_logger_where_nobody_else_is_told_and_adds_no_handler_that_prints(caplog, capsys):
    assert Session().report is tell_logger
    events = [
        Event("dev", 1.0, 40, 1.0, {"name": "accuracy", "value": 0.875}), Event("step", 1.0, 40, 1.0, {"loss": 0.5}),
        Event("warning", 1.0, values={"message": "Few examples."}),
    ]  # fmt: skip
    with caplog.at_level(logging.DEBUG, "gatewise"):
        for event in events:
            tell_logger(event)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "dev: epoch 1.00, step 40: name accuracy, value 0.875"),
        ("DEBUG", "step: epoch 1.00, step 40: loss 0.5"), ("WARNING", "warning: Few examples."),
    ]  # fmt: skip
    assert [record.event for record in caplog.records] == events
    assert [type(handler) for handler in logging.getLogger("gatewise").handlers] == [logging.NullHandler]
    assert capsys.readouterr() == ("", "")
