"""Files that hold the weights of one network together."""

from __future__ import annotations

import re
from pathlib import Path

from dse.errors import Fault, InputError

# model-00001-of-00003.safetensors, model-00001-of-00003.gguf
_SHARD = re.compile(r"(.*)-(\d{5})-of-(\d{5})(\.[a-z]+)")
_MOST = 10_000


def shards(path: Path) -> list[Path]:
    """All files of the network that one is part of, by its name; InputError where one is missing."""
    found = _SHARD.fullmatch(path.name)
    if found is None or int(found[3]) > _MOST:
        return [path]
    whole = [path.with_name(f"{found[1]}-{n:05}-of-{found[3]}{found[4]}") for n in range(1, int(found[3]) + 1)]
    if missing := [shard.name for shard in whole if not shard.is_file()]:
        told = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise InputError(Fault(str(path), f"is one of {len(whole)} files of a network; missing beside it: {told}"))
    return whole
