"""Draw the bundled `reviews` sample from the full IMDB data set: which rows ship with the package?

Run as `GATEWISE_DATA=../shared/data python benchmarks/make_reviews.py`; needs the Parquet form of `imdb` (columns text,
label 0/1, movie). Writes train.parquet and test.parquet of src/gatewise/samples/reviews, byte for byte the same for the
same pyarrow, and prints the figures of that folder's data card.
"""

import os
import random
import re
from collections import Counter
from pathlib import Path
from statistics import mean, quantiles

import pyarrow as pa
import pyarrow.parquet as pq

SEED = 1
MOST_PER_MOVIE = 6
REVIEWS_PER_LABEL = {"train": 2000, "test": 1000}
TARGET = Path(__file__).parent.parent / "src" / "gatewise" / "samples" / "reviews"

Row = dict[str, str]


def rows(split: str) -> list[Row]:
    table = pq.read_table(
        Path(os.environ["GATEWISE_DATA"]) / "imdb" / f"{split}.parquet", columns=["text", "label", "movie"]
    )
    return [{**row, "label": ("negative", "positive")[row["label"]]} for row in table.to_pylist()]


def key(row: Row) -> str:
    """Give what two copies of a review share: neither spacing nor <br /> counts."""
    return " ".join(re.sub(r"<br\s*/?>", " ", row["text"]).split())


def draw(candidates: list[Row], per_label: int, order: random.Random) -> list[Row]:
    """Take up to MOST_PER_MOVIE reviews of one random movie after another until both labels are full."""
    movies: dict[str, list[Row]] = {}
    for row in candidates:
        movies.setdefault(row["movie"], []).append(row)
    left = Counter({"negative": per_label, "positive": per_label})
    drawn: list[Row] = []
    for movie in order.sample(sorted(movies), len(movies)):
        for row in order.sample(movies[movie], min(MOST_PER_MOVIE, len(movies[movie]))):
            if left[row["label"]]:
                left[row["label"]] -= 1
                drawn.append(row)
    order.shuffle(drawn)
    return drawn


def without(candidates: list[Row], seen: set[str]) -> list[Row]:
    """Drop the reviews whose text is in `seen` or came before."""
    unique = {key(row): row for row in reversed(candidates)}
    return [row for row in candidates if unique[key(row)] is row and key(row) not in seen]


def describe(name: str, reviews: list[Row]) -> None:
    lengths = [len(row["text"]) for row in reviews]
    deciles, labels = quantiles(lengths, n=10), Counter(row["label"] for row in reviews)
    per_movie = Counter(row["movie"] for row in reviews)
    print(
        f"{name:12} reviews {len(reviews):6,}  {dict(sorted(labels.items()))}  movies {len(per_movie):5,} "
        f"(most {max(per_movie.values())})  characters: shortest {min(lengths)}, 10 % {deciles[0]:.0f}, "
        f"median {deciles[4]:.0f}, mean {mean(lengths):.0f}, 90 % {deciles[8]:.0f}, longest {max(lengths):,}"
    )


def main() -> None:
    order = random.Random(SEED)
    full = {split: rows(split) for split in ("train", "test")}
    texts = {split: {key(row) for row in full[split]} for split in full}
    # A text in both full splits goes into neither sample part, so that either may be set against the other's full set.
    unique = {"train": without(full["train"], texts["test"]), "test": without(full["test"], texts["train"])}
    sample = {"test": draw(unique["test"], REVIEWS_PER_LABEL["test"], order)}
    tested = {row["movie"] for row in sample["test"]}
    untested = [row for row in unique["train"] if row["movie"] not in tested]
    sample["train"] = draw(untested, REVIEWS_PER_LABEL["train"], order)
    for split in ("train", "test"):
        path = TARGET / f"{split}.parquet"
        table = pa.Table.from_pylist(sample[split])
        pq.write_table(table, path, compression="zstd", compression_level=22, row_group_size=len(table))
        describe(f"full {split}", full[split])
        describe(f"sample {split}", sample[split])
        print(f"{'':12} {path.stat().st_size:,} bytes; {len(full[split]) - len(unique[split])} duplicates left out")


if __name__ == "__main__":
    main()
