"""Compile the engine, src/gatewise/runtime/kernel/kernel.c, when a wheel or an editable install is built.

With a compiler the wheel is of this platform; without one, or where it fails, it is pure and NumPy answers. CC names a
compiler; GATEWISE_KERNEL=require makes a failure an error, and GATEWISE_KERNEL=no leaves the engine out.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("src/gatewise/runtime/kernel")
SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
OPTIONS = ["-O3", "-std=gnu11", "-shared", "-fvisibility=hidden", "-Wno-psabi"]


def options() -> list[str]:
    """Give what is said to the compiler on this system; on a Mac for the architectures that are asked for."""
    if sys.platform == "win32":
        return OPTIONS
    if sys.platform == "darwin":
        return [*OPTIONS, "-fPIC", *os.environ.get("ARCHFLAGS", "").split()]
    return [*OPTIONS, "-fPIC", "-s"]


def compiled(folder: Path) -> str:
    """Compile the engine beside its source; give what went wrong, or nothing."""
    asked = os.environ.get("CC", "").split() or next(
        ([name] for name in ("cc", "gcc", "clang") if shutil.which(name)), []
    )
    if not asked:
        return "no C compiler was found"
    target = folder / f"kernel{SUFFIX}"
    begun = target.with_suffix(f".{os.getpid()}.part")
    try:
        done = subprocess.run(
            [*asked, *options(), "-o", str(begun), str(folder / "kernel.c")],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return f"{asked[0]} failed: {done.stderr.strip()[-400:]}"
        begun.replace(target)  # whole, and never under a process that has the old one open
    except OSError as error:
        return f"{asked[0]} could not be run: {error}"
    finally:
        begun.unlink(missing_ok=True)
    return ""


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Hatchling's hook: compile, then say what the wheel is and carries."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before a wheel is put together."""
        if self.target_name != "wheel":
            return
        wish, folder = os.environ.get("GATEWISE_KERNEL", ""), Path(self.root) / FOLDER
        target = folder / f"kernel{SUFFIX}"
        fault = "it was not wanted (GATEWISE_KERNEL=no)" if wish == "no" else compiled(folder)
        if fault:
            if wish == "require":
                raise RuntimeError(f"The compiled engine could not be built: {fault}")
            if version != "editable":
                target.unlink(missing_ok=True)  # of an earlier build: a pure wheel carries none
            self.app.display_warning(f"gatewise is built without its compiled engine, so NumPy answers: {fault}")
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform()}"
        build_data["artifacts"].append(f"/{(FOLDER / target.name).as_posix()}")


def platform() -> str:
    """Name this platform as a wheel's tag does."""
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
