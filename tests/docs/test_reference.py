"""The tables in docs/reference are those of what the package records."""

from __future__ import annotations

import pytest

from dse.formulas import RECORDS
from dse.hardware import DEVICES
from scripts import reference


@pytest.mark.parametrize("page", reference.PAGES)
def test_pages_are_current(page):
    written = (reference.FOLDER / f"{page}.md").read_text(encoding="utf-8")
    assert written == reference.text(page), "not current: run `make docs`, or python scripts/reference.py"


def test_everything_stands_in_them():
    assert {path.stem for path in reference.FOLDER.glob("*.md")} == set(reference.PAGES)
    devices, formulas = (reference.text(page) for page in ("devices", "formulas"))
    assert all(f"| `{name}` |" in devices for name in DEVICES)
    assert all(f"| `{name}` |" in formulas for name in RECORDS)
    # The data sheet of the H100 SXM: 3.35 TB/s and 700 W.
    row = next(line for line in devices.splitlines() if line.startswith("| `h100-sxm` |"))
    assert "3.35 TB/s" in row and "700 W" in row
