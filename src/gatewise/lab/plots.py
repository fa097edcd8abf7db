"""Results of the lab to pictures, each as SVG and PNG: colours of Okabe & Ito (2008), markers and dashes besides."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gatewise.base.files import write_atomically
from gatewise.lab.gates import GateReport
from gatewise.lab.gradients import Flow, median_ratios
from gatewise.lab.races import TITLES, Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = dict(
    zip(TITLES, ("#000000", "#E69F00", "#888888", "#CC79A7", "#56B4E9", "#0072B2", "#D55E00", "#009E73"), strict=True)
)
DASHES = dict(zip(TITLES, ("-", "--", ":", "-.", ":", "--", "-", "-."), strict=True))
MARKS, RATE_COLOURS = "osD^v", ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000")
FLOOR = 1e-14  # smaller ratios are drawn here
STYLE: Any = {
    "font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#dddddd",
    "axes.axisbelow": True, "svg.hashsalt": "gatewise",
}  # fmt: skip


def new_figure(width: float, height: float) -> "Figure":
    """Make an empty figure, in inches, whose layout keeps labels apart."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save(figure: "Figure", folder: Path, name: str) -> None:
    """Write a figure as name.svg and name.png; equal figures give equal bytes."""
    for ending, metadata in (("svg", {"Date": None}), ("png", {"Software": None})):
        content = io.BytesIO()
        figure.savefig(content, format=ending, metadata=metadata, dpi=120)
        write_atomically(folder / f"{name}.{ending}", content.getvalue())


def draw(name: str, found: Any, folder: Path) -> None:
    """Draw what an experiment found into a folder: memory, gradients, gates or horizons."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        save(DRAWINGS[name](found), folder, name)


def memory(runs: Sequence[Run]) -> "Figure":
    """Draw for each course every run's training steps until it was solved, failures at the right edge."""
    courses = list(dict.fromkeys((run.task, run.length) for run in runs))
    names = [name for name in TITLES if any(run.network == name for run in runs)]
    rates = sorted({run.learning_rate for run in runs}, reverse=True)
    columns = min(2, len(courses))
    rows = -(-len(courses) // columns)
    figure = new_figure(1.8 + 3.6 * columns, 1.0 + rows * (0.6 + 0.29 * len(names)))
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for panel in axes.flat[len(courses) :]:
        panel.set_visible(False)
    for panel, (task, length) in zip(axes.flat, courses, strict=False):
        own = [run for run in runs if (run.task, run.length) == (task, length)]
        edge = 1.9 * max(run.limit for run in own)
        panel.axvspan(edge / 1.5, edge * 1.5, color="#eeeeee", linewidth=0)
        for place, rate in enumerate(rates):
            colour, mark = RATE_COLOURS[place % 5], MARKS[place % 5]
            for solved in (True, False):
                chosen = [run for run in own if run.learning_rate == rate and run.solved == solved]
                shift = (place - (len(rates) - 1) / 2) * 0.24
                panel.scatter(
                    [run.steps if solved else edge * 1.12 ** (run.seed % 5 - 2) for run in chosen],
                    [names.index(run.network) + shift for run in chosen],
                    s=20, marker=mark, linewidths=0.9, edgecolors=colour, facecolors=colour if solved else "none",
                )  # fmt: skip
        panel.set(xscale="log", title=f"{task}, {length} steps", ylim=(len(names) - 0.4, -0.6), xlim=(4, edge * 1.5))
        panel.set_yticks(range(len(names)), [TITLES[name] for name in names])
    for panel in axes[:, 0]:
        panel.tick_params(axis="y", length=0)
    figure.supxlabel("training steps until solved (open marks in the grey band: not within the limit)", fontsize=10)
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], linestyle="", marker=MARKS[place % 5], color=RATE_COLOURS[place % 5], label=f"{rate:g}")
        for place, rate in enumerate(rates)
    ]
    figure.legend(handles=handles, title="learning rate", loc="outside upper right", ncols=len(rates), frameon=False)
    return figure


def gradients(flows: Sequence[Flow]) -> "Figure":
    """Draw how the gradient falls with distance, before and after training: medians over the seeds."""
    names = [name for name in TITLES if any(flow.network == name for flow in flows)]
    figure = new_figure(9.6, 4.8)
    axes = figure.subplots(1, 2, sharey=True)
    for panel, trained in zip(axes, (False, True), strict=True):
        for name in names:
            values = np.maximum(median_ratios(flows, name, trained), FLOOR)
            panel.plot(values, color=COLOURS[name], linestyle=DASHES[name], linewidth=1.9, label=TITLES[name])
        panel.set(
            yscale="log", xlabel="steps back from the last one",
            title="after training on the latch" if trained else "at initialisation",
        )  # fmt: skip
        panel.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set_ylabel("gradient at that step / at the last step")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, handlelength=3.2)
    return figure


def gates(found: GateReport) -> "Figure":
    """Draw the points of accuracy that each ablation costs, with their intervals."""
    figure = new_figure(8, 1.2 + 0.33 * len(found.costs))
    panel = figure.subplots()
    colours = {"constant": "#D55E00", "mean": "#0072B2", "means": "#0072B2", "unit": "#009E73", "units": "#009E73"}
    for place, one in enumerate(found.costs):
        colour = colours[one.kind]
        panel.plot([one.low, one.high], [place, place], color=colour, linewidth=2.5, solid_capstyle="butt")
        panel.plot(one.lost, place, marker="o", color=colour)
        panel.annotate(
            f"{one.lost:.1f}", (one.high, place), (6, 0), textcoords="offset points", va="center", fontsize=9
        )
    panel.axvline(0, color="black", linewidth=0.8)
    panel.set_yticks(range(len(found.costs)), [one.name for one in found.costs])
    panel.set(
        ylim=(len(found.costs) - 0.4, -0.6), title=f"accuracy {100 * found.accuracy:.1f} % on {found.texts:,} texts",
        xlabel="points of accuracy lost, with the 95 % interval",
    )  # fmt: skip
    panel.margins(x=0.12)
    panel.tick_params(axis="y", length=0)
    return figure


def horizons(found: GateReport) -> "Figure":
    """Draw how many units have which half-life, for each layer and direction."""
    figure = new_figure(8, 3.6)
    panel = figure.subplots()
    series = [
        (f"layer {layer + 1}, {('forward', 'backward')[direction]}", values)
        for layer, row in enumerate(found.half_lives)
        for direction, values in enumerate(row)
    ]
    flat = np.concatenate([values for _, values in series])
    low, high = flat.min() / 1.1, flat.max() * 1.1
    for place, (label, values) in enumerate(series):
        name = list(TITLES)[(5, 1, 7, 3)[place % 4]]
        panel.hist(
            values, bins=np.geomspace(low, high, 25).tolist(), histtype="step", linewidth=2, color=COLOURS[name],
            linestyle=("-", "--")[place % 2], label=f"{label} (median {np.median(values):.1f})",
        )  # fmt: skip
    fine = (0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 7)
    ticks = [
        tick for tick in (fine if high < 10 else (0.5, 1, 2, 5, *(10**n for n in range(1, 7)))) if low <= tick <= high
    ]
    panel.set(xscale="log", xlabel="half-life of a unit's cell, in tokens: ln .5 / mean ln f", ylabel="units")
    panel.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    panel.set_xticks([], minor=True)
    panel.legend(frameon=False)
    return figure


DRAWINGS: dict[str, Any] = {"memory": memory, "gradients": gradients, "gates": gates, "horizons": horizons}
