"""The command that writes a model in others' formats: parse options, call the library, write."""

from pathlib import Path
from typing import Annotated

import typer

from gatewise.base.errors import ConfigError
from gatewise.base.extras import require
from gatewise.cli.options import ModelPath
from gatewise.cli.output import say


def export(
    model: ModelPath,
    onnx: Annotated[
        Path | None, typer.Option("--onnx", help="Write an ONNX file, and FILE.golden.json to test it by.")
    ] = None,
    onnx_int8: Annotated[
        bool, typer.Option("--onnx-int8", help="Round it to 8 bits; a text's answer then depends on its batch.")
    ] = False,
) -> None:
    """Write MODEL as an ONNX file, for programs that do not know gatewise.

    It is loaded again and compared with gatewise before it is written. What it cannot carry is told, and stands in its
    metadata.
    """
    if onnx is None:
        raise ConfigError("Say what to write: --onnx FILE.")
    require("onnx", "onnx", "onnxruntime")
    from gatewise.base.files import refuse_place, write_atomically
    from gatewise.base.text import json_text
    from gatewise.runtime.folder import load
    from gatewise.runtime.onnx import INT8_WARNING
    from gatewise.runtime.onnx import export as exported

    golden = onnx.with_name(f"{onnx.name}.golden.json")
    refuse_place(onnx, ".onnx")
    refuse_place(golden, ".json")
    made = exported(load(model), int8=onnx_int8)
    write_atomically(golden, json_text(made.golden).encode())
    write_atomically(onnx, made.content)
    say(made.missing)
    if onnx_int8:
        say(INT8_WARNING)
    say(f"{onnx} written; its logits differ from gatewise's by at most {made.difference:.1g}. {golden.name} tests it.")
