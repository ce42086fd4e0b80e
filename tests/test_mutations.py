"""The breaks that the tests must notice are of code that is there: `python -m tests.mutations` makes them."""

from __future__ import annotations

import pytest

from tests.mutations import HERE, TABLE


@pytest.mark.parametrize("each", TABLE, ids=lambda each: f"{each.file}: {each.was}")
def test_what_is_to_be_broken_is_there(each):
    assert (HERE / "dse" / each.file).read_text(encoding="utf-8").count(each.was) >= 1
    assert each.becomes != each.was
