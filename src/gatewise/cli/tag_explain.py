"""The command that looks into a tagger's answer: parse options, call the library, print."""

from typing import Annotated

import typer

from gatewise.base.errors import GatewiseError
from gatewise.cli import options
from gatewise.cli.output import print_result
from gatewise.cli.tag_answers import DEFAULT_TAGGER, lines_of


def explain(
    given: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL] [TEXT]", help=f"A model folder (default: {DEFAULT_TAGGER}), the text to explain."
        ),
    ] = None,
    tokens: Annotated[bool, typer.Option("--tokens", help="The text is tokens with blanks between.")] = False,
    readings: Annotated[int, typer.Option(min=1, max=100, help="How many of the likeliest readings to show.")] = 3,
    as_json: options.AsJson = False,
) -> None:
    """Show why TEXT is tagged so: each word's likeliest tags, each span's probability, the next best readings.

    By itself: the tag a word would get if its neighbours' tags did not count.
    """
    model, texts = options.model_and_texts(given or [])
    if len(texts) != 1 or not texts[0].strip():
        raise GatewiseError(f"Give one text to explain, in quotes; there are {len(texts)}.")
    options.answer_alone()
    from gatewise.data.tokens import tokens_of
    from gatewise.explanation.tagging import explain_tags
    from gatewise.runtime.tagger_folder import load_tagger

    loaded = load_tagger(model or DEFAULT_TAGGER)
    _, sentences = tokens_of(texts[0]) if tokens else lines_of(texts[0], loaded.words)
    for sentence, _ in sentences:
        print_result(explain_tags(loaded, sentence, readings=readings), as_json=as_json)
