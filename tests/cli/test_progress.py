"""What a run says: progress for people and for logs, and Ctrl-C as a request."""

import signal
from dataclasses import replace

import pytest

from gatewise.cli import progress
from gatewise.training.log import Event

EVENT = Event("step", 30.0, 10, 0.5, {"done": 0.25, "loss": 0.61234, "tokens_per_second": 12345, "padding": 0.02})


def test_progress_without_a_terminal_is_a_line_every_ten_seconds(monkeypatch, capsys):
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with progress.show_progress(False) as show:
        for second in range(50):  # one event a second, each a 128th of a run whose first quarter was reading
            now += 1
            show(replace(EVENT, seconds=now, values=EVENT.values | {"done": 0.25 + second / 128}))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert lines[0].strip().startswith("27 %") and "loss 0.6123" in lines[0] and "12,345 tokens/s" in lines[0]
    assert lines[0].endswith("1:34 left")


def test_progress_when_quiet_tells_warnings_only(capsys):
    with progress.show_progress(True) as show:
        show(EVENT)
        show(Event("dev", 1.0, 1, 1.0, {"name": "accuracy", "value": 0.5, "loss": 0.7}))
        show(Event("warning", 1.0, 1, 1.0, {"message": "The loss is still 0.693."}))
    out, err = capsys.readouterr()
    assert (out, err) == ("", "The loss is still 0.693.\n")


def test_progress_shows_dev_accuracy_with_the_next_steps(monkeypatch, capsys):
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with progress.show_progress(False) as show:
        show(Event("dev", 65.0, 10, 1.0, {"name": "accuracy", "value": 0.875, "loss": 0.4}))
        now += 20
        show(EVENT)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "epoch 1.00: dev accuracy 0.8750, loss 0.4000, 1:05"
    assert "dev accuracy 0.8750" in lines[1]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            Event("prepared", 3.2, 0, 0.0, {
                "training_texts": 22500, "dev_texts": 2500, "dev_split": "by group", "left_out_equal_to_test": 123,
                "blank_training_texts": 0, "unlabelled_texts": 0,
            }),
            "22,500 training and 2,500 dev texts (split by group); 123 training texts equal to a test text left out; "
            "read in 3 s",
        ),
        (Event("start", 0, 0, 0, {"epochs": 2, "precision": "float32", "sharing": "texts"}),
         "training, 2 epoch(s) at most, in float32"),
        (Event("start", 0, 0, 0, {"epochs": 2, "precision": "bfloat16", "sharing": "operations"}),
         "training, 2 epoch(s) at most, in bfloat16, all cores on each operation"),
        (Event("resumed", 0, 7, 0, {"changed": []}), "resumed at step 7"),
        (Event("resumed", 0, 7, 0, {"changed": ["threads was 2 and is now 1"]}),
         "resumed at step 7; the bits may differ: threads was 2 and is now 1"),
        (Event("warning", 0, 7, 0, {"message": "Look."}), "Warning: Look."),
    ],
)  # fmt: skip
def test_progress_tells_each_event_in_a_line(event, line):
    assert progress.event_line(event) == line


@pytest.mark.parametrize(
    ("seconds", "shown"), [(None, "?"), (0, "0:00"), (59.9, "0:59"), (61, "1:01"), (3723, "62:03")]
)
def test_progress_shows_minutes_and_seconds(seconds, shown):
    assert progress.duration(seconds) == shown


SIGNALS = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))]
STEP = Event("step", 30.0, 10, 0.5, {})


@pytest.mark.parametrize("number", SIGNALS)
def test_progress_a_signal_once_asks_and_twice_stops(number, tmp_path, capsys):
    before = [signal.getsignal(one) for one in SIGNALS]
    with (
        pytest.raises((KeyboardInterrupt, SystemExit)) as end,
        progress.watched(True, tmp_path / "m") as (report, stop),
    ):
        report(STEP)
        assert not stop()
        signal.raise_signal(number)
        assert stop() and stop.code == 128 + number
        report(replace(STEP, kind="dev"))
        signal.raise_signal(number)
    assert end.type is KeyboardInterrupt if number == signal.SIGINT else end.value.code == 128 + number
    assert [signal.getsignal(one) for one in SIGNALS] == before
    name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
    assert capsys.readouterr().err.splitlines() == [
        f"Stopping after this step; once more {name} stops at once and keeps only the last checkpoint.", "Stopped.",
    ]  # fmt: skip


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(
    "events",
    [
        [], [Event("prepared", 3.0)], [Event("prepared", 3.0), Event("start", 0.0)],
        [STEP, Event("end", 40.0, 20)], [STEP, Event("end", 40.0, 20), Event("answering", 0.0)],
        [STEP, Event("end", 40.0, 20), Event("answering", 0.0), Event("start", 0.0)],
    ],
)  # fmt: skip
def test_progress_a_signal_while_no_step_is_under_way_stops_at_once(number, events, tmp_path, capsys):
    (tmp_path / "m.training").mkdir()
    (tmp_path / "m.training" / "teacher.safetensors").touch()
    with pytest.raises((KeyboardInterrupt, SystemExit)), progress.watched(True, tmp_path / "m") as (report, stop):
        for event in events:
            report(event)
        signal.raise_signal(number)
    assert not stop() and capsys.readouterr().err == "Stopped; the same command with --resume goes on.\n"


@pytest.mark.parametrize("number", SIGNALS[1:])
def test_progress_a_signal_that_is_ignored_stays_so(number, tmp_path):
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with progress.watched(True, tmp_path / "m") as (report, stop):
            report(STEP)
            signal.raise_signal(number)
            assert not stop()
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize(
    ("name", "value", "figure"),
    [
        ("accuracy", 0.875, "accuracy 0.8750"), ("accuracy", 1.0, "accuracy 1.0000"),
        ("perplexity", 79.35, "perplexity 79.35"), ("error", -0.25, "error -0.2500"),
    ],
)  # fmt: skip
def test_progress_names_the_figure_as_its_event_does(name, value, figure):
    values = {"score": -9.0, "name": name, "value": value, "better": "higher", "loss": 2.0}
    assert progress.event_line(Event("dev", 65.0, 10, 1.0, values)) == f"epoch 1.00: dev {figure}, loss 2.0000, 1:05"


def test_progress_says_that_texts_are_being_answered_for_a_student(capsys):
    with progress.show_progress(quiet=False) as show:
        show(Event("answering", 0.0, 0, 0.0, {"texts": 49730}))
    assert capsys.readouterr().err == "answering 49,730 unlabelled texts for the next network to learn from\n"


def test_progress_tells_what_was_noticed_in_text_without_labels():
    notes = {"training_texts": 900, "training_tokens": 12345, "dev_texts": 9, "left_out_copies": 3}
    line = progress.event_line(Event("prepared", 3.2, 0, 0.0, notes))
    assert line == "900 training and 9 dev texts, 12,345 tokens; 3 copies left out; read in 3 s"


def test_progress_of_a_long_work_is_told_now_and_then(monkeypatch, capsys):
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    tell = progress.now_and_then(lambda done, of: f"{done} of {of}", seconds=2)
    for done in range(8):
        tell(done, 8)
        now += 1
    assert capsys.readouterr().err.splitlines() == ["3 of 8", "6 of 8"]


def test_progress_lists_classes_with_their_counts_rarest_last():
    notes = {"training_texts": 900, "dev_texts": 9, "classes": {"good, or so": 8000, "bad\n": 12}}
    shown = progress.event_line(Event("prepared", 3.2, 0, 0.0, notes))
    assert shown.splitlines()[1:] == ["2 classes, rarest last: good, or so 8,000, bad 12"]
    notes["classes"] = {f"c{place}": 100 - place for place in range(100)}
    (shown,) = progress.event_line(Event("prepared", 3.2, 0, 0.0, notes)).splitlines()[1:]
    assert shown.startswith("100 classes, rarest last: c0 100, c1 99, ") and shown.endswith("c98 2, c99 1")
    assert "c9 91, ... 85 more ..., c95 5, " in shown
    notes["classes"] = dict(list(notes["classes"].items())[:15])
    assert "more" not in progress.event_line(Event("prepared", 3.2, 0, 0.0, notes))
