"""The command that writes labelled words in another form: any that is read, to any."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gatewise.base.errors import ConfigError, DataError, GatewiseError
from gatewise.cli.output import print_lines, say
from gatewise.cli.tag import Words, read_words, with_words
from gatewise.cli.tagged import FORMS
from gatewise.runtime.spans import PLAIN, SCHEMES, Scheme

if TYPE_CHECKING:
    from gatewise.data.tagged import TaggedDataset, TaggedPart

ALL = ("conll", "conllu", "jsonl", *FORMS[2:], "brat")
ENDINGS = {  # of the files of a folder of parts
    "conll": ".conll", "conllu": ".conllu", "label-studio": ".json", "label-studio-min": ".json", "brat": "",
}  # fmt: skip
PARTS = ("train", "dev", "test", "unlabelled")


@with_words
def convert(
    data: Words,
    to: Annotated[str, typer.Option("--to", metavar="|".join(ALL), help="Form to write.")],
    output: Annotated[
        Path | None,
        typer.Option(help="File to write, or a folder where there are several parts. [default: standard output]"),
    ] = None,
    part: Annotated[
        str | None, typer.Option(metavar="|".join(PARTS), help="The one part to write, where DATA has several.")
    ] = None,
    write_scheme: Annotated[
        str | None, typer.Option(metavar="|".join(SCHEMES), help="Scheme of tags. [default: that of DATA]")
    ] = None,
    **said: Any,
) -> None:
    """Write DATA in another form; what was repaired, dropped or merged on the way is counted and said.

    Going out and in again gives the same where the form can hold it.
    """
    for name, value, choices in (("to", to, ALL), ("part", part, PARTS), ("write_scheme", write_scheme, SCHEMES)):
        if value is not None and value not in choices:
            raise ConfigError(f"{name} is {value!r}; choose one of {', '.join(choices)}.")
    from gatewise.base.files import make_folder, refuse_place
    from gatewise.data.tagged_write import save_tagged, written

    dataset = read_words(data, said)
    parts = _chosen(dataset, part)
    if output is None:
        if len(parts) > 1:
            raise GatewiseError(f"{data} has {', '.join(parts)}; give --output FOLDER, or one of them by --part.")
        if to == "brat":
            raise GatewiseError("brat's form is a folder of files; give --output FOLDER.")
        for one in parts.values():
            for piece in written(one.sentences(), to, _scheme(one, write_scheme)):
                print_lines([piece.removesuffix("\n")])
        return
    places = {name: output if len(parts) == 1 else output / f"{name}{ENDINGS.get(to, '.jsonl')}" for name in parts}
    for name, place in places.items():
        if len(parts) > 1:
            make_folder(output)
        if to != "brat":
            refuse_place(place)
        counted = _Counted(parts[name])
        save_tagged(counted.sentences(), place, to, _scheme(parts[name], write_scheme))
        say(
            f"{counted.count:,} {'sentence or text' if counted.count == 1 else 'sentences or texts'} written to {place}"
        )


class _Counted:
    """A part's sentences, counted as they go by."""

    def __init__(self, part: "TaggedPart") -> None:
        self.part, self.count = part, 0

    def sentences(self) -> Iterator[Any]:
        for sentence in self.part.sentences():
            self.count += 1
            yield sentence


def _chosen(dataset: "TaggedDataset", part: str | None) -> "dict[str, TaggedPart]":
    """Give the parts to write by their names."""
    parts = {name: one for name in PARTS if (one := getattr(dataset, name)) is not None}
    if part is None:
        return parts
    if part not in parts:
        raise DataError(f"{dataset.name} has no part {part}; it has {', '.join(parts)}.")
    return {part: parts[part]}


def _scheme(part: "TaggedPart", asked: str | None) -> Scheme:
    """Give the scheme to write: the part's own as it spells it, or the one asked for; plain labels stay plain."""
    if asked is None or not part.scheme.name:
        return part.scheme if part.scheme.name else PLAIN
    return part.scheme._replace(name=asked)
