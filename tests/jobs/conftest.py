"""What the tests of jobs share: the folder of these tests on the path, for `specs`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
