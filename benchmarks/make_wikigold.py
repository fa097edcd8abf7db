"""Cut the bundled `wikigold` sample: which of its documents are learnt from, and which are measured on?

Run as `GATEWISE_DATA=../shared/data python benchmarks/make_wikigold.py`; reads tagging/wikigold/wikigold.conll.txt
there, as published: a token and its tag a line, a blank between, `-DOCSTART- O` before each of 145 documents. Writes
train.conll and test.conll of src/gatewise/samples/wikigold, lines as they were, and prints the figures of that folder's
data card.
"""

import os
import random
from collections import Counter
from pathlib import Path

SEED, TEST_DOCUMENTS = 1, 45
BORDER = "-DOCSTART- O"
TARGET = Path(__file__).parent.parent / "src" / "gatewise" / "samples" / "wikigold"

Sentence = list[str]  # lines


def documents(text: str) -> list[list[Sentence]]:
    """Cut the file at its borders, and each document at its blank lines."""
    found: list[list[Sentence]] = []
    sentence: Sentence = []
    for line in [*text.splitlines(), BORDER]:
        if line == BORDER or not line.strip():
            if sentence:
                found = found or [[]]
                found[-1].append(sentence)
            sentence = []
            if line == BORDER:
                found.append([])
        else:
            sentence.append(line.rstrip())
    return [document for document in found if document]


def entities(sentence: Sentence) -> list[tuple[str, str]]:
    """Give a sentence's entities, words and label: a run of `I-` tags of one type, as there are no others here."""
    found, before = [], "O"
    for line in sentence:
        word, tag = line.rsplit(" ", 1)
        if tag != "O" and tag == before:
            found[-1] = (f"{found[-1][0]} {word}", found[-1][1])
        elif tag != "O":
            found.append((word, tag.removeprefix("I-")))
        before = tag
    return found


def write(path: Path, part: list[list[Sentence]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = ["\n\n".join([BORDER, *("\n".join(sentence) for sentence in document)]) for document in part]
    path.write_text("\n\n".join(blocks) + "\n", encoding="utf-8", newline="\n")


def main() -> None:
    source = Path(os.environ["GATEWISE_DATA"]) / "tagging" / "wikigold" / "wikigold.conll.txt"
    every = documents(source.read_text(encoding="utf-8"))
    order = random.Random(SEED).sample(range(len(every)), len(every))
    tested = {*order[:TEST_DOCUMENTS]}
    parts = {
        name: [document for place, document in enumerate(every) if (place in tested) == (name == "test")]
        for name in ("train", "test")
    }
    known = {entity for document in parts["train"] for sentence in document for entity in entities(sentence)}
    learnt = {
        tuple(line.rsplit(" ", 1)[0] for line in sentence) for document in parts["train"] for sentence in document
    }
    for name, part in parts.items():
        write(TARGET / f"{name}.conll", part)
        sentences = [sentence for document in part for sentence in document]
        found = [entity for sentence in sentences for entity in entities(sentence)]
        print(
            f"{name:6} documents {len(part):4}  sentences {len(sentences):6,}  tokens {sum(map(len, sentences)):7,}  "
            f"entities {len(found):6,}  {dict(sorted(Counter(label for _, label in found).items()))}  "
            f"{(TARGET / f'{name}.conll').stat().st_size:,} bytes"
        )
        if name == "test":
            again = sum(tuple(line.rsplit(" ", 1)[0] for line in sentence) in learnt for sentence in sentences)
            unseen = sum(entity not in known for entity in found)
            print(f"{unseen:,} test entities do not stand in train; {again} sentences do")


if __name__ == "__main__":
    main()
