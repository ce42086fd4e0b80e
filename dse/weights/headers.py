"""Headers of .safetensors and .gguf files: which tensors they hold, of which type; the weights are not read.

Both are parsed here by the standard library. Sizes are checked against the length of the file before anything is read
or kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from dse.catalogue import opened
from dse.errors import Fault, InputError
from dse.weights.gguf import read_gguf
from dse.weights.safetensors import read_safetensors
from dse.weights.stored import Header

FORMATS: Mapping[str, Callable[[BinaryIO, str, int], Header]] = {
    ".safetensors": read_safetensors,
    ".gguf": read_gguf,
}


def read_header(path: Path) -> Header:
    """The header of a .safetensors or .gguf file.

    Raises
    ------
    InputError
        For a file that cannot be read, is truncated, or is of another format; each fault names file and field.
    """
    if path.suffix not in FORMATS:
        raise InputError(Fault(str(path), f"not a kind of file with such a header; allowed: {', '.join(FORMATS)}"))
    try:
        with opened(path) as file:
            found = FORMATS[path.suffix](file, str(path), path.stat().st_size)
    except OSError as error:
        raise InputError(Fault(str(path), f"cannot be read: {error.strerror}")) from None
    if not found.params:
        raise InputError(Fault(str(path), "holds no tensors"))
    return found
