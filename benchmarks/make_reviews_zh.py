"""Gather the Chinese reviews that `reviews-zh` reads, and the opinions that `sentiment-zh` learns from.

    GATEWISE_DATA=../shared/data python benchmarks/make_reviews_zh.py build/chinese

Writes texts.csv, of training and unlabelled texts, and opinions/train.csv and test.csv, of the labelled parts.
Left out are every test text and every text that `many.py --held-out` holds out (the same draw), also where a copy
stands in another file, and copies. Prints how many texts and characters of each file remain.
"""

import csv
import os
import sys
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from gatewise.data.reading import read
from many import columns, opened

LABELLED = ["many/shopping_zh", "many/shopping_zh_categories", "chnsenticorp"]
UNLABELLED = ["many/shopping_zh/unlabelled.csv", "many/apps_zh/unlabelled.parquet"]
LEAST = 8  # characters
OPINIONS = ["many/shopping_zh", "chnsenticorp"]
SAID = {"0": "negative", "1": "positive", "negative": "negative", "positive": "positive"}


def key(text: str) -> str:
    """Give what two copies of a review share: spacing does not count."""
    return "".join(text.split())


def write(place: Path, header: list[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def opinions(data: Path, out: Path) -> None:
    """Write the labelled parts of the two sets of opinions, one after the other."""
    for part in range(2):
        rows = [zip(*opened(data / name, held_out=False)[part], strict=True) for name in OPINIONS]
        named = [(text, SAID[label]) for text, label in chain(*rows)]
        write(out / ("train.csv", "test.csv")[part], ["text", "label"], named)


def main() -> None:
    """Write the texts and the opinions."""
    data, out = Path(os.environ["GATEWISE_DATA"]), Path(sys.argv[1])
    opinions(data, out / "opinions")
    learnt, seen = dict[str, list[str]](), set[str]()
    for name in LABELLED:
        for held_out in (True, False):
            train, measured = opened(data / name, held_out=held_out)
            seen |= {key(text) for text in measured[0]}
            if held_out:
                learnt[name] = train[0]
    for name in UNLABELLED:
        dataset = read(data / name)
        learnt[name] = columns(dataset.train or dataset.unlabelled)[0]
    read_by_it = list[str]()
    for name, texts in learnt.items():
        kept = [text for text in texts if len(key(text)) >= LEAST and key(text) not in seen]
        kept = list({key(text): text for text in kept}.values())
        seen |= {key(text) for text in kept}
        read_by_it += kept
        print(f"{name}: {len(kept):,} of {len(texts):,} texts, {sum(map(len, kept)):,} characters")
    write(out / "texts.csv", ["text"], ([text] for text in read_by_it))


if __name__ == "__main__":
    main()
