"""An OpenAPI description to one plain page that loads nothing and runs nothing; knows no server."""

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from gatewise.pages.render import policy

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h2 { font: 600 1rem ui-monospace, monospace; margin: 2rem 0 .3rem; border-top: 1px solid #8886; padding-top: 1rem; }
h2 span { display: inline-block; min-width: 3.5rem; }
pre { overflow-x: auto; padding: .6rem .8rem; background: #8882; border-radius: 4px; }
table { border-collapse: collapse; } td { padding: .1rem .8rem .1rem 0; vertical-align: top; }
"""
Node = Mapping[str, Any]


def page(description: Node) -> tuple[str, str]:
    """Give the page, as text to be written as UTF-8, and the policy to send it under."""
    info = description["info"]
    parts = [
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>{escape(info['title'])}</title><style>{STYLE}</style></head><body>",
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info['description'])}</p>",
        "<p>For programs: <a href='/openapi.json'>/openapi.json</a>. Live explanations: <a href='/'>/</a>.</p>",
    ]
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            if method != "parameters":
                parts += _operation(description, path, method, operation)
    return "\n".join([*parts, "</body></html>\n"]), policy(STYLE, "")


def _operation(description: Node, path: str, method: str, operation: Node) -> list[str]:
    parts = [f"<h2><span>{method.upper()}</span> {escape(path)}</h2>", f"<p>{escape(operation['summary'])}</p>"]
    if "requestBody" in operation:
        body = operation["requestBody"]["content"]["application/json"]
        sent = json.dumps(body["example"], ensure_ascii=False)
        parts.append(f"<pre>curl -s localhost:8008{escape(path)} -d {escape(chr(39) + sent + chr(39))}</pre>")
        parts.append(_folded("Request", body["schema"]))
    rows = []
    for status, answer in operation["responses"].items():
        if "$ref" in answer:
            sentence = _followed(description, answer["$ref"])["description"]
            rows.append(f"<tr><td>{status}</td><td>{escape(sentence)}</td></tr>")
        else:
            schemas = [content["schema"] for content in answer["content"].values()]
            parts += [_folded(f"{status}: {answer['description']}", schema) for schema in schemas]
    return [*parts, f"<table>{''.join(rows)}</table>"]


def _followed(description: Node, reference: str) -> Node:
    node = description
    for name in reference.removeprefix("#/").split("/"):
        node = node[name]
    return node


def _folded(title: str, schema: Node) -> str:
    shown = escape(json.dumps(schema, indent=2, ensure_ascii=False))
    return f"<details><summary>{escape(title)}</summary><pre>{shown}</pre></details>"
