"""Text files: a text a line, a label a line, or one text a file; which was understood is said."""

from pathlib import Path

import pytest
from tests.data.test_reading import examples, put

from gatewise.base.errors import DataError
from gatewise.data.reading import read


def test_a_text_file_holds_a_text_a_line(tmp_path: Path) -> None:
    data = put(tmp_path / "mails.txt", "one mail\n\n  \nanother\r\nthe last")
    dataset = read(data, labels=False)
    assert [text for text, _, _ in examples(dataset.train)] == ["one mail", "another", "the last"]
    assert dataset.notes == (f"{data}: 3 lines, a text each",)
    with pytest.raises(DataError, match="has no rows"):
        read(put(tmp_path / "empty.txt", " \n\n"), labels=False)


def test_a_folder_of_few_long_text_files_holds_a_text_a_line(tmp_path: Path) -> None:
    for name in ("a", "b"):
        put(tmp_path / f"{name}.txt", "".join(f"text {row} of {name}\n" for row in range(4_000)))
    dataset = read(tmp_path, labels=False)
    assert len(examples(dataset.train)) == 8_000 and "2 files" in dataset.notes[0] and "8,000 lines" in dataset.notes[0]
    whole = read(tmp_path, labels=False, text_per="file")
    assert len(examples(whole.train)) == 2 and whole.notes == (f"{tmp_path}: 2 files, one text each",)


def test_a_folder_of_many_short_text_files_holds_a_text_a_file(tmp_path: Path) -> None:
    for name in range(12):
        put(tmp_path / f"{name:02}.txt", "a line\n" * 9)
    assert len(examples(read(tmp_path, labels=False).train)) == 12
    assert len(examples(read(tmp_path, labels=False, text_per="line").train)) == 108


def test_the_unlabelled_part_may_be_lines(tmp_path: Path) -> None:
    put(tmp_path / "train.csv", "review,label\na,pos\nb,neg\n")
    put(tmp_path / "unlabelled.txt", "more\nand more\n")
    dataset = read(tmp_path, text_column="review")
    assert examples(dataset.unlabelled) == [("more", None, None), ("and more", None, None)]


def test_values_with_tabs_between_them_are_a_table(tmp_path: Path) -> None:
    headed = put(tmp_path / "headed.txt", "text\tlabel\na\tpos\nb\tneg\n")
    assert examples(read(headed).train) == [("a", "pos", None), ("b", "neg", None)]
    bare = put(tmp_path / "SMSSpamCollection", "ham\tsee you\nspam\twin\nham\tok\n")
    assert examples(read(bare, columns="label,text").train)[1] == ("win", "spam", None)


def test_lines_of_fasttext(tmp_path: Path) -> None:
    data = put(tmp_path / "cooking.txt", "__label__pos fine film\n\nvery bad  __label__neg\n__label__a-b ,ok\n")
    dataset = read(data)
    assert examples(dataset.train) == [("fine film", "pos", None), ("very bad", "neg", None), (",ok", "a-b", None)]
    assert "fastText" in dataset.notes[0]
    several = put(tmp_path / "several.txt", "__label__a text\n__label__a __label__b text\n")
    with pytest.raises(DataError, match="line 2 has 2 labels"):
        examples(read(several).train)


def test_parts_of_text_files(tmp_path: Path) -> None:
    for part in ("train", "test"):
        put(tmp_path / f"{part}.txt", f"__label__pos {part}\n__label__neg other {part}\n")
    put(tmp_path / "README.txt", "What this is.\n")
    dataset = read(tmp_path)
    assert examples(dataset.train)[0] == ("train", "pos", None) and examples(dataset.test)[0] == ("test", "pos", None)


def test_class_folders_whose_files_have_no_ending(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for name in ("sci.space/60881", "sci.space/60882.1", "talk.misc/1", "talk.misc/.hidden"):
            put(tmp_path / part / name, f"{part} {name}")
    labels = [(text.split()[0], label) for text, label, _ in examples(read(tmp_path).train)]
    assert labels == [("train", "sci.space")] * 2 + [("train", "talk.misc")]
    put(tmp_path / "train" / "talk.misc" / "2", "café".encode("latin-1"))
    with pytest.raises(DataError, match=r"talk\.misc/2: byte 0xe9 is not UTF-8; .*--encoding, perhaps cp1252"):
        examples(read(tmp_path).train)
    assert any("café" in text for text, _, _ in examples(read(tmp_path, encoding="latin-1").train))


def test_what_is_no_text_has_no_known_format(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no known format"):
        read(put(tmp_path / "model.bin", b"\x00\x01\x02" * 100))


def test_a_few_lines_of_another_form_are_faults_not_the_form(tmp_path: Path) -> None:
    labelled = "".join(f"__label__{'ab'[row % 2]} text {row}\n" for row in range(8))
    with pytest.raises(DataError, match="row 9 has an empty 'label'"):
        examples(read(put(tmp_path / "fast.txt", labelled + "no label\n")).train)
    dataset = read(put(tmp_path / "fast.txt", labelled + "no label\n"), skip_unlabelled=True)
    assert len(examples(dataset.train)) == 8
    tabs = "".join(f"text {row}\t{'ab'[row % 2]}\n" for row in range(8))
    with pytest.raises(
        DataError, match=r"row 9 has 1 values .*; mend it, or say --text-per line if each line is a text"
    ):
        examples(read(put(tmp_path / "tabs.txt", tabs + "no tab\n"), header=False, label_column="2").train)
    with pytest.raises(DataError, match="row 9"):
        examples(read(put(tmp_path / "tabs.txt", "text\tlabel\n" + tabs[:-9] + "no tab\n")).train)


@pytest.mark.parametrize("line", ["__label__a a text", "a text\tand a tab", "a text"])
def test_each_line_is_a_text_where_that_is_said_or_the_form_is_of_few(tmp_path: Path, line: str) -> None:
    data = put(tmp_path / "a.txt", f"{line}\n" * 4)
    assert [text for text, _, _ in examples(read(data, labels=False, text_per="line").train)] == [line] * 4
    data = put(tmp_path / "b.txt", f"{line}\n" * 3 + "other\n")
    assert [text for text, _, _ in examples(read(data, labels=False).train)] == [*[line] * 3, "other"]


def test_class_folders_may_hold_a_text_a_line(tmp_path: Path) -> None:
    for name in ("pos", "neg"):
        put(tmp_path / name / "a.txt", f"one {name}\r\n\n two\u2028{name}\n")
    assert [text for text, _, _ in examples(read(tmp_path, text_per="line").train)] == [
        "one neg", " two\u2028neg", "one pos", " two\u2028pos",
    ]  # fmt: skip
    assert len(examples(read(tmp_path).train)) == 2
    put(tmp_path / "flat" / "pos.txt", "a text\n")
    with pytest.raises(DataError, match="put them into a folder per class, and say --text-per line if each line there"):
        read(tmp_path / "flat")


def test_labels_of_fasttext_that_run_into_the_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"labels such as 'pos,fine'; set each off by a blank"):
        read(put(tmp_path / "a.txt", "__label__pos,fine film\n__label__neg,dull film\n"))
    assert read(put(tmp_path / "a.txt", "__label__a,b fine film\n__label__neg dull film\n")).train


def test_a_folder_of_many_big_text_files_holds_a_text_a_line(tmp_path: Path) -> None:
    for name in range(12):
        put(tmp_path / f"{name}.txt", "".join(f"text {row} of some length\n" for row in range(3_000)))
    assert len(examples(read(tmp_path, labels=False).train)) == 36_000
