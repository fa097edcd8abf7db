"""Dev rows are whole groups or stratified texts, the same for the same seed; a text's key sees through its spaces."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.errors import DataError
from gatewise.base.settings import TrainingConfig
from gatewise.data.part import from_lists
from gatewise.data.splitting import compared, drawn, keys_and_labels, rows_of, split, text_key


@given(st.data())
def test_splitting_keeps_groups_whole_and_every_class_in_training(data):
    n = data.draw(st.integers(8, 60))
    groups = data.draw(st.lists(st.sampled_from("abcdefghijkl"), min_size=n, max_size=n))
    targets = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    kept = np.array(data.draw(st.lists(st.sampled_from([True, True, True, False]), min_size=n, max_size=n)))
    config = TrainingConfig(dev_share=0.2, seed=data.draw(st.integers(0, 5)))
    if len(set(targets[kept])) < 2:
        return
    try:
        flags = split(targets, groups, kept, config)
    except DataError:
        return
    in_dev = {group for group, flag in zip(groups, flags, strict=True) if flag}
    assert not in_dev & {group for group, flag in zip(groups, flags, strict=True) if not flag}
    assert set(targets[kept & ~flags]) == set(targets[kept])
    assert len(set(targets[kept & flags])) >= 2
    assert (split(targets, groups, kept, config) == flags).all()


@given(st.integers(30, 200), st.integers(2, 4), st.floats(0.05, 0.4))
def test_splitting_of_single_rows_is_stratified_and_of_the_size_asked_for(n, classes, share):
    targets = np.arange(n) % classes
    flags = split(targets, [str(row) for row in range(n)], np.ones(n, bool), TrainingConfig(dev_share=share))
    assert flags.sum() == max(classes, round(share * n))
    counts = np.bincount(targets[flags], minlength=classes)
    assert counts.max() - counts.min() <= 1 and counts.min() >= 1


def test_splitting_takes_many_small_classes_although_one_text_stands_twice():
    """A single copy makes groups of the rows; drawing all of 60 classes by chance would then never succeed."""
    targets = np.arange(600) % 60
    groups = [str(row) for row in range(600)]
    groups[60] = groups[0]
    flags = split(targets, groups, np.ones(600, bool), TrainingConfig())
    assert len(set(targets[~flags])) == 60
    assert len(set(targets[flags])) > 30
    assert flags[0] == flags[60]


def test_splitting_says_when_it_cannot_be():
    with pytest.raises(DataError, match=r"dev file of your own\.$"):
        split(np.array([0, 0, 1, 1]), ["film a", "film a", "film b", "film b"], np.ones(4, bool), TrainingConfig())


@pytest.mark.parametrize("seed", [6, 24])
def test_splitting_asks_for_half_of_the_rows_at_most(seed):
    """Of 24 groups six may not be held out, each being all there is of its class: few draws of half spare them.

    With these seeds none of the first hundred draws, of 40 %, does; of 75 % none ever would.
    """
    rows = np.arange(240)
    targets = np.where(rows < 60, 2 + rows // 10, rows % 2)
    groups = (rows // 10).tolist()
    flags = split(targets, groups, np.ones(240, bool), TrainingConfig(dev_share=0.4, seed=seed))
    assert flags.sum() == 120 and not flags[:60].any()


def test_splitting_key_sees_through_spaces_and_line_breaks_alone():
    key = text_key("a good film")
    assert {text_key(text) for text in (" a  good\nfilm", "a<br />good film<br />", "a\tgood\u3000film ")} == {key}
    assert key not in {text_key(text) for text in ("A good film", "agood film", "a good film.", "a<br>good film", "")}
    assert len(key) == 8 and text_key("\ud800") == text_key("?")


def test_splitting_draws_a_share_by_name_and_seed():
    config = TrainingConfig(dev_share=0.25, seed=1)
    held = [drawn(f"film {number}", config) for number in range(4000)]
    assert 0.23 < sum(held) / 4000 < 0.27
    assert held == [drawn(f"film {number}", config) for number in range(4000)]
    other = [drawn(f"film {number}", TrainingConfig(dev_share=0.25, seed=2)) for number in range(4000)]
    assert 0.03 < sum(map(min, held, other)) / 4000 < 0.1  # independent: a sixteenth
    more = [drawn(f"film {number}", TrainingConfig(dev_share=0.5, seed=1)) for number in range(4000)]
    assert all(later >= first for first, later in zip(held, more, strict=True))


def test_splitting_compares_every_row_with_the_test_part_and_reads_chosen_rows_again():
    texts = [f"text {row}" for row in range(3000)]  # three batches
    part = from_lists(texts, [row % 3 for row in range(3000)])
    keys, labels = keys_and_labels(from_lists(["text  7", "text 2500", "text 2500"], ["a", "b", "b"]))
    assert (len(keys), labels) == (2, {"a": 1, "b": 2}) and keys_and_labels(None) == (set(), {})
    rows = [row for batch in compared(part, keys) for row in batch]
    assert [row.example.text for row in rows] == texts and rows[5].key == text_key("text 5")
    assert [row.example.text for row in rows if row.in_test] == ["text 7", "text 2500"]
    chosen = np.arange(3000) % 7 == 0
    again = list(rows_of(part, chosen))
    assert len(again) == 3 and [text for batch in again for text in batch] == texts[::7]


@pytest.mark.parametrize("rows", [2, 4])
def test_splitting_rows_of_a_part_that_has_changed_are_refused(rows):
    part = from_lists(["a", "b", "c"])
    assert [*rows_of(part, np.array([True, False, True]))] == [["a", "c"]]
    with pytest.raises(DataError, match=f"texts has changed while it was read: {rows} rows, then 3"):
        [*rows_of(part, np.ones(rows, dtype=bool))]


def test_splitting_a_row_a_class_is_refused_in_a_sentence():
    with pytest.raises(DataError, match="No dev split could be drawn"):
        split(np.arange(3), ["a", "b", "c"], np.ones(3, dtype=bool), TrainingConfig())


@pytest.mark.parametrize("copies", [False, True])
def test_splitting_keeps_classes_seen_once_or_twice_whole_in_training(copies):
    targets = np.array([0] * 40 + [1] * 40 + [2, 3, 3, 4, 4, 4])
    groups = [str(row) for row in range(len(targets))]
    if copies:
        groups[1] = groups[0]
    for seed in range(5):
        flags = split(targets, groups, np.ones(len(targets), bool), TrainingConfig(seed=seed))
        assert set(targets[flags]) <= {0, 1, 4} and {0, 1} <= set(targets[flags])
        assert set(targets[~flags]) == {0, 1, 2, 3, 4}


def test_splitting_holds_out_of_pairs_where_there_is_nothing_else():
    targets = np.array([0, 0, 1, 1, 2])
    flags = split(targets, list("abcde"), np.ones(5, bool), TrainingConfig())
    assert sorted(targets[flags]) == [0, 1]


def test_splitting_holds_out_groups_although_each_holds_a_rare_class():
    targets = np.array([0, 1, 2, 0, 1, 3, 0, 1, 2])
    flags = split(targets, list("aaabbbccc"), np.ones(9, bool), TrainingConfig())
    assert flags.any() and set(targets[~flags]) == {0, 1, 2, 3}
