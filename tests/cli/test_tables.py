"""Tables that fit the width of a terminal."""

from __future__ import annotations

from dse.report.tables import format_table

COLUMNS = ["name", "value", "what"]
ROWS = [["a", "1", "one two three four five six"], ["long", "22", "x"]]


def test_without_a_width_every_row_is_one_line():
    lines, left_out = format_table(COLUMNS, ROWS, right=["value"], prose=["what"])
    assert lines == ["name  value  what", "a         1  one two three four five six", "long     22  x"]
    assert left_out == []


def test_prose_is_broken_into_lines():
    lines, left_out = format_table(COLUMNS, ROWS, right=["value"], prose=["what"], width=30)
    assert lines == [
        "name  value  what",
        "a         1  one two three",
        "             four five six",
        "long     22  x",
    ]
    assert left_out == []


def test_columns_that_do_not_fit_are_left_out_and_named():
    lines, left_out = format_table(["a", "b", "c"], [["11111", "22222", "33333"]], width=13)
    assert lines == ["a      b", "11111  22222"]
    assert left_out == ["c"]


def test_the_first_column_always_stays():
    assert format_table(["a", "b"], [["11111", "2"]], width=3)[1] == ["b"]


def test_no_rows():
    assert format_table(["a", "b"], []) == (["a  b"], [])
