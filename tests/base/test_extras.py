"""Who lacks an extra reads which one to install, and no other missing module passes for one."""

import sys

import pytest

from gatewise.base.errors import GatewiseError, MissingExtra
from gatewise.base.extras import needs


@pytest.mark.parametrize(
    ("package", "extra"), [("torch", "train"), ("matplotlib", "lab"), ("tensorboard", "tensorboard")]
)
def test_extras_name_what_to_install(monkeypatch, package, extra):
    monkeypatch.setitem(sys.modules, package, None)  # as where it is not installed

    @needs("train")
    def command():
        __import__(f"{package}.nn")

    with pytest.raises(
        MissingExtra, match=rf"^This needs {package}, .*; run: pip install 'gatewise\[{extra}\]'$"
    ) as told:
        command()
    assert isinstance(told.value, GatewiseError) and isinstance(told.value, ImportError)


def test_extras_leave_our_own_mistakes_alone():
    with pytest.raises(ModuleNotFoundError, match="gatewise.nowhere"), needs("train"):
        import gatewise.nowhere  # noqa: F401
