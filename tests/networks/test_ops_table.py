"""Networks given as tables of layers."""

import csv

import pytest

from dse.errors import InputError
from dse.networks import find_model, trace
from dse.networks.training import adapter_features, adapter_macs

ROWS = [
    {"name": "stem", "kind": "conv", "inputs": 3 * 32 * 32, "c_in": 3, "c_out": 8, "k": 3, "h_out": 16, "w_out": 16},
    {"name": "spatial", "kind": "depthwise", "c_out": 8, "k": 5, "h_out": 16, "w_out": 16, "affine": 16},
    {"name": "grouped", "kind": "conv", "c_in": 8, "c_out": 8, "k_h": 1, "k_w": 3, "h_out": 16, "w_out": 16,
     "groups": 4, "repeat": 2},
    {"name": "sum", "kind": "add", "reads": "grouped stem", "outputs": 2048},
    {"name": "pool", "kind": "pool", "outputs": 8},
    {"name": "classifier", "kind": "linear", "c_in": 8, "c_out": 10, "biases": 10},
]  # fmt: skip
# By hand: 3·8·9, 8·25, 8·8·3/4 twice, 8·10 weights; those of the convolutions times 256 places.
WEIGHTS = 216 + 200 + 2 * 48 + 80
MACS = 256 * (216 + 200 + 2 * 48) + 80


def as_toml(path, rows):
    lines = []
    for row in rows:
        lines += ["[[op]]", *(f'{k} = "{v}"' if isinstance(v, str) else f"{k} = {v}" for k, v in row.items())]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def as_csv(path, rows):
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(column for row in rows for column in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


WRITERS = {"toml": as_toml, "csv": as_csv}


@pytest.mark.parametrize("suffix", WRITERS)
def test_counts_of_a_table(tmp_path, suffix):
    model = find_model(str(WRITERS[suffix](tmp_path / f"mine.{suffix}", ROWS)))
    table = trace(model.builds_from, model.axes)
    assert model.name == "mine" and [op.name for op in table.ops] == [row["name"] for row in ROWS]
    assert (table.params("weights"), table.params(), table.total("macs")) == (WEIGHTS, WEIGHTS + 26, MACS)
    # The stem's result is held over both layers after it: 2048 elements three times; in place two times, but then
    # the stem itself holds its input and its result.
    assert table.peak(False) == 3 * 2048 and table.peak_simple() == 3072 + 2048
    # 3072 + 2048, 2 · 2048 and twice so, 3 · 2048, 2048 + 8, 8 + 10.
    assert table.total("traffic") == 5120 + 3 * 4096 + 6144 + 2056 + 18


def test_counts_that_are_given_stand(tmp_path):
    rows = [{"name": "a", "kind": "linear", "inputs": 4, "c_in": 4, "c_out": 6, "macs": 7}]
    model = find_model(str(as_toml(tmp_path / "n.toml", rows)))
    table = trace(model.builds_from, {})
    assert (table.total("macs"), table.total("weights"), table.total("outputs")) == (7, 24, 6)


def test_attention_of_a_table(tmp_path):
    rows = [{"name": "a", "kind": "attention", "inputs": 900, "tokens": 10, "context": 20, "heads": 3, "d_head": 5}]
    model = find_model(str(as_csv(tmp_path / "n.csv", rows)))
    table = trace(model.builds_from, {})
    assert table.total("macs") == 2 * 10 * 20 * 3 * 5 and table.total("outputs") == 150


FAULTS = {
    "kind": ([{"name": "a", "kind": "convv", "inputs": 1}], "row 1: kind: .*conv"),
    "column": ([{"name": "a", "kind": "add", "inputs": 1, "outputs": 1, "mac": 3}], "row 1.*'mac'.*macs"),
    "name": ([ROWS[0], {**ROWS[0], "reads": "stem"}], "row 2: name: 'stem'"),
    "reads": ([ROWS[0], {"name": "b", "kind": "add", "outputs": 1, "reads": "stem stm"}], "row 2: reads: .*'stm'"),
    "number": ([{"name": "a", "kind": "add", "inputs": 1, "outputs": -1}], "row 1: outputs: .*at least 0"),
    "fraction": ([{"name": "a", "kind": "add", "inputs": 1, "outputs": 1.5}], "row 1: outputs"),
    "shape": ([{"name": "a", "kind": "conv", "inputs": 1, "c_in": 3, "k": 3}], "row 1.*lacks c_out, h_out, w_out"),
    "groups": ([{**ROWS[0], "groups": 7}], "row 1: groups: 7 does not divide"),
    "outputs": ([{"name": "a", "kind": "pool", "inputs": 9}], "row 1: outputs: is missing"),
    "inputs": ([{"name": "a", "kind": "pool", "outputs": 9}], "row 1: inputs: is missing"),
    "inputs twice": ([ROWS[0], {**ROWS[4], "inputs": 7}], "row 2: inputs: follows"),
    "too large": ([{"name": "a", "kind": "add", "inputs": 1, "outputs": 1, "weights": 2**60}], "row 1: weights"),
}


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("fault", FAULTS)
def test_faults_name_file_row_and_column(tmp_path, suffix, fault):
    rows, problem = FAULTS[fault]
    path = WRITERS[suffix](tmp_path / f"bad.{suffix}", rows)
    with pytest.raises(InputError, match=problem) as error:
        find_model(str(path))
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"name,kind\n",
        b"\xff\xfe\x00",
        b"name,kind\na,add,3,4\n",
        b'name,kind\n"a',
        b"\0" * 9,
        b"name,kind,inputs,inputs,outputs\na,add,3,4,3\n",
    ],
)
def test_files_that_hold_no_table(tmp_path, content):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.csv"):
        find_model(str(path))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        find_model(str(tmp_path / "none.csv"))


def test_after_so_many_faults_no_row_is_looked_at(tmp_path):
    """The nearest names of a million rows that are wrong would take hours."""
    path = tmp_path / "bad.csv"
    rows = [f"row{i},add,rwo{i},,8\n" for i in range(200)]
    path.write_text("".join(["name,kind,reads,inputs,outputs\n", *rows]))
    with pytest.raises(InputError) as caught:
        find_model(str(path))
    told = str(caught.value).splitlines()
    assert "row 3: reads: unknown row 'rwo2'; allowed: row0, row1" in told[4]
    assert told[-1] == f"{path}: no row after row {len(told) // 2} was looked at" and len(told) == 50
    path.write_text("".join(["name,kind,reads,inputs,outputs\nrow,input,,8,8\nsum,add," + "who " * 1000 + ",,8\n"]))
    with pytest.raises(InputError) as caught:
        find_model(str(path))
    assert len(caught.value.faults) < 60


def test_a_table_of_the_zoo_is_still_one_model(tmp_path):
    path = tmp_path / "two.toml"
    path.write_text("op = 3\n", encoding="utf-8")
    with pytest.raises(InputError, match="op"):
        find_model(str(path))


def test_a_table_is_evaluated_and_shown(tmp_path):
    import dse
    from dse.cli.show_file import file_facts

    path = str(as_csv(tmp_path / "mine.csv", ROWS))
    values = dse.evaluate(path, device=["stm32h743", "stm32u575"], precision="int8", metrics=["macs", "latency"])
    assert float(values.macs) == MACS and values.latency.shape == (2,) and bool((values.latency > 0).all())
    (facts,) = file_facts(path, {})
    assert facts["totals"]["macs"] == MACS and facts["parts"] == []


def test_adapters_beside_the_matrices_of_a_table(tmp_path):
    """Rows and features follow from the counts; classifiers, queries and values go by their names."""
    rows = [
        {"name": "q", "kind": "linear", "inputs": 3200, "c_in": 64, "c_out": 64, "tokens": 50},
        {"name": "up", "kind": "linear", "macs": 50 * 64 * 256, "weights": 64 * 256, "outputs": 50 * 256, "repeat": 3},
        {"name": "tied", "kind": "linear", "macs": 50 * 256 * 64, "matrix_read": 64 * 256, "outputs": 50 * 64},
        {"name": "block.head", "kind": "linear", "c_in": 64, "c_out": 10},
    ]

    def counts(*rows):
        model = find_model(str(as_csv(tmp_path / "mine.csv", rows)))
        found = trace(model.builds_from, {})
        return [adapt(found, targets) for adapt in (adapter_features, adapter_macs) for targets in ("qv", "all")]

    assert counts(*rows) == [128, 128 + 3 * 320, 50 * 128, 50 * (128 + 4 * 320)]
    # Half a row, as of experts of which few are used: which matrix it is cannot be told, so of none is anything said.
    assert counts(*rows[:3], {**rows[1], "name": "experts", "macs": 32 * 256}) == [0, 0, 0, 0]
