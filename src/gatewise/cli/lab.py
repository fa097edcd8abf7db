"""The lab's commands: parse options, call gatewise.lab, print a table and a conclusion, write JSON and plots."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from gatewise.base.errors import ConfigError
from gatewise.base.extras import require
from gatewise.base.settings import split
from gatewise.cli.options import SEVERAL, Data, ModelPath, Quiet, with_data
from gatewise.cli.output import print_lines, say
from gatewise.cli.progress import read_data

lab = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Small experiments: what networks remember and what gates are worth.",
)

Out = Annotated[Path, typer.Option(help="Folder for the JSON and the plots.")]
Seeds = Annotated[int, typer.Option(min=1, max=100, help="How many seeds, from 1 on.")]
Networks = Annotated[list[str] | None, typer.Option(metavar=SEVERAL, help="Networks, by name. [default: all]")]
Number = TypeVar("Number", int, float)


@lab.command("memory")
def memory_command(
    tasks: Annotated[
        list[str] | None, typer.Option(metavar=SEVERAL, help="latch, adding or both. [default: latch]")
    ] = None,
    lengths: Annotated[
        list[str] | None, typer.Option(metavar=SEVERAL, help="Lengths in steps. [default: 20,50]")
    ] = None,
    networks: Networks = None,
    learning_rates: Annotated[
        list[str] | None, typer.Option(metavar=SEVERAL, help="Learning rates. [default: 0.01,0.003,0.001]")
    ] = None,
    seeds: Seeds = 3,
    steps: Annotated[
        int | None, typer.Option(help="Most training steps of a run. [default: 600 for latch, 2000 for adding]")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Latch at 20, 50, 100, 200 and adding at 50, 100.")] = False,
    out: Out = Path("runs/lab"),
    quiet: Quiet = False,
) -> None:
    """Race recurrent networks of equal size: how many steps back can each learn to remember?

    Options of several values take them joined by commas or one by one. A minute or two on one core as it is; --full
    takes about an hour. Runs that --out holds already are not repeated.
    """
    require("lab", "matplotlib", "torch")
    from gatewise.base.files import make_folder
    from gatewise.lab import plots, races, results

    names = split(tasks or ()) or (tuple(races.TASKS) if full else ("latch",))
    for name in names:
        races.refuse_unknown("task", name, races.TASKS)
    chosen = _numbers("--lengths", lengths, int)
    usual = {name: races.TASKS[name].lengths[: None if full else 2] for name in names}
    plan = races.Plan(
        tuple((name, length) for name in names for length in chosen or usual[name]),
        split(networks or ()) or tuple(races.TITLES),
        _numbers("--learning-rates", learning_rates, float) or (0.01, 0.003, 0.001),
        tuple(range(1, seeds + 1)),
        steps,
    )
    make_folder(out)
    path = out / "memory.json"
    before, runs = results.read_runs(path), list[races.Run]()
    for run in races.race(plan, before):
        runs.append(run)
        results.write_runs(path, runs, before, races.conclusion(races.standings(runs)))
        if not quiet:
            told = f"solved in {run.steps} steps" if run.solved else f"not solved in {run.limit} steps"
            title = races.TITLES[run.network]
            say(f"{run.task} {run.length}  {title}, rate {run.learning_rate:g}, seed {run.seed}: {told}")
    found = races.standings(runs)
    courses = list(dict.fromkeys((one.task, one.length) for one in found))
    cells = {
        (one.network, one.task, one.length): f"{one.solved}/{one.seeds}" + (f" in {one.steps:g}" if one.solved else "")
        for one in found
    }
    rows = [[races.TITLES[name], *(cells[name, *course] for course in courses)] for name in plan.networks]
    _table(["solved seeds, median steps", *(f"{task} {length}" for task, length in courses)], rows)
    plots.draw("memory", runs, out)
    _end(races.conclusion(found), out)


@lab.command("gradients")
def gradients_command(
    length: Annotated[int, typer.Option(help="Steps of a sequence.")] = 50,
    networks: Networks = None,
    seeds: Seeds = 3,
    learning_rate: Annotated[float, typer.Option(help="Of the training on the latch.")] = 0.003,
    steps: Annotated[int | None, typer.Option(help="Most training steps. [default: 600]")] = None,
    out: Out = Path("runs/lab"),
    quiet: Quiet = False,
) -> None:
    """Measure how much of each step's gradient reaches the last state, before and after training on the latch."""
    require("lab", "matplotlib", "torch")
    from gatewise.base.files import make_folder
    from gatewise.lab import gradients, plots, races, results

    names = split(networks or ()) or tuple(races.TITLES)
    flows = gradients.flows(
        length=length, networks=names, seeds=range(1, seeds + 1), learning_rate=learning_rate, limit=steps
    )
    make_folder(out)
    found = []
    for flow in flows:
        found.append(flow)
        if not quiet:
            when = "trained" if flow.trained else "at initialisation"
            say(f"{races.TITLES[flow.network]}, seed {flow.seed}, {when}: {flow.ratios[-1]:.1e} from the first step")
    said = gradients.conclusion(found)
    results.write(out / "gradients.json", found, said, length=length, learning_rate=learning_rate)
    rows = []
    for name in names:
        solved = [flow.solved for flow in found if flow.network == name and flow.trained]
        ends = [f"{gradients.median_ratios(found, name, trained)[-1]:.1e}" for trained in (False, True)]
        rows.append([races.TITLES[name], *ends, f"{sum(solved)}/{len(solved)}"])
    _table([f"first / last of {length} steps", "at initialisation", "after training", "solved seeds"], rows)
    plots.draw("gradients", found, out)
    _end(said, out)


@lab.command("gates")
@with_data
def gates_command(
    model: ModelPath,
    data: Data,
    texts: Annotated[int, typer.Option(min=2, help="Most texts to measure on, drawn at random.")] = 2000,
    mean_texts: Annotated[int, typer.Option(min=2, help="Most texts, others, for means and half-lives.")] = 500,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 1,
    out: Out = Path("runs/lab"),
    quiet: Quiet = False,
    **of_files: Any,
) -> None:
    """Replace the gates of MODEL one after the other and measure on DATA what each replacement costs."""
    require("lab", "matplotlib", "torch")
    from gatewise.base.files import make_folder
    from gatewise.lab import gates, plots, results
    from gatewise.runtime.folder import load

    loaded = load(model)
    dataset = read_data(data, of_files)
    make_folder(out)
    found = gates.ablate(
        loaded, dataset, texts=texts, mean_texts=mean_texts, seed=seed,
        progress=lambda name: None if quiet else say(f"reading with {name}"),
    )  # fmt: skip
    said = gates.conclusion(found)
    results.write(out / "gates.json", found, said, seed=seed)
    rows = [["nothing replaced", f"{100 * found.accuracy:.1f} %", "", "", ""]]
    for one in found.costs:
        interval = f"{one.low:.1f} to {one.high:.1f}"
        rows.append(
            [one.name, f"{100 * one.accuracy:.1f} %", f"{one.lost:.1f}", interval, f"{100 * one.changed:.1f} %"]
        )
    _table([f"{found.texts:,} texts of {found.data}", "accuracy", "lost", "95 % interval", "verdicts changed"], rows)
    best = ", ".join(f"{one.unit} ({one.auc:.3f})" for one in found.units)
    print_lines(
        ["", f"Most telling units on {found.mean_texts} texts of {found.mean_data}, with their AUC alone: {best}."]
    )
    if found.companion_left_out:
        print_lines(["These figures are of the network alone: the model's n-gram companion was left out."])
    for name in ("gates", "horizons"):
        plots.draw(name, found, out)
    _end(said, out)


def _numbers(option: str, given: list[str] | None, kind: Callable[[str], Number]) -> tuple[Number, ...]:
    try:
        return tuple(kind(number) for number in split(given or ()))
    except ValueError as error:
        raise ConfigError(f"{option} is {','.join(given or ())!r}; give numbers joined by commas.") from error


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = [cell.ljust(width) if not place else cell.rjust(width)
                 for place, (cell, width) in enumerate(zip(row, widths, strict=True))]  # fmt: skip
        print_lines(["  ".join(cells).rstrip()])


def _end(conclusion: str, out: Path) -> None:
    print_lines(["", conclusion, "", f"results  {out}"])
