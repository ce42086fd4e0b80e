"""What the tests of the command line share with those of jobs: `specs`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "jobs"))
