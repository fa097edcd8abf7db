"""Sphinx settings. Tables of settings and options are made of their declarations at build time; nothing is fetched."""

import dataclasses
import re
from importlib.metadata import version as installed_version

import typer.main

import gatewise.base.settings
import gatewise.tasks.classify.settings
from gatewise.base.settings import PretrainingConfig, TaggingConfig, shown, values_of
from gatewise.cli.main import app as cli
from gatewise.tasks.classify.settings import Settings
from gatewise.tasks.tag.settings import TagSettings

project = "gatewise"
copyright = "the gatewise contributors"
author = "the gatewise contributors"
version = release = installed_version("gatewise")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
html_theme = "furo"
html_title = f"gatewise {release}"

myst_heading_anchors = 3
default_role = "code"  # docstrings write `name` for code
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 100

SETTINGS = "<!-- settings -->"  # the place in settings.md where the tables go
TAGGER = "<!-- tagger defaults -->"  # and where the defaults of a tagger do
OPTIONS = re.compile(r"<!-- options: ([a-z ]+) -->")  # the place of a command's table in command-line.md


def settings_tables() -> str:
    """Give one Markdown table per group of settings: name, default, range or choices, sentence."""
    lines = []
    for config in [*(field.type for field in dataclasses.fields(Settings)), PretrainingConfig, TaggingConfig]:
        lines += [f"## {config.__name__}", "", config.__doc__, ""]
        lines += ["| setting | default | values | meaning |", "|---|---|---|---|"]
        for field in dataclasses.fields(config):
            values = "true or false" if field.type is bool else values_of(field)
            lines.append(f"| `{field.name}` | `{shown(field.default)}` | {values} | {field.metadata['sentence']} |")
        lines.append("")
    return "\n".join(lines)


def tagger_defaults() -> str:
    """Give the defaults of a tagger that are not those of the groups, as a Markdown table."""
    own, groups = TagSettings(), {field.type.__name__: field.type() for field in dataclasses.fields(TagSettings)}
    usual = {name: value for group in groups.values() for name, value in dataclasses.asdict(group).items()}
    other = {name: value for name, value in own.flat().items() if value != usual[name]}
    return "\n".join(["| setting | of a tagger | else |", "|---|---|---|"] + [
        f"| `{name}` | `{shown(value)}` | `{shown(usual[name])}` |" for name, value in other.items()
    ])  # fmt: skip


def options_table(path: str) -> str:
    """Give a command's options as a Markdown table, in the words of its help; of `train` those that are no settings."""
    command = typer.main.get_command(cli)
    for name in path.split():
        command = command.commands[name]
    context = command.context_class(command, info_name=path)
    left_out = set(Settings().flat()) if path == "train" else set()
    records = [
        one.get_help_record(context)
        for one in command.params
        if one.param_type_name == "option" and one.name not in left_out
    ]
    lines = [f"| `{names.replace('|', chr(92) + '|')}` | {help} |" for names, help in records]
    return "\n".join(["| option | |", "|---|---|", *lines])


def fill_in(app, docname, source) -> None:
    """Put the tables into their pages as these are read, and read them again when the settings change."""
    if docname in ("settings", "command-line"):
        app.env.note_dependency(gatewise.base.settings.__file__)
        app.env.note_dependency(gatewise.tasks.classify.settings.__file__)
        source[0] = source[0].replace(SETTINGS, settings_tables()).replace(TAGGER, tagger_defaults())
        source[0] = OPTIONS.sub(lambda place: options_table(place[1]), source[0])


def say_language(app, pagename, templatename, context, doctree) -> None:
    """Mark a Chinese page as one, so that browsers choose its fonts and screen readers their voice."""
    if pagename.startswith("zh") or pagename.endswith("-zh"):
        context["language"] = "zh-CN"


def setup(app) -> None:
    app.connect("source-read", fill_in)
    app.connect("html-page-context", say_language)
