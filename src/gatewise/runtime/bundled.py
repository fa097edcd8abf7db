"""What is in the box: a model and an encoder by their names. Imports nothing, for those who only look names up."""

from pathlib import Path

BUNDLED = {name: Path(__file__).parent.parent / "samples" / name for name in ("sentiment-en", "reviews-en")}
