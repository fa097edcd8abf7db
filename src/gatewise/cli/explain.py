"""The commands that look inside a model: parse options, call the library, print."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gatewise.base.errors import DataError, GatewiseError
from gatewise.base.places import is_folder
from gatewise.cli.options import AsJson, Data, ModelPath, answer_alone, model_and_texts, with_data
from gatewise.cli.output import print_coloured, print_result, say
from gatewise.cli.progress import now_and_then, read_data
from gatewise.runtime.bundled import model_for

if TYPE_CHECKING:
    from gatewise.explanation.shares import Explanation


def explain(
    given: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL] [TEXT]", help="A model folder (default: a bundled one, by script), the text to explain."
        ),
    ] = None,
    method: Annotated[
        str, typer.Option(help="How shares are found: frozen, gamma, beta, integrated-gradients, ...")
    ] = "",
    as_json: AsJson = False,
    html: Annotated[Path | None, typer.Option(help="Write a page that shows all of it to this file.")] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Open the page live on this machine, for any text.")] = False,
    port: Annotated[int, typer.Option(help="Port of the live page.")] = 8008,
) -> None:
    """Show how MODEL decides on TEXT: which words spoke for the answer, and, on a page, through which gates.

    Prints the text coloured by each word's share, the strongest of them, and the sum; --html and --serve show more.
    """
    model, texts = model_and_texts(given or [], elsewhere=serve)
    if len(texts) > 1:
        raise GatewiseError(f"Give one text, in quotes; there are {len(texts)}.")
    if not texts and (html or not serve):
        raise GatewiseError("Give a text to explain.")
    if (html or serve) and (method or as_json):
        raise GatewiseError("A page shows every method: leave out --method and --json, or --html and --serve.")
    answer_alone()
    from gatewise.base.files import refuse_place
    from gatewise.runtime.folder import load

    model = model or model_for("".join(texts))
    if html:
        refuse_place(html, ".html", ".htm")
    loaded, title = load(model), Path(model).name
    if html:
        from gatewise.base.files import write_atomically
        from gatewise.explanation.story import setting, story
        from gatewise.pages.explain import explanation as page

        told = now_and_then(lambda done, of: f"explaining, {done} of {of} parts done", seconds=1)
        write_atomically(html, page(setting(loaded), story(loaded, texts[0], progress=told), title).encode())
        say(f"page written to {html}")
    if serve:
        from gatewise.serving.explain import server

        with server(loaded, title, port=port, text="".join(texts)) as running:
            say(f"http://127.0.0.1:{running.server_port}/ shows the page; Ctrl-C ends it.")
            running.serve_forever()
    if not html and not serve:
        from gatewise.explanation import shares

        explanation = shares.explain(loaded, texts[0], method=method or shares.DEFAULT)
        if not as_json:
            for warning in _warnings(explanation):
                say(warning)
            print_coloured(explanation)
        print_result(explanation, as_json=as_json)


def _warnings(explanation: "Explanation") -> Iterator[str]:
    """Tell what an explanation does not rest on."""
    from gatewise.runtime.tokenizer import UNKNOWN_ID

    if (explanation.ids == UNKNOWN_ID).all():
        yield "The model knows none of these words: the answer rests on the unknown word alone."
    text, offsets = explanation.text, explanation.offsets
    between = (text[end:start] for (_, end), (start, _) in pairwise(offsets))
    if left_out := "".join(between).strip():
        yield f"The text is longer than the model reads: {len(left_out):,} characters in its middle were left out."


@with_data
def faithfulness(
    model: ModelPath,
    data: Data,
    texts: Annotated[
        int, typer.Option(min=2, help="Texts of DATA at most, drawn evenly from all that are not too long.")
    ] = 500,
    longest: Annotated[int, typer.Option(min=2, help="Longest text in tokens; longer ones are left out.")] = 200,
    as_json: AsJson = False,
    keep: Annotated[bool, typer.Option("--keep", help="Write the figures into MODEL, for its card and page.")] = False,
    **said: Any,
) -> None:
    """Ask of every method of `gatewise explain` whether the words it names are those that decide.

    Takes the test part of DATA, or all of it if it has only one part. Some minutes for 500 reviews.
    """
    if keep and not is_folder(Path(model)):
        raise GatewiseError(f"--keep writes into a model folder, and {model} is none; give a folder, or leave it out.")
    from gatewise.explanation import faithfulness as battery
    from gatewise.runtime.folder import load, update_card

    loaded = load(model)
    dataset = read_data(data, said)
    part = dataset.test or dataset.train
    if part is None:
        raise DataError(f"{data} has no part to ask about; give a file of texts.")
    every = [example.text for batch in part.batches() for example in batch]
    short = [text for text in every if len(text) < 8 * longest]  # spares most of the tokenising
    told = now_and_then(lambda done: f"{done} of {min(texts, len(short))} texts", seconds=10)
    result = battery.faithfulness(loaded, short, most=texts, longest=longest, progress=told)
    print_result(result, as_json=as_json)
    if keep:
        loaded.facts["faithfulness"] = {
            score.method: {
                "comprehensiveness": score.comprehensiveness, "sufficiency": score.sufficiency,
                "rank": score.rank_agreement,
            }
            for score in result.scores
        }  # fmt: skip
        update_card(loaded, Path(model))
