"""Clipping of given tensors: the kernel against a search over levels, files of tensors, grouped formats."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

import dse
from dse.errors import InputError
from dse.formulas import quantization
from dse.formulas.quantization import file_sqnr_db, optimal_clip, optimal_sqnr_db

RNG = np.random.default_rng(7)
WEIGHTS = RNG.normal(size=(64, 96)).astype(np.float32) * np.linspace(0.1, 4, 64, dtype=np.float32)[:, None]


def squared_error(values, bits, clip):
    """Expected error of a uniform quantiser: a twelfth of the squared step inside, the excess outside."""
    magnitudes = np.abs(values.astype(np.float64))
    inside = magnitudes <= clip
    step = 2 * clip / 2**bits
    return np.sum(inside) * step**2 / 12 + np.sum((magnitudes - clip)[~inside] ** 2)


def best_error(values, bits):
    levels = np.linspace(0.2, 1.0, 4001) * np.abs(values).max()
    return min(squared_error(values, bits, clip) for clip in levels)


def safetensors(path, **tensors):
    header, data = {}, b""
    for name, array in tensors.items():
        kind = {"float32": "F32", "float16": "F16", "float64": "F64", "uint16": "BF16"}[array.dtype.name]
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return str(path)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_kernel_equals_the_plain_loop(monkeypatch, bits):
    plain = optimal_clip(WEIGHTS, bits)
    monkeypatch.setattr(quantization, "KERNEL_SIZE", 1)
    assert optimal_clip(WEIGHTS, bits) == pytest.approx(plain, rel=1e-12)
    assert optimal_clip(np.abs(WEIGHTS), bits, signed=False) == pytest.approx(
        _plain(monkeypatch, np.abs(WEIGHTS), bits), rel=1e-12
    )


def _plain(monkeypatch, values, bits):
    monkeypatch.setattr(quantization, "KERNEL_SIZE", 10**9)
    return optimal_clip(values, bits, signed=False)


@pytest.mark.parametrize("bits", [2, 4, 6])
def test_no_level_of_a_fine_grid_is_better(tmp_path, bits):
    np.save(tmp_path / "w.npy", WEIGHTS)
    decibels = file_sqnr_db(str(tmp_path / "w.npy"), bits)
    expected = 10 * np.log10(np.sum(WEIGHTS.astype(np.float64) ** 2) / best_error(WEIGHTS, bits))
    # The error jumps where the level passes a value, so that some level beside the fixed point may be a little better.
    assert decibels == pytest.approx(expected, abs=5e-3)


@pytest.mark.no_cover
def test_groups_have_levels_of_their_own(tmp_path):
    np.save(tmp_path / "w.npy", WEIGHTS)
    error = sum(best_error(group, 4) for group in WEIGHTS.reshape(-1, 32))
    expected = 10 * np.log10(np.sum(WEIGHTS.astype(np.float64) ** 2) / error)
    found = file_sqnr_db(str(tmp_path / "w.npy"), 4, 32)
    assert found == pytest.approx(expected, abs=2e-2)
    assert found > file_sqnr_db(str(tmp_path / "w.npy"), 4) + 3


def test_a_large_gaussian_tensor():
    values = RNG.normal(size=400_000)
    assert optimal_sqnr_db(values, 4) == pytest.approx(19.83, abs=0.05)  # published: Sakr et al., ICML 2022
    assert optimal_clip(values.astype(np.float32), 4) == pytest.approx(2.5621, rel=0.01)


def test_safetensors_of_every_float(tmp_path):
    rounded = (WEIGHTS.view(np.uint32) >> 16).astype(np.uint16)
    path = safetensors(
        tmp_path / "m.safetensors", single=WEIGHTS, half=WEIGHTS.astype(np.float16), brain=rounded,
        bias=np.full(9, 1e6, np.float32),
    )  # fmt: skip
    brain = (rounded.astype(np.uint32) << 16).view(np.float32)
    for name, array in (("single", WEIGHTS), ("half", WEIGHTS.astype(np.float16)), ("brain", brain)):
        assert optimal_clip(f"{path}:{name}", 4) == pytest.approx(optimal_clip(array, 4), rel=1e-12)
    # All matrices together, each with a level of its own; vectors are left out.
    arrays = [a.astype(np.float64) for a in (WEIGHTS, WEIGHTS.astype(np.float16), brain)]
    error = sum(best_error(a, 4) for a in arrays)
    expected = 10 * np.log10(sum(np.sum(a**2) for a in arrays) / error)
    assert file_sqnr_db(path, 4) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("none.npy", "none.npy: cannot be read: No such file"),
        ("bad.npy", "bad.npy: cannot be read: it is truncated"),
        ("int.npy", "int.npy: holds int64; allowed: floats"),
        ("m.safetensors", "holds 2 tensors of floats; name one"),
        ("m.safetensors:sinlge", "unknown tensor of floats 'sinlge'; did you mean 'single'"),
        ("zero.npy", "not all zero"),
    ],
)
def test_faults_name_the_file(tmp_path, monkeypatch, text, match):
    monkeypatch.chdir(tmp_path)
    np.save("int.npy", np.arange(4))
    np.save("zero.npy", np.zeros(4))
    np.save("bad.npy", WEIGHTS)
    with open("bad.npy", "r+b") as file:
        file.truncate(200)
    safetensors(tmp_path / "m.safetensors", single=WEIGHTS, other=WEIGHTS)
    with pytest.raises(InputError, match=match):
        optimal_clip(text, 4)


def test_the_metric_of_an_own_format(tmp_path):
    np.save(tmp_path / "w.npy", WEIGHTS)
    table = {"weight_bits": [4, 8], "activation_bits": 16, "weights": str(tmp_path / "w.npy")}
    spec = {
        "network": {"model": "resnet50"}, "hardware": {"device": "l4"},
        "precision": {"scheme": ["mine", "int4"], "mine": table},
        "objectives": {"minimize": ["model_size"], "maximize": ["sqnr"]},
    }  # fmt: skip
    frontier = dse.explore(spec).frontier
    found = dict(zip(frontier.precision.values.tolist(), frontier.sqnr.values.tolist(), strict=True))
    assert found["mine weight_bits=8"] == file_sqnr_db(str(tmp_path / "w.npy"), 8)
    assert found["int4"] == pytest.approx(19.83, abs=0.005)  # Gaussian
    spec["precision"]["mine"] = {**table, "weights": "no.npy"}
    with pytest.raises(InputError, match=r"mine\.weights: 'no.npy' is not there"):
        dse.explore(spec)
