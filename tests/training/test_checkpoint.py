"""A run that is stopped, killed or out of disk goes on with the same bits, and takes up nothing that is not its own."""

import errno
import json
import shutil
from pathlib import Path

import pytest
import torch
from tests.checks import told
from tests.training.test_loop import DEV, LN2, STEPS, TRAIN, every_step, run, settings, small, weights

from gatewise.base.errors import GatewiseError, ModelError, TrainingError
from gatewise.base.files import read_checkpoint, tensor_bytes
from gatewise.training import loop
from gatewise.training.checkpoint import CHECKPOINT, Checkpoint
from gatewise.training.log import METRICS
from gatewise.training.loop import train
from gatewise.training.session import Session

__all__ = ["every_step"]  # a fixture


def stop_at(step: int, config=None, **values):
    """Train until Ctrl-C after so many steps; give the network and the events."""
    network, events, steps = small(), [], [0]

    def report(event):
        events.append(event)
        steps.append(event.step)

    session = Session(report=report, stopped=lambda: max(steps) >= step, **values)
    train(network, TRAIN, DEV, config or settings(), session, baseline=LN2)
    return network, events


def made(folder: Path, name: str) -> str:
    (folder / name).mkdir(exist_ok=True)
    return name


def test_checkpoint_stopped_while_it_measures_goes_on_with_the_same_bits(tmp_path, every_step):
    expected, _ = run(folder=tmp_path / made(tmp_path, "whole"))
    made(tmp_path, "parts")
    seen = []
    session = Session(tmp_path / "parts", False, lambda event: seen.append(event.kind), lambda: "dev" in seen)
    event = train(small(), TRAIN, DEV, settings(), session, baseline=LN2)
    assert event.kind == "stopped" and event.step == STEPS
    network, _ = run(small(seed=99), folder=tmp_path / "parts", resume=True)
    assert weights(network) == weights(expected)
    assert told(tmp_path / "parts") == told(tmp_path / "whole")


def test_checkpoint_stopped_again_and_again_goes_on_with_the_same_bits(tmp_path, every_step):
    expected, _ = run(folder=tmp_path / made(tmp_path, "whole"))
    folder = tmp_path / made(tmp_path, "parts")
    stop_at(2, folder=folder)
    for step in (3, 6, 7, 11, 14):
        stop_at(step, folder=folder, resume=True)
    network, _ = run(small(seed=99), folder=folder, resume=True)
    assert weights(network) == weights(expected)
    assert told(folder) == told(tmp_path / "whole")


def test_checkpoint_killed_anywhere_goes_on_with_the_same_bits(tmp_path, every_step):
    """A kill leaves the folder as it is at that moment: copy it at every event and before every step, and go on."""
    config = settings(checkpoint_seconds=0.0)  # a checkpoint after every step
    whole, copies = tmp_path / made(tmp_path, "whole"), []

    def copy_folder():
        copies.append(tmp_path / f"copy{len(copies)}")
        shutil.copytree(whole, copies[-1])
        with (copies[-1] / METRICS).open("a") as log:
            log.write('{"kind": "st')  # a line cut short
        return False

    network = small()
    session = Session(whole, False, lambda event: copy_folder() and None, copy_folder)
    train(network, TRAIN, DEV, config, session, baseline=LN2)
    with_checkpoint = [folder for folder in copies if (folder / CHECKPOINT).exists()]
    assert len(with_checkpoint) > 2 * 3 * STEPS
    for folder in with_checkpoint[::4]:
        again, _ = run(small(seed=99), config, folder=folder, resume=True)
        assert weights(again) == weights(network)
        assert told(folder) == told(whole)
    again, events = run(small(), config, folder=copies[0], resume=True)  # killed before the first one: begins anew
    assert weights(again) == weights(network) and events[0].kind == "start"


@pytest.mark.parametrize(  # with twelve, the generators' order by name must be that by number
    ("threads", "sharing"), [(2, "texts"), (12, "texts"), (2, "operations")]
)
def test_checkpoint_on_several_cores_killed_anywhere_goes_on_with_the_same_bits(tmp_path, every_step, threads, sharing):
    torch.set_num_threads(threads)
    config = settings(checkpoint_seconds=0.0, epochs=1, batch_texts=12, sharing=sharing)
    whole, copies = tmp_path / made(tmp_path, "whole"), []

    def copy_folder():
        copies.append(shutil.copytree(whole, tmp_path / f"copy{len(copies)}"))
        return False

    network, _ = run(config=config, folder=whole, stopped=copy_folder)
    for folder in copies[1:4:2]:
        torch.manual_seed(5)  # the state torch is in does not matter
        again, _ = run(small(seed=99), config, folder=folder, resume=True)
        assert weights(again) == weights(network)
        assert told(folder) == told(whole)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(("seconds", "expected"), [(1000.0, 3), (0.0, 3 * STEPS + 3)])
def test_checkpoint_is_written_after_each_epoch_and_when_it_is_time(tmp_path, monkeypatch, seconds, expected):
    saved = []
    monkeypatch.setattr(Checkpoint, "save", lambda self, run, save=Checkpoint.save: saved.append(save(self, run)))
    run(config=settings(checkpoint_seconds=seconds), folder=tmp_path)
    assert len(saved) == expected


def test_checkpoint_resumes_a_finished_run_as_it_was(tmp_path):
    network, _ = run(folder=tmp_path)
    again, events = run(small(seed=99), folder=tmp_path, resume=True)
    assert weights(again) == weights(network)
    assert [event.kind for event in events] == ["resumed", "start", "end"]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"fingerprint": "other"}, "made with other data"), ({"config": settings(seed=2)}, "made with other settings")],
)
def test_checkpoint_refuses_a_checkpoint_of_another_run(tmp_path, change, message):
    stop_at(3, folder=tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(TrainingError, match=f"{message}; leave out --resume"):
        run(folder=tmp_path, resume=True, **change)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_checkpoint_of_an_earlier_format_is_refused_before_it_is_read(tmp_path):
    stop_at(3, folder=tmp_path)
    arrays, values = read_checkpoint(tmp_path / CHECKPOINT)
    del values["identity"]["format"], values["progress"]["sharing"]  # as an earlier gatewise wrote them
    (tmp_path / CHECKPOINT).write_bytes(tensor_bytes(arrays, values))
    with pytest.raises(TrainingError, match="made with other version of gatewise; leave out --resume"):
        run(folder=tmp_path, resume=True)


def test_checkpoint_says_when_the_bits_may_differ(tmp_path):
    stop_at(3 * STEPS - 1, folder=tmp_path)
    torch.set_num_threads(2)
    _, events = run(folder=tmp_path, resume=True)
    assert events[0].values["changed"] == ["threads was 1 and is now 2"]


@pytest.mark.parametrize("damage", [b"", b"x" * 1000, None])
def test_checkpoint_refuses_a_damaged_checkpoint(tmp_path, damage):
    stop_at(3, folder=tmp_path)
    content = (tmp_path / CHECKPOINT).read_bytes()
    (tmp_path / CHECKPOINT).write_bytes(content[: len(content) // 2] if damage is None else damage)
    with pytest.raises(ModelError, match="truncated or damaged"):
        run(folder=tmp_path, resume=True)


def test_checkpoint_log_shortened_by_a_power_cut_is_not_filled_with_zeros(tmp_path):
    stop_at(STEPS, folder=tmp_path)
    (tmp_path / METRICS).write_text("")
    run(folder=tmp_path, resume=True)
    assert "\0" not in (tmp_path / METRICS).read_text()


class FullDisk:
    """A disk with room for so many writes; of the next one it takes half."""

    def __init__(self, room: int) -> None:
        self.room = room

    def opener(self, opened):
        def open_watched(path, mode="r", *more, **options):
            file = opened(path, mode, *more, **options)
            return WatchedFile(file, self) if mode in ("wb", "ab", "a") else file

        return open_watched


class WatchedFile:
    """An open file on a FullDisk."""

    def __init__(self, file, disk: FullDisk) -> None:
        self.file, self.disk = file, disk

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, content):
        self.disk.room -= 1
        if self.disk.room >= 0:
            return self.file.write(content)
        self.file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")


def test_checkpoint_on_a_full_disk_keeps_the_checkpoint_before(tmp_path, monkeypatch, every_step):
    """Let every single write of a run fail in turn, of checkpoints and of the log; what is left is gone on with."""
    config = settings(checkpoint_seconds=0.0, batch_texts=16, epochs=2)
    expected, _ = run(config=config, folder=tmp_path / made(tmp_path, "whole"))
    resumed = 0
    for room in range(100):
        folder = tmp_path / made(tmp_path, f"room{room}")
        with monkeypatch.context() as patched:
            patched.setattr(Path, "open", FullDisk(room).opener(Path.open))
            try:
                run(config=config, folder=folder)
                break  # room for all
            except GatewiseError as error:
                assert "No space left on device" in str(error) and "free space" in str(error)
        assert {path.name for path in folder.iterdir()} <= {CHECKPOINT, METRICS, "checkpoint.chosen"}
        if (folder / CHECKPOINT).exists():
            resumed += 1
            network, _ = run(small(seed=99), config, folder=folder, resume=True)
            assert weights(network) == weights(expected)
            assert told(folder) == told(tmp_path / "whole")
    assert resumed > 12 and room < 99


def test_checkpoint_goes_on_with_what_the_first_part_chose(tmp_path, monkeypatch):
    torch.set_num_threads(2)
    for name, chosen in (("choose_precision", "bfloat16"), ("choose_sharing", "operations")):
        monkeypatch.setattr(loop, name, lambda *arguments, chosen=chosen: chosen)
    config = settings(precision="auto", sharing="auto")
    stop_at(3, folder=tmp_path, config=config)
    monkeypatch.undo()
    _, events = run(folder=tmp_path, resume=True, config=config)
    assert {name: events[-1].values[name] for name in ("precision", "sharing")} == {
        "precision": "bfloat16", "sharing": "operations",
    }  # fmt: skip


def test_checkpoint_killed_before_the_first_one_computes_on_as_was_chosen(tmp_path, monkeypatch):
    """Tried again, another precision may be the faster, and its bits are others."""
    folder, tries = tmp_path, []

    def probe(answer):
        monkeypatch.setattr(loop, "choose_precision", lambda *values: tries.append(answer) or answer)
        monkeypatch.setattr(loop, "choose_sharing", lambda *values: "operations" if answer == "bfloat16" else "texts")

    def killed(event):
        if event.kind == "step":
            raise KeyboardInterrupt

    probe("bfloat16")
    with pytest.raises(KeyboardInterrupt):
        train(small(), TRAIN, DEV, settings(precision="auto"), Session(folder, False, killed), baseline=LN2)
    assert not (folder / CHECKPOINT).exists() and (folder / METRICS).exists()
    probe("float32")
    _, events = run(config=settings(precision="auto"), folder=folder, resume=True)
    assert tries == ["bfloat16"]
    assert [event.kind for event in events][:2] == ["start", "step"], "nothing has changed that is to be told"
    assert (events[0].values["precision"], events[0].values["sharing"]) == ("bfloat16", "operations")
    kinds = [json.loads(line)["kind"] for line in (folder / METRICS).read_text().splitlines()]
    assert kinds.count("start") == 1, "what was done twice is told once"


def test_checkpoint_of_a_choice_tells_of_another_machine_and_is_refused_for_other_data(tmp_path, monkeypatch):
    run(folder=tmp_path, fingerprint="mine")
    (tmp_path / CHECKPOINT).unlink()
    with pytest.raises(TrainingError, match="made with other data"):
        run(folder=tmp_path, fingerprint="other", resume=True)
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "ABACUS")
    _, events = run(folder=tmp_path, fingerprint="mine", resume=True)
    assert [event.kind for event in events][:2] == ["resumed", "start"] and events[0].step == 0
    assert "is now ABACUS" in events[0].values["changed"][0]


def test_checkpoint_without_a_choice_probes_once_and_a_new_run_again(tmp_path, monkeypatch):
    tries = []
    monkeypatch.setattr(loop, "choose_precision", lambda *values: tries.append(1) or "float32")
    run(folder=tmp_path)
    run(folder=tmp_path)
    assert len(tries) == 2
    run(folder=tmp_path, resume=True)
    assert len(tries) == 2
