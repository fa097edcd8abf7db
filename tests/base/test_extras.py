"""Who lacks an extra reads which one to install, and no other missing module passes for one."""

import sys

import pytest

from gatewise.base.errors import GatewiseError
from gatewise.base.extras import needs, require


def test_extras_name_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # as where it is not installed

    @needs("train")
    def command():
        import torch.nn  # noqa: F401

    with pytest.raises(ImportError, match=r"^This needs torch, .*; run: pip install 'gatewise\[train\]'\.$") as told:
        command()
    assert isinstance(told.value, GatewiseError)


def test_extras_the_innermost_names_its_own(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(GatewiseError, match=r"'gatewise\[tensorboard\]'"), needs("train"), needs("tensorboard"):
        import tensorboard  # noqa: F401


def test_extras_leave_our_own_faults_alone():
    with pytest.raises(ModuleNotFoundError, match=r"gatewise\.nowhere"), needs("train"):
        import gatewise.nowhere  # noqa: F401


def test_extras_are_required_before_the_work(monkeypatch):
    require("train", "torch", "sklearn")
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"^This needs sklearn, .*'gatewise\[train\]'"):
        require("train", "torch", "sklearn")
