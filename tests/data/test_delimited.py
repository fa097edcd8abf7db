"""CSV, TSV and their like: what separates and encloses values is found out, said and settable; so is a header."""

import csv
from pathlib import Path

import pytest
from tests.data.test_reading import examples, put

from gatewise.base.errors import ConfigError, DataError
from gatewise.base.text import LONGEST
from gatewise.data.delimited import _LIMIT, HEAD_LINES
from gatewise.data.reading import read

LONG = "a text of some length that goes on for a while and then ends"


def rows_of(path: Path, **given: object) -> list[tuple[str, str | None]]:
    return [(text, label) for text, label, _ in examples(read(path, **given).train)]


@pytest.mark.parametrize(
    ("content", "sign"),
    [
        ("text;label\nfine, really;pos\nbad, so bad;neg\n", "semicolons"),
        ("text\tlabel\nfine, really\tpos\nbad; so bad\tneg\n", "tabs"),
        ("text|label\nfine, really|pos\nbad, so bad|neg\n", "vertical bars"),
        ("sep=;\ntext;label\nfine, really;pos\nbad, so bad;neg\n", "semicolons"),
        ("sep=^\ntext^label\nfine, really^pos\nbad, so bad^neg\n", "'\\^'"),
        ('text;label\n"fine; ""really""";pos\n"bad\n";neg\n', "semicolons"),
        ("text,label\nfine; really,pos\nbad; so bad,neg\n", ""),
        ("text,label\nfine;really,pos\nbad;so bad,neg\nalso;bad,neg\n", ""),
    ],
)
def test_what_separates_is_found_out_and_said(tmp_path: Path, content: str, sign: str) -> None:
    dataset = read(put(tmp_path / "data.csv", content))
    assert [label for _, label, _ in examples(dataset.train)][:2] == ["pos", "neg"]
    assert len(dataset.notes) == bool(sign)
    if sign:
        assert sign.replace("\\", "") in dataset.notes[0] and "data.csv" in dataset.notes[0]


def test_what_separates_can_be_said(tmp_path: Path) -> None:
    data = put(tmp_path / "data.csv", "text,x;label\na,1;pos\nb,1;neg\n")
    assert [label for _, label in rows_of(data, separator=";", text_column="text,x")] == ["pos", "neg"]
    tabs = put(tmp_path / "tabs.csv", "text\tlabel\na\tpos\nb\tneg\n")
    assert rows_of(tabs, separator="tab") == rows_of(tabs, separator=r"\t") == [("a", "pos"), ("b", "neg")]
    for wrong in (";;", '"', "\n"):
        with pytest.raises(ConfigError, match="one character, or tab"):
            read(data, separator=wrong)


def test_a_decimal_comma_stays_as_it_is(tmp_path: Path) -> None:
    assert rows_of(put(tmp_path / "data.csv", "text;label\na b c;3,5\nd e f;4,0\n"))[0] == ("a b c", "3,5")


TSV = 'text\tlabel\n"Good" he said\tpos\nan inch is 1"\tneg\n"unclosed\tpos\nfine\tneg\n" "\tpos\n'


def test_in_a_tab_separated_file_a_quotation_mark_is_text(tmp_path: Path) -> None:
    dataset = read(put(tmp_path / "data.tsv", TSV))
    texts = [text for text, _, _ in examples(dataset.train)]
    assert texts == ['"Good" he said', 'an inch is 1"', '"unclosed', "fine", '" "']
    assert "quotation marks are read as text" in dataset.notes[0]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_unless_the_file_is_quoted_throughout(tmp_path: Path, end: str) -> None:
    content = end.join(['"text"\t"label"', '"one ""two"""\t"pos"', '"three\tfour"\t1', '"a\nline"\t"neg"', ""])
    assert rows_of(put(tmp_path / "data.tsv", content)) == [
        ('one "two"', "pos"), ("three\tfour", "1"), ("a\nline", "neg"),
    ]  # fmt: skip


def test_quoting_can_be_said(tmp_path: Path) -> None:
    some = put(tmp_path / "some.tsv", 'text\tlabel\n"tab\there"\tpos\nplain\tneg\n')
    assert rows_of(some, quoting="minimal") == [("tab\there", "pos"), ("plain", "neg")]
    with pytest.raises(DataError, match="3 values where the header has 2"):
        rows_of(some)
    marks = put(tmp_path / "marks.csv", 'text,label\n"unclosed,pos\nfine,neg\n')
    assert rows_of(marks, quoting="none") == [('"unclosed', "pos"), ("fine", "neg")]
    with pytest.raises(DataError, match="say --quoting none"):
        rows_of(marks)
    with pytest.raises(ConfigError, match="auto, minimal, backslash, none"):
        rows_of(marks, quoting="maybe")


def test_a_value_that_swallowed_tabs_and_lines_is_refused_with_its_row(tmp_path: Path) -> None:
    content = '"text"\t"label"\n"a"\t"pos"\n"b\tneg\n"\t"pos"\n'
    data = put(tmp_path / "data.tsv", content)
    with pytest.raises(DataError, match=r"row 3 has a value that holds tabs and line ends"):
        rows_of(data)
    assert len(rows_of(data, quoting="minimal")) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("sms.tsv", "ham\tsee you\nspam\twin now\nham\tok\nspam\tcall\n"),
        ("sst.tsv", "hide new secretions from the parental units\t0\ncontains no wit\t0\nloves its characters\t1\n"),
        ("tweets.csv", '"0","1467810369","that\'s a bummer"\n"0","1467810672","is upset"\n"4","1467822272","i love"\n'),
        ("agnews.csv", '"3","Wall St. bears","Short-sellers"\n"3","Carlyle looks","Private"\n"4","a","b"\n'),
        ("titles.txt", "词汇阅读是关键\t3\n中国人民公安大学\t3\n体彩开奖\t1\n"),
        ("texts.csv", f"{LONG}\n{LONG} again\n{LONG} too\n"),
        ("chinese.csv", "这是一个很长的句子，没有空格，所以要按字数来看它到底是不是一列的名字，还是一条评论。\n短评\n"),
    ],
)
def test_a_first_row_that_looks_like_data_is_no_header(tmp_path: Path, name: str, content: str) -> None:
    data = put(tmp_path / name, content)
    with pytest.raises(DataError, match=r"may be no header: .*--no-header, .*--columns text,label, .*--header"):
        read(data)
    part = read(data, header=False, text_column="1").train
    assert len(examples(part)) == content.count("\n")


def test_a_first_row_that_looks_like_data_may_be_a_header(tmp_path: Path) -> None:
    data = put(tmp_path / "data.csv", f"spam,{LONG}\nspam,{LONG} 1\nham,{LONG} 2\nspam,{LONG} 3\n")
    assert len(rows_of(data, header=True, text_column=LONG)) == len(rows_of(data, text_column=LONG)) == 3


def test_columns_can_be_named(tmp_path: Path) -> None:
    data = put(tmp_path / "sms.tsv", "ham\tsee you\nspam\twin now\nham\tok\n")
    expected = [("see you", "ham"), ("win now", "spam"), ("ok", "ham")]
    assert rows_of(data, columns="label,text") == rows_of(data, columns=("label", "text")) == expected
    assert rows_of(data, header=False, text_column="2", label_column="1") == expected
    with pytest.raises(DataError, match="has 2 columns, and --columns names 3"):
        read(data, columns=("a", "b", "c"))
    headed = put(tmp_path / "headed.csv", "label,text\nham,see you\nspam,win\n")
    assert rows_of(headed, columns=("label", "text")) == [("see you", "ham"), ("win", "spam")]  # it is the header
    renamed = rows_of(headed, columns=("label", "text"), header=True)
    assert renamed == [("see you", "ham"), ("win", "spam")]


@pytest.mark.parametrize(
    "header",
    ["text,label", "Review,spam", "How did you like our new service this year?,label", "id,What is it like?,kind"],
)
def test_a_header_is_taken_for_one(tmp_path: Path, header: str) -> None:
    width = header.count(",")
    body = "".join(("1," * (width - 1)) + f"text number {row},{'no' if row % 2 else 'spa'}\n" for row in range(9))
    column = header.split(",")[width - 1]
    dataset = read(put(tmp_path / "data.csv", f"{header}\n{body}"), text_column=column)
    assert len(examples(dataset.train)) == 9


def test_nameless_columns_and_empty_rows_are_left_out(tmp_path: Path) -> None:
    content = ",text,label,,\n0,a,pos,,\n,,,,\n1,b,neg,,\n\n,,,,\n"
    assert rows_of(put(tmp_path / "data.csv", content)) == [("a", "pos"), ("b", "neg")]
    assert rows_of(put(tmp_path / "more.csv", "text,label\na,pos,,\nb,neg,\n")) == [("a", "pos"), ("b", "neg")]
    inner = put(tmp_path / "inner.csv", ",text,,label\n0,a,x,pos\n1,b,y,neg\n")
    assert rows_of(inner) == [("a", "pos"), ("b", "neg")]
    with pytest.raises(DataError, match="row 2 has 3 values where the header has 2"):
        rows_of(put(tmp_path / "bad.csv", "text,label\na,pos,too many\n"))


def test_a_header_of_very_many_columns_takes_no_time_that_grows_with_its_square(tmp_path: Path) -> None:
    names = ",".join(f"c{place}" for place in range(20_000))
    data = put(tmp_path / "wide.csv", f"text,label,{names}\na,pos,{names}\nb,neg,{names}\n")
    assert rows_of(data) == [("a", "pos"), ("b", "neg")]


def test_an_unclosed_quote_and_an_endless_line_are_refused_early(tmp_path: Path) -> None:
    filler = "x" * 999 + "\n"
    many = LONGEST // 1000 + 1000
    unclosed = put(tmp_path / "unclosed.csv", 'text,label\na,pos\n"b,neg\n' + filler * many)
    with pytest.raises(DataError, match=r"row 3 cannot be read .*check its quotes"):
        rows_of(unclosed)
    endless = put(tmp_path / "endless.csv", "text,label\na,pos\n" + "x" * (LONGEST + 5))
    with pytest.raises(DataError, match="line 3 is longer than"):
        rows_of(endless)


def test_reading_leaves_the_csv_module_as_it_was(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    part = read(put(tmp_path / "data.csv", f"text,label\n{'x' * 200_000},pos\nb,neg\n")).train
    assert part is not None
    for _ in part.batches():
        assert csv.field_size_limit() == before
    assert csv.field_size_limit() == before


def test_a_message_quotes_little_of_a_file(tmp_path: Path) -> None:
    long = "n" * 5000
    for content in (f"{long},{long}\na,b\n", f"text,label,{long},{long}\na,b,c,d\n", f"text,label\na,b,{long}\n"):
        with pytest.raises(DataError) as caught:
            rows_of(put(tmp_path / "data.csv", content), label_column="y")
        assert len(str(caught.value).replace(str(tmp_path), "")) < 400


@pytest.mark.parametrize(
    "content",
    [
        'text, label\n"fine, indeed", "pos"\n"dull, alas", "neg"\n',
        'label,text\npos, "fine, indeed"\nneg, "dull, alas"\n',
        '"sep=,"\ntext,label\n"fine, indeed",pos\n"dull, alas",neg\n',
    ],
)  # fmt: skip
def test_blanks_before_a_quoted_value_and_excels_quoted_line_are_understood(tmp_path: Path, content: str) -> None:
    columns = {"text_column": "text", "label_column": "label"}
    assert rows_of(put(tmp_path / "a.csv", content), **columns) == [("fine, indeed", "pos"), ("dull, alas", "neg")]


def test_blanks_before_values_without_quotes_stay(tmp_path: Path) -> None:
    assert rows_of(put(tmp_path / "a.csv", "text,label\n  fine,pos\n  dull,neg\n"))[0] == ("  fine", "pos")


def test_quotation_marks_after_a_backslash_can_be_said(tmp_path: Path) -> None:
    data = put(tmp_path / "spark.csv", 'text,label\n"fine \\"wow\\", indeed",pos\ndull,neg\n')
    with pytest.raises(
        DataError, match=r'row 2 cannot be read .*say --quoting none .*, backslash if \\" stands for one'
    ):
        rows_of(data)
    assert rows_of(data, quoting="backslash") == [('fine "wow", indeed', "pos"), ("dull", "neg")]


@pytest.mark.parametrize("above", ["# made in 2024, by us\n", "Reviews of 2024,\n", "a,b\nc,d\ne,f\ng,h\n"])
def test_a_header_below_other_rows_is_refused(tmp_path: Path, above: str) -> None:
    data = put(tmp_path / "a.csv", above + "text,label\n" + "fine film,pos\ndull film,neg\n" * 5)
    with pytest.raises(DataError, match=r"has its header below other rows: 'text', 'label'; remove what stands above"):
        rows_of(data)
    assert rows_of(data, header=True, text_column=above.split(",")[0])  # as the user says


def test_a_row_that_merely_holds_the_names_of_columns_is_data(tmp_path: Path) -> None:
    data = put(tmp_path / "a.csv", "what,kind\ncomment,text\nthe text,label\nlabel,two words\n")
    assert len(rows_of(data, text_column="what")) == 3


@pytest.mark.parametrize(
    ("header", "before", "swallowed", "rows"),
    [
        ("text,label", "fine {},pos\ndull {},neg\n", '"unclosed,pos\nclosed",neg\n', 2),
        ("text,label", "fine {},pos\ndull {},neg\n", '"unclosed,pos\r\ndull,neg\r\nfine,pos\r\nclosed",neg\n', 4),
        ("label,text", "pos,fine {}\nneg,dull {}\n", 'pos,"unclosed\nneg,dull\npos,closed"\n', 3),
        ("id,text,label", "{0}0,fine {0},pos\n{0}1,dull {0},neg\n", '7,"unclosed,pos\n8,closed",neg\n', 2),
    ],
)
def test_a_quoted_value_that_swallows_rows_is_refused(
    tmp_path: Path, header: str, before: str, swallowed: str, rows: int
) -> None:
    lines = ["".join(before.format(row, row) for row in some) for some in (range(5), range(5, 10))]
    data = put(tmp_path / "a.csv", f"{header}\n{lines[0]}{swallowed}{lines[1]}")
    columns = {"text_column": "text", "label_column": "label"}
    with pytest.raises(
        DataError, match=rf"row 12 has a value that holds {rows} rows, as where a quotation mark is missing"
    ):
        rows_of(data, **columns)
    assert len(rows_of(data, **columns, quoting="minimal")) == 21


def test_a_quoted_value_of_several_lines_is_a_text(tmp_path: Path) -> None:
    texts = ["one, two\nthree, four", "a\n\nb", "pos, neg\nneg", "fine,\npos,neg"]
    rows = "".join(f'"{text}",{label}\n' for text in texts for label in ("pos", "neg"))
    assert [text for text, _ in rows_of(put(tmp_path / "a.csv", f"text,label\n{rows}"))][::2] == texts


def test_a_header_is_known_beside_names_of_columns(tmp_path: Path) -> None:
    data = put(tmp_path / "a.csv", "Text, LABEL\nfine,pos\ndull,neg\n")
    assert rows_of(data, columns=("text", "label")) == [("fine", "pos"), ("dull", "neg")]
    with pytest.raises(DataError, match=r"has a header, 'Text', 'LABEL', where --columns names others; add --header"):
        rows_of(data, columns=("review", "stars"))
    named = {"columns": ("review", "stars"), "text_column": "review", "label_column": "stars"}
    assert rows_of(data, header=True, **named) == [("fine", "pos"), ("dull", "neg")]
    assert len(rows_of(data, header=False, **named)) == 3


def test_a_separator_is_told_though_the_lines_looked_at_end_within_a_value(tmp_path: Path) -> None:
    rows = "".join(f"text {row}, so;{'pn'[row % 2]}\n" for row in range(HEAD_LINES - 2))
    data = put(tmp_path / "a.csv", f'text;label\n{rows}"a text\nof; two\nlines";p\n')
    assert rows_of(data)[-1] == ("a text\nof; two\nlines", "p")


def test_the_usual_separator_is_taken_where_another_fits_too(tmp_path: Path) -> None:
    data = put(tmp_path / "a.csv", "text;of;three,label\nfine;a;b,pos\ndull;c;d,neg\n")
    assert rows_of(data, text_column="text;of;three") == [("fine;a;b", "pos"), ("dull;c;d", "neg")]


def test_the_limit_of_values_stays_raised_while_any_reads() -> None:
    before = csv.field_size_limit()
    with _LIMIT:
        with _LIMIT:
            pass
        assert csv.field_size_limit() == LONGEST
    assert csv.field_size_limit() == before


def test_more_values_than_the_header_has_are_refused_though_the_first_of_them_is_empty(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 3 has 4 values where the header has 2"):
        rows_of(put(tmp_path / "a.csv", "text,label\nfine,pos,,\ndull,neg,,more\n"))
