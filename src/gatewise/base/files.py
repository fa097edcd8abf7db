"""Bytes on disk: written whole or not at all, read only when small, regular and well formed. No pickle, no links."""

import contextlib
import ctypes
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from gatewise.base.errors import GatewiseError, ModelError, one_line
from gatewise.base.locks import alone, locked
from gatewise.base.places import exists, is_file, is_folder, is_link, rests_beside, standing

Arrays = dict[str, npt.NDArray[Any]]
Stored = tuple[tuple[int, ...], str]  # shape and NumPy's name of the type
OF_MODEL = ("README.md", "config.json", "metrics.jsonl", "model.safetensors", "tokenizer.json")
OF_DATA = (  # by their endings
    ".csv", ".tsv", ".tab", ".psv", ".json", ".jsonl", ".ndjson", ".parquet", ".feather", ".arrow", ".txt", ".gz",
    ".xz", ".bz2", ".zip",
)  # fmt: skip
HEADER_LIMIT = 16 << 20
DTYPES = {"F32": "float32", "F16": "float16", "I8": "int8"}  # those a model may hold, by safetensors' names


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file's content in one step: a crash or a full disk leaves the old content.

    Of two who write at once one waits. Raises GatewiseError, naming the file and the system's reason, when it cannot be
    written.
    """
    write_pieces(path, [content])


def write_pieces(path: Path, pieces: Iterable[bytes]) -> None:
    """Replace a file's content as write_atomically does, by pieces of which one is held at a time.

    Where a piece cannot be made, its error goes on and the old content stays.
    """
    partial = path.with_name(path.name + ".part")
    try:
        with alone(partial, wait=True) as (file, _):
            try:
                os.ftruncate(file.fileno(), 0)  # left by a killed process
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
                if os.name == "posix":
                    partial.replace(path)
            except BaseException:
                with contextlib.suppress(OSError):
                    partial.unlink(missing_ok=True)
                raise
        if os.name != "posix":  # Windows moves no open file
            partial.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error


def refuse_place(path: Path, *ends: str) -> None:
    """Refuse, before a work, a file that could not be written after it: of no folder, no plain file, not allowed.

    Nor is one replaced that is part of a model, or whose name ends in none of `ends`, where these are given.
    """
    if exists(path) and not is_file(path):
        raise GatewiseError(f"{one_line(path)} is no plain file, so nothing is written there; choose another name.")
    own = path.name in OF_MODEL and is_file(path.with_name("config.json"))
    if is_file(path) and (own or (ends and path.suffix.lower() not in ends)):
        what = "is part of a model" if own else f"exists, and its name does not end in {' or '.join(ends)}"
        raise GatewiseError(f"{one_line(path)} {what}, so it is not replaced; choose another name.")
    try:
        with locked(path.with_name(path.name + ".part")):
            pass
    except BlockingIOError:  # another writes there now, so one can
        return
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> GatewiseError:
    """Say why a file or folder cannot be written."""
    return GatewiseError(
        f"{one_line(path)} could not be written ({error.strerror or error}); free space or choose another place."
    )


def sync_folder(folder: Path) -> None:
    """Make a rename in a folder survive a power cut, where the system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_limited(path: Path, limit: int) -> bytes:
    """Read a regular file of at most `limit` bytes that is no link, or raise ModelError."""
    if is_link(path):
        raise ModelError(f"{path} is a symbolic link; a model folder must hold its files itself.")
    if not is_file(path):
        raise ModelError(f"{path} is missing; copy the model folder again, whole.")
    try:
        size = path.stat().st_size
        if size > limit:
            raise ModelError(f"{path} has {size:,} bytes, more than the {limit:,} it can need; it is not opened.")
        with path.open("rb") as file:
            return file.read(size)  # not `limit`: Python allocates as much as it is asked for
    except OSError as error:
        raise ModelError(f"{path} could not be read ({error.strerror or error}); check its permissions.") from error


def read_json(path: Path, limit: int) -> dict[str, Any]:
    """Read a JSON object from a small file, without repeated keys, or raise ModelError."""
    try:
        content = json.loads(read_limited(path, limit).decode(), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is damaged ({error}); copy the model folder again.") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} is damaged (it holds no JSON object); copy the model folder again.")
    return content


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key stands twice")
    return content


def tensor_bytes(arrays: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, Any] | None = None) -> bytes:
    """Give arrays as the bytes of a safetensors file, the metadata in one key: equal input gives equal bytes."""
    plain = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}
    return safetensors.numpy.save(plain, {"gatewise": json.dumps(metadata)} if metadata is not None else None)


def read_tensors(path: Path, expected: Mapping[str, Stored]) -> Arrays:
    """Read a model's tensors, of exactly the names, shapes and types expected and all finite, or raise ModelError."""
    needed = sum(math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype in expected.values())
    content = read_limited(path, needed + HEADER_LIMIT)
    header = _header(path, content)
    found = {name: tuple(entry["shape"]) for name, entry in header.items()}
    shapes = {name: shape for name, (shape, _) in expected.items()}
    if found != shapes:
        wrong = sorted(name for name in found.keys() | shapes.keys() if found.get(name) != shapes.get(name))[0]
        raise ModelError(
            f"{path} does not fit config.json: tensor {wrong!r} is {found.get(wrong, 'missing')} there and should be "
            f"{shapes.get(wrong, 'absent')}; copy the model folder again."
        )
    for name, (_, dtype) in expected.items():
        stored = header[name].get("dtype")
        if not isinstance(stored, str) or DTYPES.get(stored) != dtype:
            raise ModelError(
                f"{path} holds numbers in {name!r} that are not {dtype}; no gatewise of this version wrote it."
            )
    arrays = _load(path, content)
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelError(f"{path} holds a NaN or infinite weight in {name!r}; the model cannot be used.")
    return arrays


def read_checkpoint(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """Read the arrays and metadata that tensor_bytes() wrote, or raise ModelError."""
    content = read_limited(path, 1 << 36)
    arrays = _load(path, content)
    try:
        return arrays, json.loads(json.loads(_raw_header(path, content))["__metadata__"]["gatewise"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is no checkpoint of gatewise; leave out --resume.") from error


def _raw_header(path: Path, content: bytes) -> bytes:
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > min(HEADER_LIMIT, len(content) - 8):
        raise ModelError(f"{path} is truncated or damaged; copy it again.")
    return content[8 : 8 + size]


def _header(path: Path, content: bytes) -> dict[str, dict[str, Any]]:
    try:
        header = json.loads(_raw_header(path, content), object_pairs_hook=_without_repeats)
        if not isinstance(header, dict):
            raise ValueError("its header is no JSON object")
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is damaged ({error}); copy the model folder again.") from error
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    if not all(isinstance(entry, dict) and isinstance(entry.get("shape"), list) for entry in entries.values()):
        raise ModelError(f"{path} is damaged (a tensor has no shape); copy the model folder again.")
    return entries


def _load(path: Path, content: bytes) -> Arrays:
    try:
        return safetensors.numpy.load(content)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise ModelError(f"{path} is truncated or damaged ({error}); copy it again.") from error


@contextlib.contextmanager
def new_folder(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Build a folder beside its final place and move it there whole at the end; on any error nothing is left.

    A process that dies at any moment leaves the old folder or the new one to a reader, and what else it leaves is
    removed by the next that builds there. Raises GatewiseError when something stands there already and `overwrite` is
    false.
    """
    refuse_existing(path, overwrite=overwrite)
    building = _beside(path, "part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(_lock_of(path), wait=True) as sure:
            if sure:
                _sweep(path)
            refuse_existing(path, overwrite=overwrite)  # another may have been first
            try:
                remove_folder(building)  # left by a killed process that had our number
                building.mkdir()
                yield building
                _move(building, path)
                sync_folder(path.parent)
            finally:
                remove_folder(building)
    except OSError as error:
        raise cannot_write(path, error) from error


def _move(building: Path, path: Path) -> None:
    """Put a folder in another's place, in one step where the system can; the other is removed."""
    if not exists(path):
        building.rename(path)
    elif not _exchange(building, path):
        previous = _beside(path, "old")
        remove_folder(previous)
        path.rename(previous)
        try:
            building.rename(path)
        except OSError:
            previous.rename(path)
            raise
        sync_folder(path.parent)
        remove_folder(previous)


def _exchange(one: Path, other: Path) -> bool:
    """Let two places change their contents in one step, where Linux or macOS and the file system can."""
    if sys.platform not in ("linux", "darwin"):
        return False
    libc = ctypes.CDLL(None)
    names = os.fsencode(one.absolute()), os.fsencode(other.absolute())
    if hasattr(libc, "renameat2"):
        return bool(libc.renameat2(-100, names[0], -100, names[1], 2) == 0)  # AT_FDCWD, RENAME_EXCHANGE
    if hasattr(libc, "renamex_np"):
        return bool(libc.renamex_np(*names, 2) == 0)  # RENAME_SWAP
    return False


def _beside(path: Path, end: str) -> Path:
    """Give the place that this process may use beside another, hidden."""
    return path.with_name(f".{path.name}.{os.getpid()}.{end}")


def _lock_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.saving")


def _sweep(path: Path) -> None:
    """Put back what a dead process had moved away and not replaced, and remove what dead ones left; locked, by name."""
    if not is_link(path) and (old := standing(path)) != path:
        old.rename(path)
    for rest in rests_beside(path):
        with contextlib.suppress(OSError):
            remove_folder(rest)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, or raise GatewiseError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Refuse a place that is taken, or that is taken by something other than a model folder."""
    if path.name in ("", ".."):
        raise GatewiseError(f"{path} does not name a new folder; choose another --out.")
    if path.parts[0] == "~":  # a shell leaves it alone in --out=~/model
        raise GatewiseError(
            f"{path} would be a folder called ~ here; write --out {path.name} or your home folder whole."
        )
    if standing(path) != path:
        with contextlib.suppress(OSError), locked(_lock_of(path)) as sure:  # in use: another is replacing it now
            if sure:
                _sweep(path)
    if not exists(path) and not is_link(path):
        return
    if not overwrite:
        raise GatewiseError(f"{path} exists already; choose another --out or add --overwrite.")
    try:
        files = list(path.iterdir()) if is_folder(path) else [path]
    except OSError as error:
        raise cannot_write(path, error) from error
    ours = is_file(path / "config.json") and not any(file.is_dir() for file in files)
    if ours and (data := [file.name for file in files if file.suffix.lower() in OF_DATA and file.name not in OF_MODEL]):
        raise GatewiseError(
            f"{path} holds {one_line(data[0])}, which would be lost; move it away, or choose another --out."
        )
    if files and not ours:
        raise GatewiseError(f"{path} exists and is no model folder, so it is not overwritten; choose another --out.")


def remove_folder(path: Path) -> None:
    """Remove a flat folder that gatewise made, or a link to one, if it is there."""
    if is_link(path):
        path.unlink()
    elif is_folder(path):
        for file in path.iterdir():
            file.unlink()
        path.rmdir()
