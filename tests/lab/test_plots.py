"""Plots: what is drawn is what was found; the pictures are looked at by people."""

import numpy as np
import pytest

from gatewise.lab import plots
from gatewise.lab.gates import Cost, GateReport
from gatewise.lab.gradients import Flow
from gatewise.lab.races import TITLES, Run

pytest.importorskip("matplotlib", reason="plots need the extra `lab`")

RUNS = [
    Run(task, length, name, rate, seed, 600, 4641, seed == 1, 30 * seed if seed == 1 else 600, 0.0, 1.0)
    for task, length in (("latch", 20), ("latch", 50), ("adding", 50))
    for name in ("gru", "lstm-chrono")
    for rate in (0.01, 0.003)
    for seed in (1, 2)
]
FLOWS = [Flow(name, 1, trained, False, (1.0, 0.1, 1e-40)) for name in ("rnn", "irnn") for trained in (False, True)]
COSTS = (Cost("f = 0", "constant", 0.6, 20.0, 18.0, 22.0, 0.3), Cost("i at its mean", "mean", 0.8, 0.2, -0.5, 1.0, 0.1))
REPORT = GateReport("x", 100, "y", 50, False, 0.8, COSTS, (), (((1.0, 2.0, 9.0), (0.9, 2.0, 4.0)),))
FOUND = {"memory": RUNS, "gradients": FLOWS, "gates": REPORT, "horizons": REPORT}


@pytest.mark.parametrize("name", plots.DRAWINGS)
def test_lab_plots_write_svg_and_png_the_same_each_time(name, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        plots.draw(name, FOUND[name], tmp_path / folder)
    svg, png = (tmp_path / "a" / f"{name}.svg").read_bytes(), (tmp_path / "a" / f"{name}.png").read_bytes()
    assert b"<svg" in svg and png.startswith(b"\x89PNG")
    assert svg == (tmp_path / "b" / f"{name}.svg").read_bytes() and png == (tmp_path / "b" / f"{name}.png").read_bytes()


def test_lab_plots_memory_shows_every_run():
    figure = plots.memory(RUNS)
    shown = [panel for panel in figure.axes if panel.get_visible()]
    assert [panel.get_title() for panel in shown] == ["latch, 20 steps", "latch, 50 steps", "adding, 50 steps"]
    assert [label.get_text() for label in shown[0].get_yticklabels()] == ["GRU", "LSTM chrono"]
    for panel in shown:
        assert sum(len(marks.get_offsets()) for marks in panel.collections) == 8
        assert list(panel.get_yticks()) == [0, 1]
        for marks in panel.collections:
            solved = len(marks.get_facecolor()) > 0
            for steps, _ in marks.get_offsets():
                assert (steps == 30) if solved else (steps > 600)


def test_lab_plots_gradients_show_medians_not_below_the_floor():
    before, after = plots.gradients(FLOWS).axes
    assert [line.get_label() for line in before.lines] == [TITLES["rnn"], TITLES["irnn"]]
    np.testing.assert_allclose(after.lines[0].get_ydata(), [1.0, 0.1, plots.FLOOR])


def test_lab_plots_gates_show_costs_with_intervals():
    (panel,) = plots.gates(REPORT).axes
    assert [text.get_text() for text in panel.texts] == ["20.0", "0.2"]
    np.testing.assert_allclose(panel.lines[0].get_xdata(), [18.0, 22.0])


def test_lab_plots_horizons_count_every_unit():
    (panel,) = plots.horizons(REPORT).axes
    heights = [patch.get_xy()[:, 1].max() for patch in panel.patches]
    assert len(heights) == 2
    assert [text.get_text() for text in panel.get_legend().get_texts()] == [
        "layer 1, forward (median 2.0)", "layer 1, backward (median 2.0)",
    ]  # fmt: skip


def test_lab_plots_colours_tell_all_networks_apart():
    assert len(set(plots.COLOURS.values())) == len(TITLES)
