"""Every error is a GatewiseError, so that one `except` is enough; the wrong-value kinds are ValueErrors too."""

import inspect

import pytest

from gatewise.base import errors

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("kind", KINDS)
def test_errors_are_one_family_with_a_sentence(kind):
    assert issubclass(kind, errors.GatewiseError)
    assert str(kind("No such file; check the name.")) == "No such file; check the name."
    assert kind.__doc__.endswith(".")


def test_errors_of_wrong_values_are_value_errors():
    assert issubclass(errors.ConfigError, ValueError)  # scikit-learn expects this of a wrong parameter
    assert issubclass(errors.DataError, ValueError)
    assert not issubclass(errors.TrainingError, ValueError)


def test_errors_one_line_makes_foreign_text_harmless():
    assert errors.one_line("Expected `,`\n  at line 3.\n") == "Expected `,` at line 3"
    assert errors.one_line("\x1b[2J\x00a\u202e\u2028b\udce9") == "[2J a b"
    assert errors.one_line("很好 👍") == "很好 👍"
    assert errors.one_line("x" * 10**6) == "x" * 200
    assert errors.one_line(ValueError("no. ")) == "no"
    assert errors.one_line("") == ""
