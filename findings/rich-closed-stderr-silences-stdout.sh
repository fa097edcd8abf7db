#!/usr/bin/env bash
# rich 15.0.0: a Console of standard error whose reader has gone silences standard OUTPUT and ends the process.
#
# What most would guess: Console(stderr=True) writes to standard error; if that pipe is closed, a BrokenPipeError comes,
# or nothing, and what the program prints to standard output arrives.
# What happens: the next print of that console points file descriptor 1 at /dev/null and raises SystemExit(1). A program
# that shows progress by rich and is run as `program 2> >(head -1)` ends in the middle of its work, with exit code 1 and
# without a word; had SystemExit been caught, its answers would go nowhere.
# Why it matters: progress is for people, and a run of hours should not end because nobody reads it.
#
# Seen: exit code 1, standard output empty. Exits 1 if that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check rich==15.0.0
cat > "$folder/program.py" <<'PY'
import os

from rich.console import Console

console = Console(stderr=True)
reader, writer = os.pipe()
os.dup2(writer, 2)
os.close(writer)
os.close(reader)  # who read standard error has gone
caught = None
try:
    console.print("progress")
    console.file.flush()
except BaseException as error:
    caught = repr(error)
os.write(3, f"{caught} {os.readlink('/proc/self/fd/1')}".encode())
print("the answer", flush=True)
PY
"$folder/env/bin/python" "$folder/program.py" > "$folder/out" 3> "$folder/seen" || true
echo "came: $(cat "$folder/seen"); standard output holds $(wc -c < "$folder/out") bytes"
[ "$(cat "$folder/seen")" = "SystemExit(1) /dev/null" ] && [ ! -s "$folder/out" ]
