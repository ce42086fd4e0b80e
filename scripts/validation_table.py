"""The table of README.md that tells predictions beside measurements: `python scripts/validation_table.py` renews it.

It is what `dse validate` prints, without the calibrations of few rows and without the lines of each device as if it was
never measured: these are told together in the lines below.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
HEADING = "measurements "
FEW = 20


def told() -> list[str]:
    """The lines of the table: its heading, and every line that has many rows or tells several calibrations together."""
    printed = subprocess.run([sys.executable, "-m", "dse", "validate"], capture_output=True, text=True, check=True)
    lines = printed.stdout.splitlines()
    where = lines[0].index("rows")
    return [lines[0], *(line for line in lines[1:] if line[:1] != "(" and _is_told(line, where))]


def _is_told(line: str, where: int) -> bool:
    name, rows = line[:where].strip(), int(line[where:].split()[0])
    return name.count(", ") != 2 or (": " not in name and (rows >= FEW or "megatron" in name))


def with_table(text: str, lines: list[str]) -> str:
    """README with these lines for its table."""
    start = text.index(f"```\n{HEADING}") + len("```\n")
    return text[:start] + "\n".join(lines) + "\n" + text[text.index("```", start) :]


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8"), told()), encoding="utf-8")
