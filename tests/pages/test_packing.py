"""Arrays in a story are packed by their names, and what is packed can be read back to the precision it promises."""

import base64
from typing import Any

import numpy as np
import pytest

from gatewise.pages.packing import packed, packed_story


def read(one: dict[str, Any]) -> np.ndarray:
    values = np.frombuffer(base64.b64decode(one["data"]), f"<{one['kind']}").astype(float).reshape(one["shape"])
    return values if one["scale"] is None else values * np.array(one["scale"])[:, None]


def test_packing_kind_follows_from_the_name() -> None:
    array = np.linspace(-1, 1, 6).reshape(2, 3)
    gates = {name: abs(array) for name in ("input_gate", "forget_gate", "output_gate")} | {"candidate": array}
    story = {"layers": [[{
        "gates": gates, "means": dict.fromkeys(gates, array[0]), "cell_states": 3 * array, "alive": abs(array),
        "older": array[0], "from_input": array, "from_state": array, "units": [4, 1],
    }]]}  # fmt: skip
    direction = packed_story(story)["layers"][0][0]
    kinds = {name: one["kind"] for name, one in direction["gates"].items()}
    assert kinds == {"input_gate": "u1", "forget_gate": "u1", "output_gate": "u1", "candidate": "i1"}
    assert {one["kind"] for one in direction["means"].values()} == {"f4"}
    assert [direction[name]["kind"] for name in ("cell_states", "alive", "older", "from_input", "from_state")] == [
        "i2", "u1", "f4", "f4", "f4",
    ]  # fmt: skip
    assert direction["alive"]["scale"] is not None
    assert direction["units"] == [4, 1]
    assert packed_story({"layers": [[direction]]}) == {"layers": [[direction]]}  # what is packed stays as it is


@pytest.mark.parametrize(("kind", "error"), [("u1", 0.5 / 255), ("i1", 0.5 / 127), ("i2", 1e-4), ("f4", 1e-7)])
def test_packing_keeps_the_precision_of_its_kind(kind: str, error: float) -> None:
    draw = np.random.default_rng(0)
    array = draw.uniform(0 if kind == "u1" else -1, 1, (5, 40)) * (np.arange(1, 6)[:, None] if kind == "i2" else 1)
    one = packed(array, kind)
    assert one["shape"] == [5, 40]
    assert np.abs(read(one) - array).max() <= error
    assert np.abs(read(one) - array).max() > 0


def test_packing_scales_each_row_by_itself_and_bears_a_row_of_zeros() -> None:
    array = np.array([[0.0, 0.0], [1e-3, 5e-4], [100.0, 25.0]])
    assert read(packed(array, "rows")) == pytest.approx(array, rel=0.01, abs=1e-12)
