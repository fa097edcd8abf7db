"""The command that looks into a tagger's answer: parse options, call the library, print or write a page."""

from pathlib import Path
from typing import Annotated

import typer

from gatewise.base.errors import GatewiseError
from gatewise.cli import options
from gatewise.cli.output import print_result, say
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
    html: Annotated[Path | None, typer.Option(help="Write a page that shows all of it to this file.")] = None,
) -> None:
    """Show why TEXT is tagged so: each word's likeliest tags, each span's probability, the next best readings.

    By itself: the tag a word would get if its neighbours' tags did not count. Why: what put the best reading before
    the best one that says otherwise there, in parts that sum to the logarithm of how much likelier it is.
    """
    model, texts = options.model_and_texts(given or [])
    if len(texts) != 1 or not texts[0].strip():
        raise GatewiseError(f"Give one text to explain, in quotes; there are {len(texts)}.")
    if html and as_json:
        raise GatewiseError("A page holds all of it: leave out --json, or --html.")
    options.answer_alone()
    from gatewise.base.files import refuse_place, write_atomically
    from gatewise.data.tokens import tokens_of
    from gatewise.runtime.tagger_folder import load_tagger

    if html:
        refuse_place(html, ".html", ".htm")
    loaded = load_tagger(model or DEFAULT_TAGGER)
    text, sentences = tokens_of(texts[0]) if tokens else lines_of(texts[0], loaded.words)
    if html:
        from gatewise.explanation.tag_story import tag_story
        from gatewise.pages.tag_explain import explanation

        page = explanation(tag_story(loaded, text, sentences, readings=readings), Path(model or DEFAULT_TAGGER).name)
        write_atomically(html, page.encode())
        say(f"page written to {html}")
        return
    from gatewise.explanation.tagging import explain_tags

    for sentence, _ in sentences:
        print_result(explain_tags(loaded, sentence, readings=readings), as_json=as_json)
