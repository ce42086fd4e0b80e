"""Values of tensors in .npy and .safetensors files, mapped from the file rather than read into memory."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dse.catalogue import check_no_pipe
from dse.errors import Fault, InputError, unknown
from dse.weights.headers import read_header

SUFFIXES = (".npy", ".safetensors")
_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def is_weight_file(text: Any) -> bool:
    """Whether a text names a file of tensors: "w.npy", "model.safetensors", "model.safetensors:layer.weight"."""
    return isinstance(text, str) and _parts(text)[0].endswith(SUFFIXES)


def weight_file_exists(text: str) -> bool:
    """Whether the file that a text names is there."""
    return Path(_parts(text)[0]).is_file()


def stamp(text: str) -> tuple[int, int]:
    """Size and time of change of the file that a text names; zeros where it is not there."""
    path = Path(_parts(text)[0])
    if not path.is_file():
        return 0, 0
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def one_tensor(text: str) -> npt.NDArray[Any]:
    """The tensor of a .npy file, or one of a .safetensors file: "FILE:NAME", or FILE where it holds one only.

    Raises
    ------
    InputError
        For a file that is not right, values that are no floats, and a name that is missing or not known.
    """
    path, name = _parts(text)
    if path.endswith(".npy"):
        return _npy(Path(path))
    header = read_header(Path(path))
    known = [n for n, t in header.tensors.items() if t.type in _DTYPES]
    if name is None and len(known) != 1:
        raise InputError(Fault(path, f"holds {len(known)} tensors of floats; name one: FILE:NAME"))
    name = known[0] if name is None else name
    if name not in known:
        raise InputError(unknown("tensor of floats", name, known, path))
    return _mapped(Path(path), name)


def matrices(text: str) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Names and values of the tensors that are quantised: of a .safetensors file all floats of two or more dimensions.

    Vectors (biases and norms) stay in floats. A tensor that is named ("FILE:NAME"), and the one of a .npy file, are
    taken as they are. Raises InputError as `one_tensor` does, and where there is no matrix.
    """
    path, name = _parts(text)
    if name is not None or path.endswith(".npy"):
        yield name or Path(path).stem, one_tensor(text)
        return
    header = read_header(Path(path))
    names = [n for n, t in header.tensors.items() if t.type in _DTYPES and len(t.shape) >= 2 and t.elements]
    if not names:
        raise InputError(Fault(path, f"holds no matrix of floats ({', '.join(_DTYPES)})"))
    for name in names:
        yield name, _mapped(Path(path), name)


def _parts(text: str) -> tuple[str, str | None]:
    file, separator, name = text.partition(".safetensors:")
    return (f"{file}.safetensors", name) if separator else (text, None)


def _npy(path: Path) -> npt.NDArray[Any]:
    try:
        check_no_pipe(path)
        with warnings.catch_warnings():
            # Who reads weights cares little that Python 2 wrote them.
            warnings.simplefilter("ignore", UserWarning)
            array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # the header is a Python literal: errors of its tokenizer have no common base
        problem = getattr(error, "strerror", None) or "it is truncated, or no .npy file of numbers"
        raise InputError(Fault(str(path), f"cannot be read: {problem}")) from None
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise InputError(
            Fault(str(path), f"holds {getattr(array, 'dtype', 'no array')}; allowed: floats of 16 to 64 bits")
        )
    return array


def _mapped(path: Path, name: str) -> npt.NDArray[Any]:
    tensor = read_header(path).tensors[name]
    with path.open("rb") as file:
        start = 8 + int.from_bytes(file.read(8), "little")
    stored = np.memmap(path, dtype=_DTYPES[tensor.type], mode="r", offset=start + tensor.offset, shape=tensor.shape)
    if tensor.type == "BF16":
        # The upper half of a 32-bit float.
        return np.asarray(stored, dtype=np.uint32).__lshift__(16).view(np.float32)
    return stored
