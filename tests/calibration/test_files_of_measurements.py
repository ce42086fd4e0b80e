"""Files of measurements: every row is used, listed with its reason, or refused with its line."""

from __future__ import annotations

import json
import math

import pytest
from click.testing import CliRunner

import dse
from dse.calibration.measurements import read_measurements
from dse.calibration.shipped import measurements
from dse.calibration.terms import roofline
from dse.cli import cli

HEADER = "network,device,software,precision,metric,value,unit,axes,family,use,note"
DECODE = "llama-2-7b,a100-sxm-80gb,mine,fp16,latency,30,ms,phase=decode context=1024"


def run(tmp_path, command, *rows, header=HEADER):
    path = tmp_path / "mine.csv"
    columns = header.count(",")
    path.write_text("\n".join([header, *(row + "," * (columns - row.count(",")) for row in rows)]) + "\n")
    return CliRunner().invoke(cli, [command, str(path), "--json"])


def refusal(done):
    assert isinstance(done.exception, dse.InputError), done.output
    return str(done.exception)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (f"{DECODE} draft_tokens=4", "draft_tokens: is no part of a calibrated time"),
        (f"{DECODE} tensor_parallel=3", "3 does not divide heads = 32"),
        (f"{DECODE} batch=3 pipeline_parallel=2 micro_batches=2", "batch: 3 is not divided"),
        (f"{DECODE} batch=8 batch=16", "batch: is given twice"),
        (DECODE.replace("phase=decode", "phase=mixed"), "the phase 'mixed' are not fitted"),
        (DECODE.replace("latency", "time_to_first_token"), "phase=prefill or phase=request"),
        ("resnet50,rtx-4090,mine,fp16,latency,3,", "unit: is empty"),
        ("resnet50,rtx-4090,mine,fp16,latency,,ms", "value: is empty; give a number, or a row that"),
        ("resnet50,rtx-4090,mine,fp16,latency,3,ms,tensor_parallel=2", "cannot divide this network"),
    ],
)
def test_a_row_without_an_effect_or_a_meaning_is_refused_with_its_line(tmp_path, row, told):
    done = run(tmp_path, "validate", row)
    assert "mine.csv: line 2: " in refusal(done)
    assert told in refusal(done)


def test_after_so_many_faults_no_line_is_looked_at(tmp_path):
    """The nearest names of a million lines that are wrong would take minutes."""
    rows = [f"resnet5{i}1,a100-sxm-80gb,mine,fp16,latency,1,ms,batch=8" for i in range(90)]
    told = refusal(run(tmp_path, "validate", *rows))
    assert "line 50: network: unknown" in told
    assert told.endswith("no line after line 51 was looked at") and len(told.splitlines()) == 50


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    done = run(tmp_path, "validate", "resnet50,rtx-4090,mine,fp16,latency,3,ms,,,,,4", header=f"{HEADER},value")
    assert "the column 'value' stands twice" in refusal(done)


def test_a_run_that_was_out_of_memory_has_no_value(tmp_path):
    done = run(
        tmp_path,
        "validate",
        "resnet50,rtx-4090,mine,fp16,latency,30,ms,batch=1024",
        "resnet50,rtx-4090,mine,fp16,latency,,ms,batch=65536,,skip,out of memory",
    )
    assert done.exit_code == 0 and "marked skip (out of memory)" in done.output
    lost = [m for m in measurements() if "out of memory" in m.note]
    assert len(lost) == 6 and all(math.isnan(m.value) and m.use == "skip" for m in lost)


def test_nothing_to_compare_is_an_error_with_its_reason(tmp_path):
    done = run(
        tmp_path,
        "validate",
        "resnet50,rtx-4090,mine,fp16,energy,3,mJ",
        "resnet18,rtx-4090,a,fp16,latency,1,ms,,,skip,old",
    )
    assert "line 2: energy needs active_power" in refusal(done)
    assert "line 3: marked skip (old)" in refusal(done)


def test_every_row_is_compared_or_counted_as_not(tmp_path):
    on = "stm32l4r5,x-cube-ai-9.0/st,int8"
    rows = [
        f"mobilenet_v2,{on},latency,300,ms,width=0.35 resolution=96",
        f"mobilenet_v2,{on},energy,20,mJ,width=0.35 resolution=96",
        f"mobilenet_v2,{on},peak_sram,200,KiB,width=0.35 resolution=96",
        "llama-2-7b,a100-sxm-80gb,tensorrt-llm,fp16,time_to_first_token,130,ms,phase=prefill context=1024",
        "llama-2-7b,a100-sxm-80gb,tensorrt-llm,fp16,time_to_first_token,131,ms,"
        "phase=request prompt_tokens=1024 output_tokens=64",
    ]
    found = json.loads(run(tmp_path, "validate", *rows).output)
    by_name = {c["name"]: c["held_out"]["rows"] for c in found["comparisons"]}
    assert by_name == {
        "stm32l4r5, x-cube-ai-9.0/st, int8": 1,
        "stm32l4r5, x-cube-ai-9.0/st, int8: energy": 1,
        "a100-sxm-80gb, tensorrt-llm, fp16": 2,
    }
    (note,) = found["notes"]
    assert note.startswith("(1 of 5 rows are not used: line 4: peak_sram needs engine_sram")


def test_energy_beside_its_time_is_fitted_and_energy_alone_is_listed(tmp_path):
    rows = [
        *(f"{n},stm32h743,mine,int8,latency,{ms},ms" for n, ms in (("mcunet-in1", 50), ("mcunet-in2", 200))),
        "mcunet-in1,stm32h743,mine,int8,energy,10,mJ",
        "mcunet-in3,stm32h743,mine,int8,energy,10,mJ",
        "mcunet-in1,stm32h743,other,int8,flash_total,900,kB",
    ]
    (note,) = json.loads(run(tmp_path, "calibrate", *rows).output)["notes"]
    assert note.startswith("(2 of 5 rows are not used: line 5: energy of a network whose time is not given; line 6: ")


@pytest.mark.filterwarnings("error")
def test_a_prediction_beyond_all_numbers_is_told_without_a_warning(tmp_path):
    row = "mobilenet_v2,esp32,mine,int8,latency,12,ms,width=0.5 resolution=96 compute_efficiency=1e-305"
    path = tmp_path / "mine.csv"
    path.write_text(f"{HEADER}\n{row},,,\n")
    done = CliRunner().invoke(cli, ["validate", str(path)])
    assert done.exit_code == 0 and "e+307 / " in done.output and len(done.output) < 2000


def test_rows_that_differ_in_numbers_are_predicted_as_each_alone(tmp_path):
    """Also where what devices share follows from the numbers: heads of keys and values."""
    rows = [f"{DECODE} tensor_parallel=4 kv_heads={heads}" for heads in (2, 32)]
    alone, found = [], []
    for given, times in (([rows[0]], alone), ([rows[1]], alone), (rows, found)):
        assert run(tmp_path, "validate", *given).exit_code == 0
        times += roofline(read_measurements(tmp_path / "mine.csv")).tolist()
    assert found == alone and alone[0] < alone[1]
