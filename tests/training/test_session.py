"""The folder of an unfinished run: what may be gone on with, and what is refused before anything is lost."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from gatewise.base.errors import ConfigError, GatewiseError, TrainingError
from gatewise.tasks.classify.settings import Settings
from gatewise.tasks.classify.teach import TEACHER
from gatewise.tasks.pretrain.settings import PretrainingSettings
from gatewise.training.checkpoint import CHECKPOINT
from gatewise.training.log import METRICS, write
from gatewise.training.session import (
    SETTINGS,
    Session,
    opened,
    reserved,
    resumable,
    settle,
    unfinished,
    unfinished_settings,
)

MINE = Settings().replace(epochs=3)


def started(out, settings=MINE, *, name=CHECKPOINT):
    """Leave a run as a kill after its first checkpoint does."""
    with opened(Session(), out, settings, {}, resume=False) as session:
        session.keep(name, {"w": np.ones(2)}, {"step": 3})
    return session.folder


@pytest.mark.parametrize("settings", [MINE, PretrainingSettings().replace(hidden_size=64)])
def test_runs_settings_come_back_as_they_were(tmp_path, settings):
    started(tmp_path / "m", settings)
    assert unfinished_settings(tmp_path / "m", type(settings)()) == settings


def test_runs_of_another_command_are_refused(tmp_path):
    started(tmp_path / "m", PretrainingSettings())
    with pytest.raises(TrainingError, match="another command or version"):
        unfinished_settings(tmp_path / "m", Settings())


def test_runs_of_an_earlier_gatewise_are_refused(tmp_path):
    """It had a classifier's own settings, such as label_smoothing, among those of every training."""
    folder = started(tmp_path / "m")
    stored = json.loads((folder / SETTINGS).read_text())
    stored["training"] |= stored.pop("classification")
    (folder / SETTINGS).write_text(json.dumps(stored))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(TrainingError, match=r"another command or version of gatewise .* leave out --resume and add"):
        settle(tmp_path / "m", None, Settings(), resume=True, overwrite=False)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("name", [CHECKPOINT, TEACHER])
def test_runs_with_a_checkpoint_or_a_learnt_teacher_are_kept_and_resumed(tmp_path, name):
    folder = started(tmp_path / "m", name=name)
    assert resumable(folder)
    with pytest.raises(TrainingError, match="add --resume to go on, or --overwrite"):
        settle(tmp_path / "m", None, Settings(), resume=False, overwrite=False)
    assert settle(tmp_path / "m", None, Settings(), resume=True, overwrite=False) == MINE
    with opened(Session(), tmp_path / "m", MINE, {}, resume=True) as session:
        arrays, values = session.take(name)
        assert session.folder == folder and arrays["w"].tolist() == [1, 1] and values == {"step": 3}
        assert session.holds(name) and not session.holds("other") and session.take("other") is None
    with opened(Session(), tmp_path / "m", MINE, {}, resume=False) as session:
        assert session.folder == folder and session.take(name) is None and not (folder / name).exists()


def test_runs_begin_with_what_is_given_or_else_the_defaults(tmp_path):
    assert settle(tmp_path / "m", MINE, Settings(), resume=False, overwrite=False) is MINE
    assert settle(tmp_path / "m", None, Settings(), resume=False, overwrite=False) == Settings()


@pytest.mark.parametrize(("name", "value"), [("epochs", 4), ("seed", 9)])
def test_runs_resumed_with_another_setting_are_refused(tmp_path, name, value):
    started(tmp_path / "m")
    with pytest.raises(TrainingError, match=f"has {name}={MINE.flat()[name]}; leave that option out"):
        settle(tmp_path / "m", MINE.replace(**{name: value}), Settings(), resume=True, overwrite=False)


def test_runs_that_do_not_exist_cannot_be_resumed(tmp_path):
    with pytest.raises(TrainingError, match="no unfinished run"):
        settle(tmp_path / "m", None, Settings(), resume=True, overwrite=False)


def test_runs_refuse_a_place_that_is_taken_and_a_place_without_a_name(tmp_path):
    (tmp_path / "m").mkdir()
    with pytest.raises(GatewiseError, match="exists already"):
        settle(tmp_path / "m", None, Settings(), resume=False, overwrite=False)
    with pytest.raises(ConfigError, match="is no name"):
        unfinished(tmp_path / "..")


def test_runs_killed_before_their_first_checkpoint_begin_again(tmp_path):
    folder = unfinished(tmp_path / "m")
    folder.mkdir()
    (folder / SETTINGS).write_text(json.dumps({}))
    (folder / METRICS).write_text("old")
    with opened(Session(), tmp_path / "m", MINE, {}, resume=True) as session:
        assert not session.resume and not (folder / METRICS).exists()


def test_runs_killed_before_their_first_checkpoint_stand_in_no_new_ones_way(tmp_path):
    folder = unfinished(tmp_path / "m")
    folder.mkdir()
    (folder / SETTINGS).write_text(json.dumps({}))
    assert settle(tmp_path / "m", None, Settings(), resume=False, overwrite=False) == Settings()


def test_runs_leave_nothing_after_an_error_before_the_first_checkpoint(tmp_path):
    with pytest.raises(KeyboardInterrupt), opened(Session(), tmp_path / "m", MINE, {}, resume=False):
        raise KeyboardInterrupt
    assert not any(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt), opened(Session(), tmp_path / "m", MINE, {}, resume=False) as session:
        session.keep(CHECKPOINT, {}, {})
        raise KeyboardInterrupt
    assert session.holds(CHECKPOINT) is False and resumable(unfinished(tmp_path / "m"))
    session.finish()
    assert not any(tmp_path.iterdir())


def test_runs_tell_what_was_prepared_and_give_their_log(tmp_path):
    events = []
    begun = Session(report=events.append, started=time.perf_counter() - 5)
    with opened(begun, tmp_path / "m", MINE, {"training_texts": 7}, resume=False) as session:
        write(events[0], session.folder)
    [event] = events
    assert (event.kind, event.values, event.step) == ("prepared", {"training_texts": 7}, 0)
    assert 5 <= event.seconds < 6
    assert json.loads(session.log()[METRICS])["training_texts"] == 7
    assert session.report is begun.report and session.started == begun.started


def test_sessions_without_a_folder_keep_nothing_and_count_from_their_start():
    session = Session(resume=True)
    session.keep(CHECKPOINT, {"w": np.ones(1)}, {})
    session.finish()
    assert session.take(CHECKPOINT) is None and session.log() == {} and not session.stopped()
    assert session.counting(100).seconds() == pytest.approx(100 + session.seconds(), abs=0.05)


def test_runs_for_one_place_are_one_at_a_time(tmp_path, monkeypatch):
    """However the place is written; a run for another place goes its way."""
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    with reserved(tmp_path / "m"):
        for same in (tmp_path / "m", tmp_path / "a" / ".." / "m", Path("../m")):
            refused = pytest.raises(TrainingError, match=r"Another run is going on for .*m; wait for its end or give")
            with refused, reserved(same):
                pass
        with reserved(tmp_path / "n"):
            pass
    with reserved(tmp_path / "m"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_runs_that_leave_nothing_leave_no_folders_above_either(tmp_path):
    with reserved(tmp_path / "runs" / "today" / "m"):
        assert (tmp_path / "runs" / "today").is_dir()
    assert not any(tmp_path.iterdir())
    with reserved(tmp_path / "runs" / "today" / "m"):
        (tmp_path / "runs" / "kept").touch()
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["kept"]


def test_runs_where_nothing_can_be_written_are_refused_before_their_work(tmp_path):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file" / "m", tmp_path / ("x" * 300)):
        with pytest.raises(GatewiseError, match="could not be written"), reserved(place):
            pass
