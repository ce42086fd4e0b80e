"""What calibrations are made of: measurements in CSV, and the constants that were fitted to them."""

from __future__ import annotations

import random
import tomllib
from functools import cache
from pathlib import Path

import numpy as np

from tests.fuzz import mutations
from tests.fuzz.mutations import document, to_toml
from tests.fuzz.target import Target, folder

MEASURED = b"""\
network,device,software,precision,metric,value,unit,axes,family,use,source,note
mobilenet_v2,esp32,mine,int8,latency,12,ms,width=0.5 resolution=96,a,,here,
mobilenet_v2,esp32,mine,int8,latency,20 ms,,width=1.0 resolution=96,b,fit,here,
resnet,esp32,mine,int8,throughput,5,1/s,depth=18 resolution=96 batch=2,,hold,here,"a, b"
mobilenet_v2,esp32,mine,int8,energy,3,mJ,width=0.5 resolution=96,a,,here,
mobilenet_v2,esp32,mine,int8,peak_sram,90,KiB,width=0.5 resolution=96,a,,here,
llama-2-7b,a100-sxm-80gb,that,fp16,latency,1.5,s,phase=request prompt_tokens=64 output_tokens=8 batch=4,,,,
llama-2-7b,a100-sxm-80gb,that,fp16,time_to_first_token,30,ms,phase=prefill context=64,,skip,,
matrix_product,a100-sxm-80gb,that,fp16,latency,1,us,features_in=64 hidden=32 batch=8,,,,
"""
NAMES = ("resolution", "width", "depth", "batch", "phase", "context", "prompt_tokens", "output_tokens", "layers",
         "hidden", "tensor_parallel", "utilization", "kernel", "latency_model", "software", "bandwidth")  # fmt: skip
NETWORKS = (b"resnet50", b"llama-2-7b", b"decoder", b"vit", b"mcunet-in1", b"swin_t", b"../x.onnx", b"x.csv", b"")


def _change_measured(rng: random.Random, given: bytes) -> bytes:
    """Cells of any kind, or the axes and the network of a line."""
    if rng.random() < 0.5:
        return mutations.table(rng, given)
    lines = [line.split(b",") for line in given.split(b"\n")]
    line = rng.choice(lines)
    parts = [
        f"{rng.choice(NAMES)}={rng.choice((*mutations.NUMBERS, *mutations.TEXTS))}" for _ in range(rng.randint(1, 3))
    ]
    if rng.random() < 0.7:
        line[min(7, len(line) - 1)] = " ".join(parts).encode("utf-8", "replace")
    else:
        line[0] = rng.choice(NETWORKS)
    return b"\n".join(map(b",".join, lines))


def _read_measured(path: Path) -> object:
    """What `dse validate` and `dse calibrate` do with it."""
    from dse.calibration.catalogue import CALIBRATIONS
    from dse.calibration.constants import to_toml as written
    from dse.calibration.measurements import read_measurements
    from dse.calibration.pool import calibrate_or_scale
    from dse.calibration.validation import compare, predict_file

    found, known = read_measurements(path), list(CALIBRATIONS.values())
    compared, _ = predict_file(found, known)
    fitted = calibrate_or_scale(found, known)
    return compared, [compare(one) for one in fitted], written([f.calibration for f in fitted], "x")


@cache
def _constants() -> list[bytes]:
    from dse.calibration.catalogue import CALIBRATIONS
    from dse.calibration.constants import ANY, CLASS
    from dse.calibration.constants import to_toml as written

    known = list(CALIBRATIONS.values())
    whole = [c for c in known if c.device == CLASS + ANY]
    own = list({c.domain: c for c in known if not c.pooled}.values())
    return [written(entries, "Fitted").encode() for entries in (whole, [*own, *whole])]


def _change_constants(rng: random.Random, given: bytes) -> bytes:
    return to_toml(document(rng, tomllib.loads(given.decode())))


def _read_constants(path: Path) -> object:
    """What `dse validate MEASURED --calibration FILE` does with it."""
    from dse.calibration.constants import read_calibrations
    from dse.calibration.measurements import read_measurements
    from dse.calibration.validation import predict_file

    measured = folder() / "measured.csv"
    if not measured.exists():
        measured.write_bytes(MEASURED)
    found, _ = predict_file(read_measurements(measured), read_calibrations(path))
    return [np.isfinite(c.held_out.median) for c in found]


TARGETS = (
    Target("measured", ".csv", lambda: [MEASURED], _change_measured, _read_measured),
    Target("calibration", ".toml", _constants, _change_constants, _read_constants),
)
