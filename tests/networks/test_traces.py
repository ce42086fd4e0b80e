"""Grids, lists and single points agree; refusals; what kernels and tables get."""

import doctest
import importlib
import math

import numpy as np
import pytest

from dse.errors import InputError
from dse.glossary import lookup
from dse.networks import FAMILIES, KINDS, MODELS, QUANTITIES, Trace, family, find_family, find_model, trace
from dse.networks.net import Net, round_channels
from dse.networks.sharing import expert_weights_read
from dse.networks.terms import nearest_sum, sum_of
from tests.networks.families.grids import GRIDS_TRANSFORMERS
from tests.networks.samples import sampled_grid

GRIDS = {
    "mobilenet_v2": {"width": [0.2, 0.35, 1.0, 1.4], "resolution": [33.0, 96.0, 224.0], "classes": [2.0, 1000.0]},
    "resnet": {
        "width": [0.5, 1.0], "groups": [1.0, 4.0], "width_per_group": [8.0, 64.0, 130.0], "resolution": [64.0, 225.0],
    },
    "decoder": {
        "layers": [4.0, 5.0, 9.0], "d_model": [64.0, 256.0], "heads": [4.0, 8.0], "kv_heads": [1.0, 4.0],
        "vocab": [50.0], "tied": [0.0, 1.0], "context": [1.0, 7.0, 100.0], "phase": [0.0, 1.0],
        "local_layers": [0.0, 3.0, 4.0], "window": [16.0],
    },
    "vit": {
        "layers": [1.0, 3.0], "d_model": [24.0, 48.0], "heads": [1.0, 3.0], "patch": [5.0, 8.0],
        "resolution": [16.0, 23.0, 64.0], "classes": [2.0],
    },
    "inverted_residual": {
        "width": [0.35, 1.0], "resolution": [33.0, 96.0], "kernel_1": [3.0, 5.0, 7.0], "expansion_4": [1.0, 4.0],
        "depth_2": [1.0, 2.0, 4.0], "width_4": [2 / 3, 1.0], "depth_6": [1.0], "expansion_6": [1.0],
    },
}  # fmt: skip
# Further grids of a family, where other values mean other ops.
MORE_GRIDS = {
    "patches": ("mobilenet_v2", {"width": [0.35, 1.0], "resolution": [33.0, 96.0], "patches": [1.0, 2.0, 7.0]}),
    "mixture of experts": ("decoder", {
        "layers": [3.0, 6.0], "d_model": [64.0], "heads": [4.0], "vocab": [50.0], "phase": [0.0, 1.0], "ffn": [96.0],
        "batch": [1.0, 3.0, 64.0], "experts": [4.0, 16.0], "active_experts": [1.0, 4.0], "expert_ffn": [32.0],
        "shared_experts": [0.0, 2.0], "first_dense_layers": [0.0, 2.0], "local_layers": [0.0, 3.0], "window": [5.0],
        "context": [1.0, 40.0],
    }),
    "latent attention": ("decoder", {
        "layers": [1.0, 4.0], "d_model": [64.0], "heads": [4.0, 6.0], "vocab": [50.0], "phase": [0.0, 1.0],
        "kv_lora_rank": [16.0, 24.0], "q_lora_rank": [40.0], "d_nope": [8.0, 12.0], "d_rope": [4.0], "d_value": [10.0],
        "context": [1.0, 40.0], "local_layers": [0.0, 1.0], "window": [16.0],
    }),
}  # fmt: skip
GRIDS |= GRIDS_TRANSFORMERS
GRIDS |= {name: sampled_grid(name) for name in FAMILIES if name not in GRIDS}
ALL_GRIDS = {name: (name, grid) for name, grid in GRIDS.items()} | MORE_GRIDS


def counts(table):
    found = {quantity: table.total(quantity) for quantity in QUANTITIES}
    countings = ("trainable", "weights", "statistics")
    found |= {f"params {counting}": table.params(counting) for counting in countings}
    found |= {f"active params {counting}": table.active_params(counting) for counting in countings}
    return found | {"in place": table.peak(True), "fresh": table.peak(False), "simple": table.peak_simple()}


def open_grid(axes):
    dims = len(axes)
    return {
        axis: np.array(values).reshape([-1 if i == number else 1 for i in range(dims)])
        for number, (axis, values) in enumerate(axes.items())
    }


@pytest.mark.no_cover
@pytest.mark.parametrize(("name", "axes"), ALL_GRIDS.values(), ids=ALL_GRIDS)
def test_grid_list_and_points_agree(name, axes, rng):
    grid = open_grid(axes)
    shape = tuple(len(values) for values in axes.values())
    of_grid = counts(trace(name, grid))
    flat = {axis: np.broadcast_to(values, shape).ravel() for axis, values in grid.items()}
    table = trace(name, flat)
    of_list = counts(table)
    assert table.shape == (np.prod(shape),)
    for quantity, expected in of_list.items():
        np.testing.assert_array_equal(np.broadcast_to(of_grid[quantity], shape).ravel(), expected, quantity)
    for index in rng.integers(0, np.prod(shape), 8):
        point = counts(trace(name, {axis: values[index] for axis, values in flat.items()}))
        for quantity, expected in of_list.items():
            assert np.broadcast_to(expected, table.shape)[index] == point[quantity], quantity


@pytest.mark.parametrize(("name", "axes"), ALL_GRIDS.values(), ids=ALL_GRIDS)
def test_per_op_adds_up(name, axes):
    table = trace(name, open_grid(axes))
    stacked = table.per_op()
    dims = len(axes)
    for column, values in stacked.items():
        assert values.ndim == dims + 1 and values.shape[-1] == len(table.ops)
        assert all(size in (1, full) for size, full in zip(values.shape, table.shape, strict=False))
        quantity = {"op_weights": "weights_read"}.get(column, column.removeprefix("op_"))
        if column == "op_expert_weights":
            of_experts = np.sum(values * stacked["op_repeat"], axis=-1)
            np.testing.assert_allclose(*np.broadcast_arrays(of_experts, expert_weights_read(table)), rtol=1e-14)
        elif quantity != "repeat":
            total = np.sum(values * stacked["op_repeat"], axis=-1)
            # Experts that are read are an expectation, and no integer.
            rtol = 1e-14 if quantity == "weights_read" and "experts" in axes else 0
            np.testing.assert_allclose(*np.broadcast_arrays(total, table.total(quantity)), rtol=rtol)


def test_counts_vary_only_along_axes_that_matter():
    table = trace("mobilenet_v2", open_grid(GRIDS["mobilenet_v2"]))
    assert table.shape == (4, 3, 2)
    assert np.shape(table.params()) == (4, 1, 2)
    assert np.shape(table.peak()) == (4, 3, 2)
    assert table.per_op()["op_weights"].shape == (4, 1, 2, len(table.ops))
    assert table.per_op()["op_repeat"].shape == (1, 1, 1, len(table.ops))


def test_a_single_point_gives_floats_and_rows():
    table = trace("resnet", {"depth": 50})
    assert type(table.total("macs")) is float and type(table.peak()) is float and type(table.params()) is float
    rows = table.rows()
    assert sum(row["macs"] * row["repeat"] for row in rows) == 4089184256
    assert max(row["live"] for row in rows) == 1806336
    # The peak is at the downsampling convolution of the first block, as published.
    assert rows[table.peak_op()]["name"] == "stage1.first.downsample"
    assert len({row["name"] for row in rows}) == len(rows)


def test_where_the_peak_is():
    table = trace("mobilenet_v2", {"resolution": np.array([96.0, 224.0])})
    for in_place, name in ((False, "stage2.first.depthwise"), (True, "stage2.first.expand")):
        assert [table.ops[index].name for index in table.peak_op(in_place)] == [name, name]
        live = np.broadcast_arrays(*table.live(in_place))
        np.testing.assert_array_equal(np.max(live, axis=0), table.peak(in_place))


def test_layers_of_zero_times_are_masked():
    shape = {"d_model": 64, "heads": 4, "vocab": 10, "ffn": 4096, "window": 2, "local_layers": np.array([0.0, 2.0])}
    table = trace("decoder", shape | {"layers": np.array([2.0, 2.0])})
    for op in table.ops:
        if op.name.startswith("local_layer."):
            assert list(op.repeat) == [0, 2]
        elif op.name.startswith("layer."):
            assert list(op.repeat) == [2, 0]
    assert table.params()[0] == table.params()[1]
    live = dict(zip([op.name for op in table.ops], table.live(), strict=True))
    assert list(live["layer.down"] > 0) == [True, False] and list(live["local_layer.down"] > 0) == [False, True]
    # No layers at all: embedding, norm and head remain; an op that never runs sets no peak.
    empty = Net()
    x = empty.embedding(1.0, 10.0, 4.0)
    x = empty.repeat(np.array([0.0, 1.0]), lambda x: empty.add(x, empty.linear(empty.linear(x, 1000.0), 4.0)), x)
    empty.linear(x, 10.0, bias=0)
    table = Trace(empty.ops, empty.regions, (2,))
    assert list(table.total("macs")) == [40, 40 + 8000]
    # Embedding and logits; or the value kept, the hidden layer and its output.
    assert list(table.peak()) == [4 + 10, 4 + 1000 + 4]
    assert list(table.peak_simple()) == [14, 1004]


def test_stored_counts_beyond_2_53_are_refused():
    shape = {"layers": 1, "heads": 1, "vocab": 1, "ffn": 1, "context": 1}
    assert trace("decoder", shape | {"d_model": 2.0**25}).params("weights") < 2**53
    with pytest.raises(InputError, match=r"2\^53"):
        trace("decoder", shape | {"d_model": 2.0**26}).params()
    with pytest.raises(InputError, match=r"peak activations: a total of .* is beyond 2\^53"):
        trace("decoder", shape | {"d_model": 2.0**26, "context": 2.0**30, "phase": 0}).peak()
    # Among several it is those alone.
    several = trace("decoder", shape | {"d_model": np.array([64.0, 2.0**26])})
    assert np.isnan(several.params()).tolist() == [False, True]
    assert several.params()[0] == trace("decoder", shape | {"d_model": 64}).params()


def whole_macs(layers, d_model, ffn, vocab, context):
    """MACs of a prompt in integers: four projections, a gated feed-forward layer, both products, one row of logits."""
    of_token = 4 * d_model * d_model + 3 * d_model * ffn
    return layers * (context * of_token + 2 * context * context * d_model) + d_model * vocab


def test_work_beyond_2_53_is_the_float_nearest_to_the_whole_number():
    shape = {"layers": 79, "d_model": 8190, "heads": 65, "ffn": 28671, "vocab": 128255, "phase": 0}
    contexts = [1023, 60_001, 131_071, 3_000_001]
    grid = trace("decoder", shape | {"context": np.array(contexts, dtype=float)})
    exact = [whole_macs(79, 8190, 28671, 128255, c) for c in contexts]
    assert exact[0] < 2**53 < exact[2] and any(float(n) != n for n in exact)
    assert grid.total("macs").tolist() == [float(n) for n in exact]
    for context, macs in zip(contexts, exact, strict=True):
        alone = trace("decoder", shape | {"context": context})
        assert alone.total("macs") == float(macs)
        assert alone.total("activations") == grid.total("activations")[contexts.index(context)]
    # What float64 loses one by one counts in the sum; the order makes no difference; nothing wraps at 2^63.
    ones = [(2.0**52, 2.0, 1.0), *[(1, 1.0, 1.0)] * 5]
    assert nearest_sum(ones) == nearest_sum(ones[::-1]) == float(2**53 + 5) != sum_of((2.0**53, 1.0) for _ in "a")
    rng = np.random.default_rng(3)
    for _ in range(100):
        products = [[int(n) for n in rng.integers(1, 2 ** rng.integers(1, 33, 3))] for _ in range(9)]
        assert nearest_sum([tuple(map(float, p)) for p in products]) == float(sum(map(math.prod, products)))


SMALL = {"layers": 2, "d_model": 64, "heads": 4, "vocab": 9}


@pytest.mark.parametrize(
    ("name", "axes", "message"),
    [
        ("decoder", SMALL | {"heads": 6, "d_head": 8, "kv_heads": 4}, r"kv_heads: 4 .*divide heads"),
        ("decoder", SMALL | {"heads": np.array([4.0, 6.0])}, "heads: 6 .*divide d_model"),
        ("decoder", SMALL | {"local_layers": 3, "window": 5}, "local_layers: 3"),
        ("decoder", SMALL | {"local_layers": 1}, "window: "),
        ("decoder", SMALL | {"positions": 64, "context": 65}, "context: 65"),
        ("decoder", SMALL | {"shared_norm": 1}, "shared_norm: 1"),
        ("decoder", {"layers": 2, "d_model": 64, "heads": 4}, "needs vocab"),
        ("decoder", SMALL | {"gated": np.array([0.0, 1.0])}, "gated: .*one value"),
        ("decoder", SMALL | {"layers": 2.5}, "layers: 2.5"),
        ("decoder", SMALL | {"phase": 2}, "phase: .*prefill or decode"),
        ("decoder", SMALL | {"tied": 2}, "tied: 2"),
        ("decoder", SMALL | {"experts": 4}, "active_experts: its default .*experts need"),
        ("decoder", SMALL | {"experts": 4, "active_experts": np.array([2.0, 5.0])}, "active_experts: 5"),
        ("decoder", SMALL | {"active_experts": 2}, "active_experts: 2 .*without experts"),
        ("decoder", SMALL | {"expert_ffn": 2}, "expert_ffn: 2 .*without experts"),
        ("decoder", SMALL | {"shared_experts": np.array([0.0, 2.0])}, "shared_experts: 2 .*without experts"),
        ("decoder", SMALL | {"first_dense_layers": 1}, "first_dense_layers: 1 .*without experts"),
        ("decoder", SMALL | {"experts": 4, "active_experts": 1, "first_dense_layers": 3}, "first_dense_layers: 3"),
        ("decoder", SMALL | {"q_lora_rank": 8}, "q_lora_rank: 8 .*without kv_lora_rank"),
        ("decoder", SMALL | {"d_rope": 8}, "d_rope: 8 .*without kv_lora_rank"),
        ("decoder", SMALL | {"kv_lora_rank": 8, "kv_heads": 2}, "kv_heads: 2 .*latent"),
        ("decoder", SMALL | {"kv_lora_rank": 8, "qk_norm": 1}, "qk_norm: 1 .*latent"),
        ("decoder", SMALL | {"kv_lora_rank": 8, "sink_logits": np.array([0.0, 1.0])}, "sink_logits: 1 .*latent"),
        ("vit", {"layers": 1, "d_model": 10, "heads": 3}, "heads: 3 .*divide"),
        ("vit", {"layers": 1, "d_model": 9, "heads": 3, "patch": np.array([8.0, 225.0])}, "patch: 225"),
        ("inverted_residual", {"kernel_7": 3}, "did you mean 'kernel_"),
        ("inverted_residual", {"kernel_3": 0}, "kernel_3: 0"),
        ("mobilenet_v2", {"widht": 1}, "did you mean 'width'"),
        ("mobilenet_v2", {"width": 0}, "width: 0"),
        ("mobilenet_v2", {"width": np.array([0.5, np.nan])}, "width: nan"),
        ("mobilenet_v2", {"resolution": np.array([96.0, 96.5, 100.0])}, "resolution: 96.5"),
        ("mobilenet_v2", {"resolution": "224"}, "resolution: '224'"),
        ("mobilenet_v2", {"resolution": np.array([])}, "resolution: no value"),
        ("mobilenet_v2", {"width": np.ones(3), "resolution": np.full(2, 96.0)}, "do not broadcast"),
        ("resnet", {"depth": 49}, "depth: 49 .*18, 34, 50, 101, 152"),
        ("resnet", {"depth": 18, "groups": 2}, "groups: 2"),
        ("resnet", {"depth": 34, "width_per_group": np.array([64.0, 128.0])}, "width_per_group: 128"),
        ("resnet", {"width": 0.1, "width_per_group": np.array([64.0, 2.0])}, "width_per_group: 2"),
    ],
)  # fmt: skip
def test_wrong_axes_are_refused(name, axes, message):
    with pytest.raises(InputError, match=message):
        trace(name, axes)


def test_axes_that_do_not_fit_can_be_masked():
    heads, kv_heads = np.array([[4.0], [6.0]]), np.array([[1.0, 3.0, 4.0]])
    shape = {"layers": 2, "d_model": 64, "d_head": 8, "vocab": 9, "heads": heads, "kv_heads": kv_heads}
    table = trace("decoder", shape, invalid="mask")
    np.testing.assert_array_equal(table.valid, [[True, False, True], [True, True, False]])
    good = trace("decoder", shape | {"heads": 6, "kv_heads": 3})
    assert table.params()[1, 1] == good.params()
    assert trace("resnet", {}, invalid="mask").valid is True


def test_unknown_names_get_the_nearest():
    with pytest.raises(InputError, match="mobilenet_v2"):
        find_family("mobilenetv2")
    with pytest.raises(InputError, match="llama-3-8b"):
        find_model("llama3-8b")
    with pytest.raises(InputError, match="macs"):
        trace("mobilenet_v2", {}).total("mac")
    with pytest.raises(InputError, match="trainable"):
        trace("mobilenet_v2", {}).params("trainabel")


def test_registration_refuses_what_the_glossary_lacks():
    def builder(net, colour=1):
        """A family with an unknown axis."""

    with pytest.raises(InputError, match="colour"):
        family(domain="vision", source="none")(builder)
    with pytest.raises(ValueError, match="domain"):
        family(domain="audio", source="none")
    with pytest.raises(ValueError, match="twice"):
        family(domain="vision", source="none")(FAMILIES["resnet"].builder)
    assert "builder" not in FAMILIES


def test_axes_of_stages():
    assert FAMILIES["inverted_residual"].stages == {"kernel": 6, "expansion": 6, "depth": 6, "width": 6}
    assert FAMILIES["decoder"].stages == {} == FAMILIES["mobilenet_v2"].stages
    entry, base = lookup("kernel_3"), lookup("kernel")
    assert (entry.kind, entry.allowed(), entry.integer) == (base.kind, base.allowed(), True)
    assert entry.meaning == f"{base.meaning} (stage 3)"
    # A stage is counted from 1, and only what belongs to the architecture has any.
    for name in ("kernel_0", "kernel_03", "kernel_", "bandwidth_3", "batch_2", "kernel_3_1"):
        with pytest.raises(InputError, match=name):
            lookup(name)

    def builder(net, kernel_1=3, kernel_3=3):
        """A family without a second stage."""

    with pytest.raises(ValueError, match=r"3 stages and lacks \['kernel_2'\]"):
        family(domain="vision", source="none")(builder)


def test_families_describe_themselves():
    decoder = FAMILIES["decoder"]
    assert decoder.required == ("layers", "d_model", "heads", "vocab")
    assert decoder.defaults["kv_heads"] is None and decoder.defaults["phase"] == 1
    assert FAMILIES["resnet"].structural == ("depth", "separable") and FAMILIES["resnet"].required == ()
    assert all(entry.summary and entry.source and entry.domain for entry in FAMILIES.values())
    assert len(MODELS) == len(set(MODELS)) > 80


def test_ffn_is_derived_as_the_makers_do():
    # Llama 2 7B and 13B: 11008 and 13824; GPT-2: four times the width.
    for d_model, heads, ffn in ((4096, 32, 11008), (5120, 40, 13824)):
        shape = {"layers": 1, "d_model": d_model, "heads": heads, "vocab": 1}
        assert trace("decoder", shape).params() == trace("decoder", shape | {"ffn": ffn}).params()
    shape = {"layers": 1, "d_model": 768, "heads": 12, "vocab": 1, "gated": 0}
    assert trace("decoder", shape).params() == trace("decoder", shape | {"ffn": 3072}).params()


def test_round_channels():
    # 24·0.35 = 8.4 goes to 8; 8·1.4 = 11.2 to 16, since 8 is below 90 % of it; never below the divisor.
    asked = np.array([8.4, 11.2, 1.0, 32.0, 44.8, 12.0])
    np.testing.assert_array_equal(round_channels(asked), [8, 16, 8, 32, 48, 16])


@pytest.mark.parametrize("module", ["net", "tracing", "families.feed_forward"])
def test_examples(module):
    result = doctest.testmod(importlib.import_module(f"dse.networks.{module}"))
    assert result.attempted > 0 and result.failed == 0


def test_kinds_are_documented():
    used = {op.kind for name in MODELS for op in trace_of(name).ops}
    used |= {op.kind for op in trace("mobilenet_v2", {"patches": 4}).ops}
    assert used == set(KINDS) - {"matmul", "pointwise", "other"}  # of imported networks only: test_onnx


def trace_of(model):
    return trace(MODELS[model].family, MODELS[model].axes)
