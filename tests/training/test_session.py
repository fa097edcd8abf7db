"""The folder of an unfinished run: what may be gone on with, and what is refused before anything is lost."""

import json

import pytest

from gatewise.base.errors import ConfigError, GatewiseError, TrainingError
from gatewise.tasks.classify.settings import Settings
from gatewise.tasks.pretrain.settings import PretrainingSettings
from gatewise.training.loop import CHECKPOINT
from gatewise.training.session import SETTINGS, TEACHER, opened, resumable, settle, unfinished, unfinished_settings

MINE = Settings().replace(epochs=3)


def started(out, settings=MINE, *, name=CHECKPOINT):
    """Leave a run as a kill after its first checkpoint does."""
    with opened(out, settings, resume=False) as (folder, _):
        (folder / name).write_bytes(b"weights")
    return folder


@pytest.mark.parametrize("settings", [MINE, PretrainingSettings().replace(hidden_size=64)])
def test_runs_settings_come_back_as_they_were(tmp_path, settings):
    started(tmp_path / "m", settings)
    assert unfinished_settings(tmp_path / "m", type(settings)()) == settings


def test_runs_of_another_command_are_refused(tmp_path):
    started(tmp_path / "m", PretrainingSettings())
    with pytest.raises(TrainingError, match="another command or version"):
        unfinished_settings(tmp_path / "m", Settings())


@pytest.mark.parametrize("name", [CHECKPOINT, TEACHER])
def test_runs_with_a_checkpoint_or_a_learnt_teacher_are_kept_and_resumed(tmp_path, name):
    folder = started(tmp_path / "m", name=name)
    assert resumable(folder)
    with pytest.raises(TrainingError, match="add --resume to go on, or --overwrite"):
        settle(tmp_path / "m", None, Settings(), resume=False, overwrite=False)
    assert settle(tmp_path / "m", None, Settings(), resume=True, overwrite=False) == MINE
    with opened(tmp_path / "m", MINE, resume=True) as (again, resume):
        assert (again, resume) == (folder, True) and (again / name).read_bytes() == b"weights"


def test_runs_resumed_with_another_setting_are_refused(tmp_path):
    started(tmp_path / "m")
    with pytest.raises(TrainingError, match="has epochs=3; leave that option out"):
        settle(tmp_path / "m", MINE.replace(epochs=4), Settings(), resume=True, overwrite=False)


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
    (folder / "metrics.jsonl").write_text("old")
    with opened(tmp_path / "m", MINE, resume=True) as (_, resume):
        assert not resume and not (folder / "metrics.jsonl").exists()


def test_runs_leave_nothing_after_an_error_before_the_first_checkpoint(tmp_path):
    with pytest.raises(KeyboardInterrupt), opened(tmp_path / "m", MINE, resume=False):
        raise KeyboardInterrupt
    assert not any(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt), opened(tmp_path / "m", MINE, resume=False) as (folder, _):
        (folder / CHECKPOINT).write_bytes(b"weights")
        raise KeyboardInterrupt
    assert (unfinished(tmp_path / "m") / CHECKPOINT).exists()
