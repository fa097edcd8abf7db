"""Files are written whole or not at all, whatever fails and when; only small, regular, well-formed ones are read."""

import contextlib
import errno
import json
import os
import struct
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base import files
from gatewise.base.errors import GatewiseError, ModelError
from gatewise.base.files import (
    make_folder,
    new_folder,
    read_checkpoint,
    read_json,
    read_limited,
    read_tensors,
    refuse_existing,
    refuse_place,
    remove_folder,
    tensor_bytes,
    write_atomically,
    write_pieces,
)
from gatewise.base.places import exists, is_file, is_folder, standing

ARRAYS = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.array([1.5, -2], dtype=np.float32)}
STORED = {name: (array.shape, "float32") for name, array in ARRAYS.items()}
FULL = OSError(errno.ENOSPC, "No space left on device")


class FailingFile:
    """A file on a disk that is full in the middle of a write, or when it is flushed."""

    def __init__(self, file, where):
        self.file, self.where = file, where

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.file.close()

    def write(self, content):
        if self.where == "write":
            self.file.write(content[: len(content) // 2])
            raise FULL
        return self.file.write(content)

    def flush(self):
        if self.where == "flush":
            raise FULL
        self.file.flush()

    def fileno(self):
        return self.file.fileno()


def break_at(monkeypatch, where):
    """Let writing fail at one of its steps."""

    def fail(*values, **names):
        raise FULL

    opened = Path.open
    if where == "open":
        monkeypatch.setattr(Path, "open", fail)
    elif where in ("write", "flush"):
        monkeypatch.setattr(Path, "open", lambda path, *mode, **more: FailingFile(opened(path, *mode, **more), where))
    elif where == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, where, fail)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("where", ["open", "write", "flush", "fsync", "replace"])
@pytest.mark.parametrize("existing", [None, b"old"])
def test_files_write_leaves_the_old_content_whatever_fails(tmp_path, monkeypatch, where, existing):
    path = tmp_path / "file"
    if existing:
        path.write_bytes(existing)
    with monkeypatch.context() as broken:
        break_at(broken, where)
        with pytest.raises(GatewiseError, match=r"file could not be written \(No space left on device\); free space"):
            write_atomically(path, b"new content")
    assert names_in(tmp_path) == (["file"] if existing else [])
    assert not existing or path.read_bytes() == existing
    write_atomically(path, b"new content")
    assert path.read_bytes() == b"new content" and names_in(tmp_path) == ["file"]


def test_files_write_into_a_missing_folder_is_one_sentence(tmp_path):
    with pytest.raises(GatewiseError, match="No such file or directory"):
        write_atomically(tmp_path / "none" / "file", b"x")
    (tmp_path / "file").touch()
    with pytest.raises(GatewiseError, match="could not be written"):
        make_folder(tmp_path / "file" / "folder")


def test_files_read_limited_refuses_links_folders_and_large_files(tmp_path):
    real = tmp_path / "real"
    real.write_bytes(b"12345")
    assert read_limited(real, 5) == b"12345"
    with pytest.raises(ModelError, match=r"has 5 bytes, more than the 4 it can need"):
        read_limited(real, 4)
    link = tmp_path / "link"
    link.symlink_to(real)
    with pytest.raises(ModelError, match="is a symbolic link"):
        read_limited(link, 5)
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    with pytest.raises(ModelError, match="is a symbolic link"):
        read_limited(tmp_path / "dangling", 5)
    for missing in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(ModelError, match="is missing"):
            read_limited(missing, 5)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_files_read_limited_does_not_wait_for_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelError, match="is missing"):
        read_limited(tmp_path / "pipe", 5)


def test_files_read_limited_says_when_permission_is_missing(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.touch()

    def refuse(*mode):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ModelError, match=r"could not be read \(Permission denied\)"):
        read_limited(path, 5)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1]", b"3", b'{"a": 1, "a": 1}', b'{"b": {"a": 1, "a": 2}}', b'{"a": "\xff"}', b"\xff\xfe{}",
     b"[" * 100_000, b'{"a":' * 100_000, b'{"a": ' + b"9" * 5000 + b"}", b"{} {}"],
)  # fmt: skip
def test_files_read_json_refuses_what_is_no_object(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"x\.json is damaged \(.*\); copy the model folder again\.$") as caught:
        read_json(path, 1 << 20)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_files_read_json_reads_an_object(tmp_path):
    (tmp_path / "x.json").write_text('{"a": {"a": [1, "好"]}}', encoding="utf-8")
    assert read_json(tmp_path / "x.json", 100) == {"a": {"a": [1, "好"]}}


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def with_header(header: object, data: bytes = b"") -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


def test_files_tensors_round_trip_and_are_reproducible(tmp_path):
    content = tensor_bytes(ARRAYS)
    assert content == tensor_bytes(ARRAYS) == tensor_bytes({name: ARRAYS[name].copy() for name in ARRAYS})
    assert content == tensor_bytes({"b": np.asfortranarray(ARRAYS["b"]), "a": np.repeat(ARRAYS["a"], 2)[::2]})
    found = read_tensors(written(tmp_path / "w", content), STORED)
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], array)


def test_files_checkpoint_keeps_every_kind_of_array_and_number(tmp_path):
    arrays = {
        "scalar": np.array(3.5, dtype=np.float32),
        "bytes": np.arange(5, dtype=np.uint8),
        "empty": np.empty((0, 3), dtype=np.float32),
        "whole": np.array([[2**40]], dtype=np.int64),
        "odd": np.array([np.nan, np.inf, -0.0], dtype=np.float32),
    }
    metadata = {"score": 0.1 + 0.2, "loss": float("inf"), "text": '好\n"', "none": None, "nested": {"list": [1]}}
    found, again = read_checkpoint(written(tmp_path / "c", tensor_bytes(arrays, metadata)))
    assert again == metadata
    assert {name: (array.shape, array.dtype, array.tobytes()) for name, array in found.items()} == {
        name: (array.shape, array.dtype, array.tobytes()) for name, array in arrays.items()
    }


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"a": ((2,), "float32")}, r"tensor 'b' is \(2, 3\) there and should be absent"),
        (STORED | {"c": ((1,), "float32")}, r"tensor 'c' is missing there and should be \(1,\)"),
        (STORED | {"b": ((3, 2), "float32")}, r"tensor 'b' is \(2, 3\) there and should be \(3, 2\)"),
        (STORED | {"b": ((6,), "float32")}, "tensor 'b'"),
        ({}, "should be absent"),
    ],
)
def test_files_tensors_of_other_names_or_shapes_are_refused(tmp_path, expected, message):
    with pytest.raises(ModelError, match=message):
        read_tensors(written(tmp_path / "w", tensor_bytes(ARRAYS)), expected)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32])
def test_files_tensors_of_another_type_are_refused(tmp_path, dtype):
    content = tensor_bytes({"b": ARRAYS["b"], "a": ARRAYS["a"].astype(dtype)})
    with pytest.raises(ModelError, match="not float32"):
        read_tensors(written(tmp_path / "w", content), STORED)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_files_tensors_of_every_type_expected_come_back(tmp_path, dtype):
    arrays = {"a": np.array([[1, -127], [0, 3]], dtype=dtype), "b": ARRAYS["b"]}
    path = written(tmp_path / "w", tensor_bytes(arrays))
    found = read_tensors(path, {"a": ((2, 2), dtype), "b": STORED["b"]})
    assert found["a"].dtype == dtype and found["b"].dtype == np.float32
    np.testing.assert_array_equal(found["a"], arrays["a"])
    for other in {"float32", "float16", "int8"} - {dtype}:
        if np.dtype(other).itemsize >= np.dtype(dtype).itemsize:
            with pytest.raises(ModelError, match=rf"holds numbers in 'a' that are not {other}; .*\.$"):
                read_tensors(path, {"a": ((2, 2), other), "b": STORED["b"]})


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_files_tensors_with_a_number_that_is_none_are_refused(tmp_path, value):
    array = ARRAYS["b"].copy()
    array[1, 2] = value
    with pytest.raises(ModelError, match="NaN or infinite weight in 'b'"):
        read_tensors(written(tmp_path / "w", tensor_bytes(ARRAYS | {"b": array})), STORED)


def test_files_tensors_truncated_anywhere_are_refused(tmp_path):
    content = tensor_bytes(ARRAYS)
    for length in range(len(content)):
        with pytest.raises(ModelError):
            read_tensors(written(tmp_path / "w", content[:length]), STORED)
        with pytest.raises(ModelError):
            read_checkpoint(written(tmp_path / "w", tensor_bytes(ARRAYS, {"x": 1})[:length]))


@pytest.mark.parametrize("extra", [b"\0", b"x" * 100])
def test_files_tensors_with_bytes_after_the_end_are_refused(tmp_path, extra):
    with pytest.raises(ModelError):
        read_tensors(written(tmp_path / "w", tensor_bytes(ARRAYS) + extra), STORED)


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "header",
    [
        [], [1], 3, "x", None, {"a": 3}, {"a": []}, {"a": None}, {"a": {}}, {"a": ENTRY | {"shape": 5}},
        {"a": ENTRY | {"shape": None}}, {"a": ENTRY | {"shape": "2"}}, {"a": ENTRY | {"shape": [[2]]}},
        {"a": ENTRY | {"shape": [2.0]}}, {"a": ENTRY | {"shape": [-2]}}, {"a": ENTRY | {"shape": [2**63]}},
        {"a": ENTRY | {"data_offsets": [0, 4]}}, {"a": ENTRY | {"data_offsets": [4, 12]}}, {"a": ENTRY | {"dtype": []}},
        {"a": ENTRY | {"data_offsets": [8, 0]}}, {"a": ENTRY | {"data_offsets": [0, 2**63]}}, {"__metadata__": []},
        {"__metadata__": {"x": 1}, "a": ENTRY}, {}, {"a": ENTRY, "c": ENTRY}, b"", b"{", b"[" * 10_000, b"\xff",
        b'{"a": {}, "a": {}}', b'{"a":' * 10_000,
    ],
)  # fmt: skip
def test_files_tensors_with_a_hostile_header_are_refused(tmp_path, header):
    path = written(tmp_path / "w", with_header(header, bytes(8)))
    with pytest.raises(ModelError) as caught:
        read_tensors(path, {"a": ((2,), "float32")})
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelError):
        read_checkpoint(path)


@pytest.mark.parametrize("size", [2**63, 2**64 - 1, 2**40, 100])
def test_files_tensors_believe_no_header_size(tmp_path, size):
    path = written(tmp_path / "w", struct.pack("<Q", size) + b"{}")
    tracemalloc.start()
    with pytest.raises(ModelError, match="truncated or damaged"):
        read_tensors(path, {"a": ((2,), "float32")})
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_files_tensors_larger_than_they_can_be_are_not_opened(tmp_path):
    path = tmp_path / "w"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # sparse: takes no disk
    with pytest.raises(ModelError, match="it is not opened"):
        read_tensors(path, STORED)


@given(st.data())
def test_files_tensors_survive_any_damage(tmp_path_factory, data):
    content = bytearray(tensor_bytes(ARRAYS, {"x": 1}))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = written(tmp_path_factory.getbasetemp() / "mutated", bytes(content))
    for read in (lambda: read_tensors(path, STORED), lambda: read_checkpoint(path)):
        try:
            read()
        except ModelError as error:
            assert "\n" not in str(error)


def test_files_new_folder_appears_whole(tmp_path):
    path = tmp_path / "above" / "model"
    with new_folder(path, overwrite=False) as folder:
        (folder / "a").write_text("1")
        assert not path.exists()
    assert names_in(tmp_path / "above") == ["model"] and names_in(path) == ["a"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), ValueError()])
def test_files_new_folder_leaves_nothing_on_failure(tmp_path, error):
    def build():
        with new_folder(tmp_path / "model", overwrite=False) as folder:
            (folder / "a").write_text("1")
            raise error

    with pytest.raises(GatewiseError if isinstance(error, OSError) else type(error)):
        build()
    assert names_in(tmp_path) == []


def model_in(path: Path) -> Path:
    path.mkdir()
    (path / "config.json").write_text("{}")
    (path / "old").write_text("old")
    return path


@pytest.mark.parametrize("failing", [None, 1, 2])
def test_files_new_folder_replaces_a_model_folder_or_keeps_it(tmp_path, monkeypatch, failing):
    path, rename, calls = model_in(tmp_path / "model"), Path.rename, []

    def maybe(self, target):
        calls.append(self)
        if len(calls) == failing:
            raise FULL
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", maybe)
    monkeypatch.setattr(files, "_exchange", lambda one, other: False)  # of a system that cannot
    if failing:
        with pytest.raises(GatewiseError, match="model could not be written"), new_folder(path, overwrite=True) as made:
            (made / "config.json").touch()
        assert names_in(path) == ["config.json", "old"] and (path / "old").read_text() == "old"
    else:
        with new_folder(path, overwrite=True) as made:
            (made / "new").touch()
        assert names_in(path) == ["new"]
    assert names_in(tmp_path) == ["model"]


def test_files_new_folder_keeps_the_old_one_when_building_fails(tmp_path):
    path = model_in(tmp_path / "model")
    with pytest.raises(ZeroDivisionError), new_folder(path, overwrite=True) as made:
        (made / "config.json").touch()
        raise ZeroDivisionError
    assert names_in(path) == ["config.json", "old"] and names_in(tmp_path) == ["model"]


def test_files_new_folder_minds_no_rest_of_a_killed_process(tmp_path):
    path = model_in(tmp_path / "model")
    for end in ("part", "old"):
        for number in (os.getpid(), 1, 4194304):  # whether or not a process has its number now
            rest = tmp_path / f".model.{number}.{end}"
            rest.mkdir()
            (rest / "rest").touch()
    others = [".model.x.part", ".models.1.part", ".model.1.lock"]
    for name in others:
        (tmp_path / name).mkdir()
    with new_folder(path, overwrite=True) as made:
        (made / "new").touch()
    assert names_in(path) == ["new"] and names_in(tmp_path) == sorted([*others, "model"])


def replace_and_die(path: Path, moment: int) -> bool:
    """Replace a model folder in a process of its own that dies before its so many-th file event; say whether it did."""
    if (child := os.fork()) == 0:
        left = moment

        def count(event: str, arguments: object) -> None:
            nonlocal left
            if event in ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "fcntl.flock"):
                left -= 1
                if left == 0:
                    os._exit(9)

        sys.addaudithook(count)
        try:
            with new_folder(path, overwrite=True) as folder:
                write_atomically(folder / "config.json", b"{}")
                write_atomically(folder / "new", b"new")
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("exchanges", [True, False])
def test_files_new_folder_shows_a_reader_the_old_or_the_new_wherever_it_dies(tmp_path, monkeypatch, exchanges):
    if not exchanges:
        monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    elif not files._exchange(model_in(tmp_path / "a"), model_in(tmp_path / "b")):
        exchanges = False  # on this file system
    seen, moment = [], 1
    while True:
        place = tmp_path / str(moment)
        place.mkdir()
        path = model_in(place / "model")
        died = replace_and_die(path, moment)
        if exchanges:
            assert path.is_dir()
        found = names_in(standing(path))
        assert found in (["config.json", "old"], ["config.json", "new"])
        seen.append("new" in found)
        refuse_existing(path, overwrite=True)
        assert standing(path) == path and names_in(path) == found, "put back at the next occasion"
        with pytest.raises(GatewiseError, match="exists already"), new_folder(path, overwrite=False):
            pass
        with new_folder(path, overwrite=True) as folder:
            (folder / "third").touch()
        assert names_in(place) == ["model"] and names_in(path) == ["third"]
        if not died:
            break
        moment += 1
    assert moment > 15 and seen == sorted(seen) and seen[-1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_files_written_by_many_at_once_are_whole(tmp_path):
    """They wrote into one and the same partial file, so that halves of two could stand under the name."""
    path = tmp_path / "file"
    path.write_bytes(b"0" * 300_000)
    children = []
    for digit in b"1234":
        if (child := os.fork()) == 0:
            ended = 1
            try:
                for _ in range(30):
                    write_atomically(path, bytes([digit]) * (digit - 40) * 30_000)
                ended = 0
            finally:
                os._exit(ended)
        children.append(child)
    for _ in range(300):
        content = path.read_bytes()
        assert content == content[:1] * len(content)
        assert len(content) == ((content[0] - 40) * 30_000 if content[:1] != b"0" else 300_000)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4
    assert names_in(tmp_path) == ["file"]


def test_files_that_no_file_system_can_have_are_not_there(tmp_path):
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "file").touch()
    for name in ("很" * 86, "x" * 10_000, "a/" * 5000, "nul\0", "lone \ud800", "circle", "file/below", "none"):
        assert not exists(tmp_path / name) and not is_file(tmp_path / name) and not is_folder(tmp_path / name)
    assert exists(tmp_path) and is_folder(tmp_path) and not is_file(tmp_path)
    assert exists(tmp_path / "file") and is_file(tmp_path / "file") and not is_folder(tmp_path / "file")


def test_files_behind_a_locked_door_are_told_of(tmp_path, monkeypatch):
    def refuse(path, **names):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(
        GatewiseError, match=r"model cannot be looked at \(Permission denied\); check its permissions\.$"
    ):
        refuse_existing(tmp_path / "model", overwrite=True)


def test_files_new_folder_replaces_a_link_and_not_what_it_leads_to(tmp_path):
    real, link = model_in(tmp_path / "real"), tmp_path / "link"
    link.symlink_to(real)
    with new_folder(link, overwrite=True) as made:
        (made / "new").touch()
    assert names_in(tmp_path) == ["link", "real"] and names_in(link) == ["new"]
    assert names_in(real) == ["config.json", "old"]


def test_files_refuse_existing_takes_a_free_place_or_a_model_folder(tmp_path):
    refuse_existing(tmp_path / "free", overwrite=False)
    (tmp_path / "empty").mkdir()
    model_in(tmp_path / "model")
    for place in ("empty", "model"):
        refuse_existing(tmp_path / place, overwrite=True)
        with pytest.raises(GatewiseError, match=f"{place} exists already; choose another --out or add --overwrite"):
            refuse_existing(tmp_path / place, overwrite=False)


def test_files_refuse_existing_protects_what_is_no_model_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").touch()
    (model_in(tmp_path / "project") / "src").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    for place in ("file", "thesis", "project", "dangling"):
        with pytest.raises(GatewiseError, match=f"{place} exists and is no model folder, so it is not overwritten"):
            refuse_existing(tmp_path / place, overwrite=True)


def test_files_new_folder_removes_no_rest_where_the_file_system_knows_no_locks(tmp_path, monkeypatch):
    rest = model_in(tmp_path / ".model.99999999.part")  # perhaps of one that is building there now
    monkeypatch.setattr(files, "locked", lambda *_, **__: contextlib.nullcontext(False))
    with new_folder(tmp_path / "model", overwrite=False):
        pass
    assert names_in(tmp_path) == [rest.name, "model"]


def test_files_new_folder_gives_way_to_another_that_was_first(tmp_path, monkeypatch):
    place, real = tmp_path / "model", files.locked

    def slow(*given, **more):
        model_in(place)
        return real(*given, **more)

    monkeypatch.setattr(files, "locked", slow)
    with pytest.raises(GatewiseError, match="model exists already"), new_folder(place, overwrite=False):
        pytest.fail("the place was taken")
    assert names_in(place) == ["config.json", "old"]


@pytest.mark.parametrize("name", ["train.csv", "mails.TXT", "more.parquet", "old.csv.gz", "a.json", "b.csv.bz2"])
def test_files_refuse_existing_keeps_data_that_lies_in_a_model_folder(tmp_path, name):
    (model_in(tmp_path / "model") / name).touch()
    with pytest.raises(GatewiseError, match=f"model holds {name}, which would be lost; move it away"):
        refuse_existing(tmp_path / "model", overwrite=True)
    (tmp_path / "model" / name).rename(tmp_path / "model" / "metrics.jsonl")
    refuse_existing(tmp_path / "model", overwrite=True)


def test_files_refuse_existing_makes_no_folder_of_the_sign_for_home():
    with pytest.raises(GatewiseError, match="would be a folder called ~ here"):
        refuse_existing(Path("~/model"), overwrite=False)
    refuse_existing(Path("no/~/model"), overwrite=False)


def test_files_refuse_place_replaces_no_other_kind_of_file_and_no_part_of_a_model(tmp_path):
    page, data, free = tmp_path / "page.HTML", tmp_path / "data.csv", tmp_path / "free.csv"
    page.touch()
    data.touch()
    for place in (page, free):
        refuse_place(place, ".html", ".htm")
    refuse_place(data)
    with pytest.raises(GatewiseError, match=r"data\.csv exists, and its name does not end in \.html or \.htm"):
        refuse_place(data, ".html", ".htm")
    log = tmp_path / "metrics.jsonl"
    log.touch()
    refuse_place(log)
    (tmp_path / "config.json").touch()
    with pytest.raises(GatewiseError, match=r"metrics\.jsonl is part of a model, so it is not replaced"):
        refuse_place(log)
    assert sorted(names_in(tmp_path)) == ["config.json", "data.csv", "metrics.jsonl", "page.HTML"]


@pytest.mark.parametrize("path", [".", "..", "/", "a/.."])
def test_files_refuse_existing_wants_a_name(path):
    for overwrite in (False, True):
        with pytest.raises(GatewiseError, match="does not name a new folder"):
            refuse_existing(Path(path), overwrite=overwrite)


def test_files_remove_folder_follows_no_link(tmp_path):
    real, link = model_in(tmp_path / "real"), tmp_path / "link"
    link.symlink_to(real)
    remove_folder(link)
    remove_folder(tmp_path / "nothing")
    assert names_in(tmp_path) == ["real"] and names_in(real) == ["config.json", "old"]
    remove_folder(real)
    assert names_in(tmp_path) == []


def test_files_written_by_pieces_stand_whole_or_not_at_all(tmp_path):
    path = tmp_path / "out.jsonl"

    def pieces(*, fails):
        yield b"one\n"
        assert not path.exists() or path.read_text() == "one\ntwo\n"  # nothing of it is seen before the end
        if fails:
            raise ZeroDivisionError
        yield b"two\n"

    write_pieces(path, pieces(fails=False))
    assert path.read_text() == "one\ntwo\n"
    with pytest.raises(ZeroDivisionError):
        write_pieces(path, pieces(fails=True))
    assert path.read_text() == "one\ntwo\n" and [one.name for one in tmp_path.iterdir()] == ["out.jsonl"]
    with pytest.raises(GatewiseError, match="could not be written"):
        write_pieces(tmp_path / "no" / "out", [b"x"])
