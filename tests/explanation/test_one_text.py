"""What looks inside a model takes one text, and says so."""

import pytest

import gatewise
from gatewise.base.errors import DataError


@pytest.mark.parametrize("look", [gatewise.explain, gatewise.trace])
@pytest.mark.parametrize("text", [None, float("nan"), 3, b"good", ["good"]])
def test_looking_inside_refuses_what_is_no_string(tiny_model, look, text):
    with pytest.raises(
        DataError, match=f"^A {type(text).__name__} was given where one text is expected; give a string"
    ):
        look(tiny_model, text)
