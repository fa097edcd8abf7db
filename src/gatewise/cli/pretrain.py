"""The command that pretrains an encoder, and the encoder that recipe `best` makes first."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gatewise.base.extras import require
from gatewise.base.settings import takes
from gatewise.cli.options import Data, Overwrite, Quiet, Resume, StorageOption, apart, option_of, storage_of, with_texts
from gatewise.cli.output import print_lines, say
from gatewise.cli.progress import read_data, watched
from gatewise.tasks.pretrain.settings import PRETRAINING, PretrainingSettings

NOT_TAKEN = ("pooling", "word_dropout", "layer_decay", "pretrained")  # without effect here; --from is the last


@takes(PretrainingSettings(), option_of, leave_out=NOT_TAKEN)
@with_texts
def pretrain(
    data: Data,
    out: Annotated[
        Path | None, typer.Option(help="Folder to make for the encoder. [default: runs/, DATA's name, -encoder]")
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Encoder folder to go on from: its words, shape and weights. With --bidirectional a forward encoder "
            "learns the backward direction too, and nothing else changes.",
        ),
    ] = None,
    storage: StorageOption = "float32",
    resume: Resume = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    **given: Any,
) -> None:
    """Learn to read from DATA's text, labels unseen, and leave an encoder for `gatewise train --pretrained`.

    A run that was killed goes on with --resume. Ctrl-C keeps the best encoder so far.
    """
    from gatewise.base.files import refuse_existing

    said, given = apart(given)
    out = out or Path("runs") / f"{Path(data).stem}-encoder"
    stored = storage_of(storage)
    defaults = PretrainingSettings()
    if resume:
        from gatewise.training.session import unfinished_settings

        defaults = unfinished_settings(out, defaults)
    else:
        refuse_existing(out, overwrite=overwrite)
    defaults.replace(**given)  # what is wrong is said before a read
    require("train", "torch", "sklearn")
    from gatewise.runtime.encoder import shaped_as
    from gatewise.runtime.folder import load_encoder

    place = str(start or defaults.training.pretrained)  # a resumed run knows where it began
    encoder = load_encoder(place) if place else None
    settings = shaped_as(encoder, defaults, grows=True) if encoder and not resume else defaults
    settings = settings.replace(**given, pretrained=place)
    dataset = read_data(data, said, labels=False)
    from gatewise.tasks.pretrain.fit import pretrain_encoder

    with watched(quiet, out) as (report, stopped):
        made = pretrain_encoder(
            dataset, out, settings=settings, start=encoder, storage=stored, resume=resume, overwrite=overwrite,
            report=report, stopped=stopped,
        )  # fmt: skip
    if stopped():
        say(f"Stopped. The best encoder so far is in {out}; the same command with --resume goes on.")
        raise typer.Exit(stopped.code)
    print_lines([f"dev perplexity {made.facts['dev_perplexity']}", f"encoder {out}"])


def own_encoder(data: str, out: Path, said: dict[str, Any], threads: int | None, quiet: bool) -> Path:
    """Pretrain an encoder on DATA's own text beside `out`, unless it stands there already; give its folder."""
    from gatewise.base.places import is_folder
    from gatewise.training.session import resumable, unfinished

    place = out.with_name(out.name + "-encoder")
    goes_on = resumable(unfinished(place))
    if is_folder(place) and not goes_on:
        return place
    from gatewise.tasks.pretrain.fit import pretrain_encoder

    settings = PretrainingSettings().replace(**PRETRAINING, threads=threads)
    with watched(quiet, place, again="the same command") as (report, stopped):
        dataset = read_data(data, said, labels=False)
        pretrain_encoder(dataset, place, settings=settings, resume=goes_on, report=report, stopped=stopped)
    if stopped():
        say(f"Stopped before the encoder {place} has learnt all; the same command goes on.")
        raise typer.Exit(stopped.code)
    return place
