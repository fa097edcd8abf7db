"""What is in the box: models and encoders by their names. Imports nothing heavy, for those who only look names up."""

import re
from pathlib import Path

NAMES = ("sentiment-en", "sentiment-zh", "reviews-en", "reviews-zh", "entities-en")
BUNDLED = {name: Path(__file__).parent.parent / "samples" / name for name in NAMES}
HAN, KANA = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]"), re.compile("[\u3040-\u30ff]")
A_WORD = 3  # letters of another script weigh as one character of Chinese


def model_for(text: str) -> str:
    """Name the bundled model for a text's script: sentiment-zh where most of it is Chinese, else sentiment-en."""
    han = len(HAN.findall(text))
    others = sum(letter.isalpha() for letter in text) - han
    return "sentiment-zh" if A_WORD * han > others and not KANA.search(text) else "sentiment-en"
