"""Gather the Chinese reviews that `reviews-zh` reads: training and unlabelled texts, and none that is measured on.

    GATEWISE_DATA=../shared/data python benchmarks/make_reviews_zh.py build/reviews-zh-texts.csv

Left out are every test text and every text that `many.py --held-out` holds out (the same draw), also where a copy
stands in another file, and copies. Prints how many texts and characters of each file remain.
"""

import csv
import os
import sys
from pathlib import Path

from gatewise.data.reading import read
from many import columns, opened

LABELLED = ["many/shopping_zh", "many/shopping_zh_categories", "chnsenticorp"]
UNLABELLED = ["many/shopping_zh/unlabelled.csv", "many/apps_zh/unlabelled.parquet"]
LEAST = 8  # characters


def key(text: str) -> str:
    """Give what two copies of a review share: spacing does not count."""
    return "".join(text.split())


def main() -> None:
    """Write one column, `text`."""
    data, out = Path(os.environ["GATEWISE_DATA"]), Path(sys.argv[1])
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
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text"])
        for name, texts in learnt.items():
            kept = [text for text in texts if len(key(text)) >= LEAST and key(text) not in seen]
            kept = list({key(text): text for text in kept}.values())
            seen |= {key(text) for text in kept}
            writer.writerows([text] for text in kept)
            print(f"{name}: {len(kept):,} of {len(texts):,} texts, {sum(map(len, kept)):,} characters")


if __name__ == "__main__":
    main()
