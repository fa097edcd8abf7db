"""Do the parsers of text files end in rows or in one sentence, whatever bytes a coverage-guided search comes up with?

    pip install atheris
    python benchmarks/fuzz_readers.py -runs=200000 -timeout=2 -max_len=4096

The first byte chooses the format, the second what is said of the file; the rest is its content. Anything but a
GatewiseError ends the search with its input, and so does an input of over two seconds (libFuzzer's own report). Options
are libFuzzer's. It guides by the coverage of `gatewise.data` and `gatewise.base.text`.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["gatewise.data", "gatewise.base.text"]):
    from gatewise.base.errors import GatewiseError
    from gatewise.data.reading import read

SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".jsonl", "")
SAID = (
    {}, {"header": False}, {"separator": "tab"}, {"quoting": "minimal"}, {"columns": ("text", "label")},
    {"encoding": "utf-16"}, {"encoding": "gb18030"}, {"text_column": "text"}, {"skip_unlabelled": True},
    {"quoting": "none"},
)  # fmt: skip
PLACE = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))


def one_input(data: bytes) -> None:
    """Read one file to its end."""
    if len(data) < 2:
        return
    path = PLACE / f"data{SUFFIXES[data[0] % len(SUFFIXES)]}"
    path.write_bytes(data[2:])
    try:
        dataset = read(path, labels=data[1] >= 128, **SAID[data[1] % len(SAID)])
        for part in (dataset.train, dataset.test):
            for batch in part.batches() if part else ():
                for example in batch:
                    example.text.encode()
    except GatewiseError as error:
        assert "\n" not in str(error), error


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
