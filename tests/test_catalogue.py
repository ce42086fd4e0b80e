"""Mappings that are read at first use."""

from __future__ import annotations

import pytest

from dse.catalogue import Catalogue, read_toml
from dse.errors import InputError


def test_loaded_once_and_only_when_needed():
    loads = []

    def load():
        loads.append(1)
        return {"one": 1, "two": 2}

    catalogue = Catalogue("number", load)
    assert loads == []
    assert dict(catalogue) == {"one": 1, "two": 2}
    assert "three" not in catalogue
    assert catalogue.get("three", 3) == 3
    assert loads == [1]


def test_unknown_name():
    with pytest.raises(InputError) as caught:
        Catalogue("number", lambda: {"one": 1})["on"]
    assert str(caught.value) == "unknown number 'on'; did you mean 'one'?"
    assert isinstance(caught.value, KeyError)


@pytest.mark.parametrize("content", [b"a = ", b"a = 1\na = 2", b"\xff"])
def test_broken_file_is_named(tmp_path, content):
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.toml: "):
        read_toml(path)
    with pytest.raises(InputError, match=r"absent\.toml: "):
        read_toml(tmp_path / "absent.toml")
