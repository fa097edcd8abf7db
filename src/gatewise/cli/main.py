"""The `gatewise` command: its commands by name, and what becomes of an error (exit 2) or of Ctrl-C (exit 130).

Answers go to standard output, progress and warnings to standard error. Heavy modules are imported inside the commands.
"""

import re
import sys
from typing import Annotated

import typer

from gatewise.base.errors import GatewiseError
from gatewise.base.ram import keep_memory
from gatewise.cli import classify, explain, forecast, lab, pretrain, tag, tag_answers, tag_convert, tag_explain
from gatewise.cli.output import give_up_output, open_streams, say

ABOUT = "Train, measure and use LSTM text classifiers on an ordinary CPU."
FORECASTING = "Forecast series of numbers, and say whether a network is worth it."
TAGGING = "Label the words of texts: names, parts of speech, word borders."
LIKE_TEXT = re.compile(r"-\d|-+[^-\s=]*[^\w\s=-]*\s")  # what begins as an option does, and is none
# Help without rich's panels: it is read as well in a pipe, and they double the time it takes.
app = typer.Typer(name="gatewise", no_args_is_help=True, help=ABOUT, rich_markup_mode=None)
for command in (
    classify.train, pretrain.pretrain, classify.evaluate, classify.predict, explain.explain, explain.faithfulness,
):  # fmt: skip
    app.command()(command)
tagging = typer.Typer(no_args_is_help=True, help=TAGGING, rich_markup_mode=None)
for of_words in (tag.train, tag.evaluate, tag_answers.predict, tag_explain.explain, tag_convert.convert):
    tagging.command()(of_words)
app.add_typer(tagging, name="tag")
forecasting = typer.Typer(no_args_is_help=True, help=FORECASTING, rich_markup_mode=None)
for of_series in (forecast.train, forecast.predict, forecast.backtest):
    forecasting.command()(of_series)
app.add_typer(forecasting, name="forecast")
app.add_typer(lab.lab, name="lab")


@app.callback(invoke_without_command=True, help=ABOUT)
def common(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    """Answer what is asked of no command."""
    if version:
        from gatewise import __version__

        print(f"gatewise {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; a GatewiseError becomes its sentence and exit code 2."""
    keep_memory()
    open_streams()
    try:
        try:
            app()
        except OSError as error:
            if error.filename is not None:
                raise
            give_up_output(error)  # of typer's own printing, as of help
        finally:
            try:
                sys.stdout.flush()
            except OSError as error:
                give_up_output(error)
    except GatewiseError as error:
        say(f"gatewise: {error}")
        sys.exit(2)
    except SystemExit as end:
        if end.code == 2 and "--" not in sys.argv and any(map(LIKE_TEXT.match, sys.argv)):
            say('A text that begins with - stands after --, as in: gatewise predict MODEL -- "-5 stars"')
        raise
    except KeyboardInterrupt:
        say("Stopped.")
        sys.exit(130)
