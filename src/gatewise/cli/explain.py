"""The commands that look inside a model: parse options, call the library, print."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from gatewise.base.errors import DataError, GatewiseError
from gatewise.cli.console import (
    Data,
    LabelColumn,
    ModelPath,
    TextColumn,
    model_and_texts,
    print_answer,
    print_explanation,
    print_faithfulness,
    read_data,
    say,
)


def explain_command(
    given: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL] [TEXT]", help="A model folder (default: sentiment-en), the text to explain."),
    ] = None,
    method: Annotated[
        str, typer.Option(help="How shares are found: frozen, gamma, beta, integrated-gradients, ...")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with every share.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page that shows all of it to this file.")] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Open the page live on this machine, for any text.")] = False,
    port: Annotated[int, typer.Option(help="Port of the live page.")] = 8008,
) -> None:
    """Show how MODEL decides on TEXT: which words spoke for the answer, and, on a page, through which gates.

    Prints the text coloured by each word's share, the strongest of them, and the sum; --html and --serve show more.
    """
    model, texts = model_and_texts(given or [])
    if len(texts) > 1:
        raise GatewiseError(f"Give one text, in quotes; there are {len(texts)}.")
    if not texts and (html or not serve):
        raise GatewiseError("Give a text to explain.")
    from gatewise.base.files import write_atomically
    from gatewise.explanation import story as insight
    from gatewise.explanation.shares import DEFAULT, explain
    from gatewise.pages import page
    from gatewise.runtime.folder import load
    from gatewise.serving.explain import server

    loaded, title = load(model), Path(model).name
    if not html and not serve:
        found = explain(loaded, texts[0], method=method or DEFAULT)
        if as_json:
            print_answer(json.dumps(found.as_dict(), ensure_ascii=False))
        else:
            print_explanation(found)
        return
    if html:
        story = insight.story(loaded, texts[0])
        write_atomically(html, page.explanation(insight.setting(loaded), story, title).encode())
        say(f"page written to {html}")
    if serve:
        with server(loaded, title, port=port, text="".join(texts)) as running:
            say(f"http://127.0.0.1:{running.server_port}/ shows the page; Ctrl-C ends it.")
            running.serve_forever()


def faithfulness_command(
    model: ModelPath,
    data: Data,
    texts: Annotated[
        int, typer.Option(min=2, help="Texts of DATA at most, drawn evenly from all that are not too long.")
    ] = 500,
    longest: Annotated[int, typer.Option(min=2, help="Longest text in tokens; longer ones are left out.")] = 200,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Write the figures into MODEL, for its card and page.")] = False,
) -> None:
    """Ask of every method of `gatewise explain` whether the words it names are those that decide.

    Takes the test part of DATA, or all of it if it has only one part. Some minutes for 500 reviews.
    """
    from gatewise.explanation.faithfulness import faithfulness
    from gatewise.runtime.folder import load, update_card

    if keep and not Path(model).is_dir():
        raise GatewiseError(f"--keep writes into a model folder, and {model} is none; give a folder, or leave it out.")
    loaded = load(model)
    dataset = read_data(data, text_column, label_column, None)
    part = dataset.test or dataset.train
    if part is None:
        raise DataError(f"{data} has no part to ask about; give a file of texts.")
    found = [text for batch in part.batches() for text in batch.column("text").to_pylist()]
    short = [text for text in found if len(text) < 8 * longest]  # spares most of the tokenising
    said = time.monotonic()

    def told(done: int) -> None:
        nonlocal said
        if time.monotonic() - said > 10:
            said = time.monotonic()
            say(f"{done} of {min(texts, len(short))} texts")

    result = faithfulness(loaded, short, most=texts, longest=longest, progress=told)
    if as_json:
        print_answer(json.dumps(result.as_dict()))
    else:
        print_faithfulness(result)
    if keep:
        loaded.facts["faithfulness"] = {
            score.method: {
                "comprehensiveness": score.comprehensiveness, "sufficiency": score.sufficiency,
                "rank": score.rank_agreement,
            }
            for score in result.scores
        }  # fmt: skip
        update_card(loaded, Path(model))
