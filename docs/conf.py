"""Sphinx settings. The page of settings is filled in from gatewise.base.settings at build time; nothing is fetched."""

import dataclasses
from importlib.metadata import version as installed_version

import gatewise.base.settings
from gatewise.tasks.classify.settings import Settings

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


def settings_tables() -> str:
    """Give one Markdown table per group of settings: name, default, range or choices, sentence."""
    lines = []
    groups = [field.type for field in dataclasses.fields(Settings)]
    for config in [*groups, gatewise.base.settings.PretrainingConfig]:
        lines += [f"## {config.__name__}", "", config.__doc__, ""]
        lines += ["| setting | default | values | meaning |", "|---|---|---|---|"]
        for field in dataclasses.fields(config):
            lines.append(
                f"| `{field.name}` | `{field.default!r}` | {values_of(field)} | {field.metadata['sentence']} |"
            )
        lines.append("")
    return "\n".join(lines)


def values_of(field: dataclasses.Field) -> str:
    """Show what a setting may be: its range, its choices, or true or false."""
    low, high = field.metadata["low"], field.metadata["high"]
    if low is not None:
        return f"{low:,} to {high:,}"
    if field.type is bool:
        return "true or false"
    if field.name == "pooling":
        return ", ".join(f"`{name}`" for name in gatewise.base.settings.POOLINGS)
    return ", ".join(f"`{choice}`" for choice in getattr(field.type, "__args__", ()))


def fill_in_settings(app, docname, source) -> None:
    """Put the tables into settings.md as it is read, and read it again when the settings change."""
    if docname == "settings":
        app.env.note_dependency(gatewise.base.settings.__file__)
        source[0] = source[0].replace(SETTINGS, settings_tables())


def setup(app) -> None:
    app.connect("source-read", fill_in_settings)
