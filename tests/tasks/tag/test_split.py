"""The dev split of a tagger: its share in sentences, whole documents, copies together, the same for a seed."""

import pytest

from gatewise.data.tagged import Sentence, joined
from gatewise.tasks.tag.prepare import split
from gatewise.tasks.tag.settings import TagSettings


def sentences(sizes: list[int]) -> list[Sentence]:
    """Make documents of these sizes."""
    return [
        Sentence((f"w{document}", str(number)), ("O", "O"), *joined([f"w{document}", str(number)]), document=document)
        for document, size in enumerate(sizes)
        for number in range(size)
    ]


@pytest.mark.parametrize("seed", range(1, 9))
@pytest.mark.parametrize("sizes", [[50, 1, 2, 3, 40, 5, 60, 7, 8, 9] * 4, [20] * 5, [1] * 300])
def test_split_holds_out_a_share_of_whole_documents(sizes, seed):
    every = sentences(sizes)
    train, dev = split(every, TagSettings().replace(seed=seed, dev_share=0.2))
    assert {one.document for one in train}.isdisjoint(one.document for one in dev)
    assert [one for one in every if one in train] == train and len(train) + len(dev) == len(every)
    assert abs(len(dev) - 0.2 * len(every)) <= 0.5 + 0.05 * len(every)
    assert split(every, TagSettings().replace(seed=seed, dev_share=0.2)) == (train, dev)


def test_split_by_sentence_keeps_copies_together():
    rows = [["a", "b"], ["c"], ["a", "b"], *([str(number)] for number in range(40))]
    every = [Sentence(tuple(row), ("O",) * len(row), *joined(row)) for row in rows]
    for seed in range(1, 20):
        _, dev = split(every, TagSettings().replace(seed=seed))
        assert sum(one.tokens == ("a", "b") for one in dev) in (0, 2)


def test_split_of_few_documents_holds_one_out_and_leaves_one():
    for sizes, held in (([3, 90], 3), ([50, 40], 40), ([9], None)):
        train, dev = split(sentences(sizes), TagSettings())
        assert train and (held is None or len(dev) == held)
