"""What the file system says of a name that a user gave, which may be no name at all; loads nothing heavy."""

import errno
import re
import stat
from pathlib import Path

from gatewise.base.errors import GatewiseError, one_line

NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.EBADF, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL)
NO_NAME = (21, 123, 161, 1921)  # Windows: not ready, a name's syntax, a path's, a circle of links


def exists(path: Path) -> bool:
    """Say whether something is there; what no file system takes as a name is not.

    Every question to the file system about a name that a user gives goes through here, and a text may be given for a
    name. Raises GatewiseError where it may not be looked.
    """
    return _mode(path) != 0


def is_file(path: Path) -> bool:
    """Say whether a plain file is there."""
    return stat.S_ISREG(_mode(path))


def is_folder(path: Path) -> bool:
    """Say whether a folder is there."""
    return stat.S_ISDIR(_mode(path))


def is_link(path: Path) -> bool:
    """Say whether a symbolic link is there, whatever it leads to."""
    return stat.S_ISLNK(_mode(path, follow_symlinks=False))


def _mode(path: Path, *, follow_symlinks: bool = True) -> int:
    try:
        return path.stat(follow_symlinks=follow_symlinks).st_mode
    except ValueError:  # a null character, or one that is no character
        return 0
    except OSError as error:
        if error.errno in NOT_THERE or getattr(error, "winerror", None) in NO_NAME:
            return 0
        raise GatewiseError(
            f"{one_line(path)} cannot be looked at ({error.strerror}); check its permissions."
        ) from error


def standing(path: Path) -> Path:
    """Give where a folder is to be read: at its place or, where a process died while it replaced it, beside it."""
    olds = [] if exists(path) else [rest for rest in rests_beside(path) if rest.suffix == ".old"]
    return max(olds, key=lambda rest: rest.stat().st_ctime, default=path)


def rests_beside(path: Path) -> list[Path]:
    """Give the places beside another that processes use, or used before they died."""
    name = re.compile(rf"\.{re.escape(path.name)}\.\d+\.(part|old)")
    try:
        return [rest for rest in path.parent.iterdir() if name.fullmatch(rest.name)]
    except OSError:
        return []
