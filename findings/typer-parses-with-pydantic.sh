#!/usr/bin/env bash
# typer 0.29.2: a command's values are parsed by pydantic, which is loaded when the first command runs.
#
# What most would guess: typer is a thin layer on click; it needs click, and no pydantic.
# What happens: `typer` requires pydantic and not click (it carries a copy of its own). `import typer` and `--help` do not
# load pydantic; running a command that has a single string does, some 60 ms and 10 MB in a process that only printed.
# Why it matters: a small command line pays for pydantic whether its author uses it or not.
#
# Seen: "requires pydantic: yes, click: no", "import: no", "help: no", "run: yes". Exits 1 if that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check typer==0.29.2 pydantic==2.14.3
cat > "$folder/tool.py" <<'PY'
import sys
import typer

app = typer.Typer()


@app.command()
def tool(name: str = "x") -> None:
    print("ran")


loaded = {"import": "pydantic" in sys.modules}
for asked, arguments in (("help", ["--help"]), ("run", ["--name", "y"])):
    try:
        app(arguments)
    except SystemExit:
        loaded[asked] = "pydantic" in sys.modules
from importlib.metadata import requires

names = {line.split(";")[0].split(">")[0].split("=")[0].strip() for line in requires("typer") or []}
print({name: name in names for name in ("pydantic", "click")}, loaded)
assert "pydantic" in names and "click" not in names
assert loaded == {"import": False, "help": False, "run": True}
PY
"$folder/env/bin/python" "$folder/tool.py"
