"""The page's arithmetic and spelling of numbers, against Python's: one table of cases, run by any JavaScript at hand.

Node is quick; where there is none, one blank tab of Chromium does it.
"""

import itertools
import json
import math
import shutil
import subprocess
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gatewise.pages import render
from gatewise.pages.packing import packed
from gatewise.runtime import cell

SOURCE = (Path(render.__file__).parent / "js" / "numbers.js").read_text(encoding="utf-8")
CALLS = """
const { unpack, formats, slicer, cellSteps, indices } = numbers;
const calls = { ...numbers,
  unpack: packed => { const { at, columns } = unpack(packed), rows = packed.shape.length > 1 ? packed.shape[0] : 1;
    return indices(0, rows).map(row => indices(0, columns).map(column => at(row, column))); },
  formats: (language, name, ...values) => formats(language)[name](...values),
  slicer: (text, spans) => spans.map(span => slicer(text)(...span)),
  cellSteps: (fromInput, fromState, bias, count, backward) => cellSteps(
    (gate, t) => fromInput[gate][t], (gate, t) => fromState[gate][t], bias, count, backward)
    .map(({ i, f, g, o, before, c, h }) => [i, f, g, o, before, c, h]),
};
const answers = cases => cases.map(([name, ...values]) => calls[name](...values));
"""
Run = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def run(request: pytest.FixtureRequest) -> Run:
    """Give a function that has the page's script answer cases, [name of the function, its arguments ...]."""
    node = shutil.which("node")

    def by_node(*cases: Any) -> list[Any]:
        code = f"{SOURCE}{CALLS}console.log(JSON.stringify(answers(JSON.parse(require('fs').readFileSync(0)))));"
        done = subprocess.run(
            [str(node), "-e", code], input=json.dumps(cases), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    if node:
        return by_node
    tab = request.getfixturevalue("browser").new_page()
    return lambda *cases: tab.evaluate(f"cases => {{ {SOURCE}{CALLS} return answers(cases); }}", cases)


@pytest.mark.parametrize(
    ("kind", "error"), [("u1", 0.5 / 255), ("i1", 0.5 / 127), ("i2", 4e-5), ("rows", 0.004), ("f4", 1e-7)]
)
def test_numbers_unpack_what_python_packed(run: Run, kind: str, error: float) -> None:
    array = np.random.default_rng(1).uniform(0 if kind in ("u1", "rows") else -1, 1, (4, 9))
    array *= np.array([1, 0.5, 0, 2 if kind in ("i2", "rows", "f4") else 1])[:, None]
    whole, row = run(["unpack", packed(array, kind)], ["unpack", packed(array[0], "f4")])
    assert np.abs(np.array(whole) - array).max() <= error
    assert row == [pytest.approx(array[0], abs=1e-7)]


def written(value: float, digits: int, sign: str = "") -> str:
    """Spell a number as the page does: halves go up, thousands have commas, and what rounds to 0 has no sign."""
    rounded = Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{rounded or abs(rounded):{sign if rounded else ''},f}"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_numbers_are_spelt_as_python_spells_them(run: Run, language: str) -> None:
    draw = np.random.default_rng(2)
    values = [
        0.0,
        0.5,
        2.5,
        -2.5,
        1234567.891,
        0.001,
        0.0449999,
        *(draw.normal(size=40) * 10.0 ** draw.integers(-1, 7, 40)),
    ]
    cases: dict[str, list[str]] = {"number": [], "percent": [], "exact": [], "signed": []}
    places = [
        (float(value), digits)
        for value in values
        for digits in range(5)
        if abs(value) > 0.6 * 10.0**-digits or not value
    ]
    for value, digits in places:
        cases["number"].append(written(value, digits))
        cases["percent"].append(written(float(Decimal(repr(value)) * 100), digits) + "%")
        cases["exact"].append(written(value, digits).replace("-", "−"))
        cases["signed"].append(written(value, digits, "+").replace("-", "−"))
    for name, expected in cases.items():
        assert run(*(["formats", language, name, *place] for place in places)) == expected, name


def test_numbers_small_things(run: Run) -> None:
    table = {
        ("formats", "en", "signed", -0.001): "0.00",
        ("formats", "en", "number", None): "–",
        ("formats", "en", "number", 2.5, 2, 0): "2.5",
        ("formats", "en", "range", 1, 2000): "1–2,000",
        ("formats", "en", "compact", 1343): "1.3K",
        ("power", -12): "10⁻¹²",
        ("power", 0): "10⁰",
        ("inside", 7, 0, 5): 5,
        ("inside", -7, 0, 5): 0,
        ("known", 0): True,
        ("known", None): False,
    }
    assert run(*map(list, table)) == list(table.values())
    text = "a😀b שלום 好\u0301!"
    spans = list(itertools.combinations(range(len(text) + 1), 2))
    assert run(["slicer", text, spans]) == [[text[start:end] for start, end in spans]]
    assert run(["sum", [1, 2, 3.5]], ["indices", 2, 5], ["indices", 5, 2]) == [6.5, [2, 3, 4], []]


def even(low: float, high: float, count: int) -> tuple[list[float], int]:
    """Give the smallest of the steps 1, 2 and 5 times a power of ten that needs no more than `count`, as places."""
    rough = (high - low or abs(high) or 1) / count
    factor, power = min(
        ((factor, power) for power in range(-12, 12) for factor in (1, 2, 5) if factor * 10.0**power >= rough * 0.999),
        key=lambda step: step[0] * 10.0 ** step[1],
    )
    step = factor * 10.0**power
    first = math.floor(low / step + 1e-6)
    last = max(first + 1, math.ceil(high / step - 1e-6))
    return [place * step for place in range(first, last + 1)], max(0, -power)


def test_numbers_ticks_are_even_and_reach_both_ends(run: Run) -> None:
    draw = np.random.default_rng(3)
    spans = [(0, 1), (0, 0), (0.5, 0.5), (-3, -3), (-0.5, 2), (0.80, 0.88), (0, 5), (-30.2, 0), (0, 1e6), (0.1399, 0.7)]
    spans += [
        tuple(sorted(map(float, pair))) for pair in draw.normal(size=(40, 2)) * 10.0 ** draw.integers(-4, 5, (40, 1))
    ]
    cases = [(low, high, count) for low, high in spans for count in (4, 5, 6)]
    for (low, high, count), ticks in zip(cases, run(*(["ticks", *case] for case in cases)), strict=True):
        values, digits = even(low, high, count)
        assert ticks["values"] == pytest.approx(values, rel=1e-9, abs=1e-12), (low, high, count)
        assert ticks["digits"] == digits
        assert values[0] <= low + 1e-4 * (high - low) and values[-1] >= high - 1e-4 * (high - low)


def test_numbers_logistic_is_the_cells_sigmoid(run: Run) -> None:
    values = [-700.0, -30.0, -1.5, 0.0, 1e-9, 2.0, 40.0]
    assert run(*(["logistic", value] for value in values)) == pytest.approx(cell.sigmoid(np.array(values)).tolist())


@pytest.mark.parametrize("backward", [False, True])
def test_numbers_cell_is_pythons_cell(run: Run, backward: bool) -> None:
    """One unit of the page's arithmetic, from the parts of its sums, is that unit of a traced cell."""
    draw = np.random.default_rng(4)
    hidden, unit, count = 3, 1, 7
    vectors = draw.normal(size=(count, 5))
    weights = cell.CellWeights(draw.normal(size=(12, 5)), draw.normal(size=(12, 3)), draw.normal(size=12))
    order = slice(None, None, -1 if backward else 1)
    traced = cell.run(vectors[order], weights)
    states = np.concatenate([np.zeros((1, hidden)), traced.states[:-1]])
    rows = np.arange(4) * hidden + unit
    from_input = (vectors @ weights.input[rows].T).T
    from_state = (states[order] @ weights.recurrent[rows].T).T
    [steps] = run(["cellSteps", from_input.tolist(), from_state.tolist(), weights.bias[rows].tolist(), count, backward])
    names = ("input_gate", "forget_gate", "candidate", "output_gate", "cell_states", "states")
    expected = np.stack([getattr(traced, name)[order][:, unit] for name in names], axis=1)
    assert np.array(steps)[:, [0, 1, 2, 3, 5, 6]] == pytest.approx(expected, abs=1e-9)
    before = np.concatenate([[0], traced.cell_states[:-1, unit]])[order]
    assert np.array(steps)[:, 4] == pytest.approx(before, abs=1e-9)
