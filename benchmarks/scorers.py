"""Do our entity scorer and seqeval agree? F1 of one sentence a case, by seqeval's three ways of counting, and by ours.

Run as `python benchmarks/scorers.py` where seqeval 1.2.2 is installed (`pip install seqeval`; it is no dependency).
Prints the table that docs/tagging.md shows.
"""

import random
import warnings
from collections.abc import Callable

from seqeval.metrics import f1_score
from seqeval.scheme import IOB2, IOBES

from gatewise.runtime.spans import spans_of, tags_of
from gatewise.tasks.tag.scores import NOTHING, tally

CASES = {
    "as written, `B-X I-X`": ("B-PER I-PER O", "B-PER I-PER O"),
    "gold `B-X`, answered `I-X` after `O`": ("O B-PER O", "O I-PER O"),
    "gold `B-X B-Y`, answered `B-X I-Y`": ("B-PER B-ORG", "B-PER I-ORG"),
    "gold `B-X E-X`, answered `B-X I-X`": ("B-PER E-PER", "B-PER I-PER"),
    "BMES, right": ("B-PER M-PER E-PER S-LOC", "B-PER M-PER E-PER S-LOC"),
    "BILOU, right": ("B-PER L-PER U-LOC", "B-PER L-PER U-LOC"),
    "no entity anywhere": ("O O O", "O O O"),
    "parts of speech, all right": ("NOUN VERB PROPN", "NOUN VERB PROPN"),
    "parts of speech, one of three wrong": ("NOUN NOUN VERB", "NOUN VERB VERB"),
}


def outcome(count: Callable[[], float]) -> str:
    try:
        return f"{count():.2f}"
    except (KeyError, ValueError) as error:
        return type(error).__name__


def ours(gold: list[str], predicted: list[str]) -> str:
    if gold[0] == "NOUN":  # plain labels are no entities: the share of right tokens
        return f"{sum(one == other for one, other in zip(gold, predicted, strict=True)) / len(gold):.2f} (accuracy)"
    f1 = tally(spans_of(gold), spans_of(predicted)).f1
    return "none" if f1 is None else f"{f1:.2f}"


def agreement(sentences: int, seed: int) -> tuple[float, float]:
    """Give seqeval's strict F1 and ours of random sentences whose tags are all valid IOB2, as a tagger's are."""
    draw = random.Random(seed)

    def tags() -> list[str]:
        spans, place = [], 0
        while place < 12:
            length = draw.choice([0, 0, 1, 2, 3])
            end = min(12, place + max(1, length))
            if length:
                spans.append((place, end, draw.choice("ABC")))
            place = end
        return tags_of(spans, 12, "IOB2")

    gold = [tags() for _ in range(sentences)]
    predicted = [tags() if draw.random() < 0.5 else row for row in gold]
    counts = NOTHING
    for one, other in zip(gold, predicted, strict=True):
        counts = counts.plus(tally(spans_of(one), spans_of(other)))
    return f1_score(gold, predicted, mode="strict", scheme=IOB2), counts.f1 or 0.0


def main() -> None:
    warnings.simplefilter("ignore")
    print("| case | default | strict IOB2 | strict IOBES | gatewise |\n|---|---|---|---|---|")
    for name, pair in CASES.items():
        gold, predicted = (side.split() for side in pair)
        cells = [
            outcome(lambda gold=gold, predicted=predicted: f1_score([gold], [predicted])),
            *(
                outcome(
                    lambda gold=gold, predicted=predicted, scheme=scheme: f1_score(
                        [gold], [predicted], mode="strict", scheme=scheme
                    )
                )
                for scheme in (IOB2, IOBES)
            ),
            ours(gold, predicted),
        ]
        print(f"| {' | '.join([name, *cells])} |")
    same = sum(abs(one - other) < 1e-12 for one, other in (agreement(50, seed) for seed in range(200)))
    print(f"\nof 200 sets of 50 random valid sentences strict IOB2 and gatewise agree on {same}")


if __name__ == "__main__":
    main()
