"""Accuracy against published tables; the fit against its published constants and against a fit made here."""

from __future__ import annotations

import math
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import dse
from dse.errors import InputError
from dse.precision import PRECISIONS, Scheme
from dse.quality import SOURCES, formats, quality, recipes

TABLES = tomllib.loads((Path(__file__).parents[1] / "reference" / "accuracy.toml").read_text())
POINTS = TABLES["mobilenet_v2"]
METRICS = ["accuracy", "accuracy_low", "accuracy_high"]
IMAGENET = {"classes": 1000, "in_channels": 3}


def accuracy(family, axes, scheme, recipe=None):
    named = {r.recipe: r for r in recipes(family)}
    return quality(named[recipe] if recipe else recipes(family)[0], axes, scheme)


def mobilenet(width, resolution, scheme="fp32", **other):
    return accuracy("mobilenet_v2", {"width": width, "resolution": resolution, **IMAGENET, **other}, PRECISIONS[scheme])


def test_every_published_point():
    found = mobilenet([p["width"] for p in POINTS], [p["resolution"] for p in POINTS])
    published = [p["accuracy"] for p in POINTS]
    assert len(POINTS) == 22
    for values in (found.value, found.low, found.high):
        np.testing.assert_array_equal(values, published)
    assert set(found.source) == {SOURCES["table"]}
    assert "TF-Slim" in found.legend[1]
    assert found.key == "ImageNet-1k, tf-slim"


def test_every_published_resnet():
    rows = TABLES["resnet"]
    assert len(rows) == 9
    for row in rows:
        axes = {key: row[key] for key in ("depth", "groups", "width_per_group", "resolution")}
        found = accuracy("resnet", {**axes, "width": 1.0, **IMAGENET}, PRECISIONS["fp32"])
        assert float(found.value) == row["accuracy"]
        assert found.key == "ImageNet-1k, torchvision-v1"
    assert {tuple(point) for point in recipes("resnet")[0].points} == {
        tuple(row[key] for key in ("depth", "groups", "width_per_group", "resolution", "accuracy")) for row in rows
    }


@pytest.mark.parametrize(("width", "resolution"), [(1.0, 208), (0.6, 224), (0.42, 112), (1.4, 97.5)])
def test_fit_between_the_points(width, resolution):
    # error = 27.6 % * width^-0.327 * (resolution / 224)^-0.389, from the published constants.
    error = math.exp(3.3175) * width**-0.32699 * (resolution / 224) ** -0.38903
    found = mobilenet(width, resolution)
    assert float(found.value) == pytest.approx(100 - error, rel=1e-12)
    assert float(found.low) == pytest.approx(100 - error * math.exp(0.0408), rel=1e-12)
    assert float(found.high) == pytest.approx(100 - error / math.exp(0.0408), rel=1e-12)
    assert int(found.source) == SOURCES["fit"]


@pytest.mark.parametrize("family", ["mobilenet_v2", "mobilenet_v1"])
def test_fit_is_the_least_squares_one_of_the_published_points(family):
    points = TABLES[family]
    unknowns = np.array([[1, math.log(p["width"]), math.log(p["resolution"] / 224)] for p in points])
    logarithms = np.array([math.log(100 - p["accuracy"]) for p in points])
    constants = np.linalg.lstsq(unknowns, logarithms, rcond=None)[0]
    left_out = []
    for row in range(len(points)):
        rest = np.arange(len(points)) != row
        without = np.linalg.lstsq(unknowns[rest], logarithms[rest], rcond=None)[0]
        left_out.append(logarithms[row] - unknowns[row] @ without)
    fit = recipes(family)[0].fit
    stated = [fit.constant, fit.axis["width"].exponent, fit.axis["resolution"].exponent]
    np.testing.assert_allclose(stated, constants, atol=5e-5)
    assert fit.error == pytest.approx(float(np.sqrt(np.mean(np.square(left_out)))), abs=5e-5)
    for axis in ("width", "resolution"):
        values = [p[axis] for p in points]
        assert (fit.axis[axis].minimum, fit.axis[axis].maximum) == (min(values), max(values))


def test_mobilenet_v1_in_float_and_in_8_bits():
    points = TABLES["mobilenet_v1"]
    assert len(points) == 16
    for point in points:
        axes = {"width": point["width"], "resolution": point["resolution"]}
        for precision, published in (("fp32", point["accuracy"]), ("int8", point["int8"])):
            data = dse.evaluate("mobilenet_v1", metrics="accuracy", precision=precision, classes=1001, **axes)
            assert float(data.accuracy) == published
    # Between the points: the fit, and mean and range of the 16 changes in 8 bits.
    changes = [p["int8"] - p["accuracy"] for p in points]
    plain, narrow = (
        dse.evaluate("mobilenet_v1", metrics=METRICS, precision=p, classes=1001, width=0.6, resolution=144)
        for p in ("fp32", "int8")
    )
    for metric, change in zip(METRICS, (np.mean(changes), min(changes), max(changes)), strict=True):
        assert float(narrow[metric] - plain[metric]) == pytest.approx(change, abs=1e-9)


def test_grid_list_and_single_point_agree():
    width, resolution = np.array([0.35, 0.6, 1.0, 1.6]), np.array([96.0, 150.0, 224.0])
    grid = mobilenet(width[:, None], resolution[None, :])
    assert grid.value.shape == grid.low.shape == grid.high.shape == grid.source.shape == (4, 3)
    rows, columns = np.divmod(np.arange(12), 3)
    listed = mobilenet(width[rows], resolution[columns])
    for name in ("value", "low", "high", "source"):
        np.testing.assert_array_equal(getattr(grid, name).ravel(), getattr(listed, name))
    single = mobilenet(1.0, 224.0)
    assert single.value.shape == ()
    assert isinstance(single.value, np.ndarray)
    assert float(single.value) == grid.value[2, 2] == 71.8


def test_more_width_and_more_pixels_never_hurt():
    width, resolution = np.linspace(0.35, 1.4, 60)[:, None], np.linspace(96, 224, 65)[None, :]
    found = mobilenet(width, resolution)
    fitted = np.where(found.source == SOURCES["fit"], found.value, np.nan)
    for axis in (0, 1):
        steps = np.diff(fitted, axis=axis)
        assert np.all(steps[~np.isnan(steps)] > 0)
    assert np.all((found.low <= found.value) & (found.value <= found.high))
    published = np.array([[p["accuracy"] for p in POINTS if p["width"] == w] for w in (0.35, 0.5, 0.75, 1.0)])
    assert np.all(np.diff(published, axis=0) > 0)


@pytest.mark.parametrize(
    ("axes", "reason"),
    [
        ({"width": 0.34}, "outside the fitted range (width 0.35 to 1.4"),
        ({"width": 1.41}, "outside the fitted range"),
        ({"resolution": 95}, "resolution 96 to 224"),
        ({"resolution": 256}, "resolution 96 to 224"),
        ({"classes": 10}, "published only for classes = 1000, in_channels = 3"),
        ({"in_channels": 1}, "published only for classes = 1000"),
        ({"kernel": 5}, "not over kernel"),
        ({"width": math.nan}, "outside the fitted range"),
    ],
)
def test_undefined_outside_of_what_is_published(axes, reason):
    found = mobilenet(**{"width": 1.0, "resolution": 224, **axes})
    assert np.isnan([found.value, found.low, found.high]).all()
    code = SOURCES["incomparable" if "only" in reason or "not over" in reason else "none"]
    assert int(found.source) == code
    assert reason in found.legend[code]
    assert set(found.legend) == {code}


def test_resnet_between_its_points_is_undefined():
    axes = {"depth": 50, "groups": 1, "width_per_group": 64, "resolution": [192, 224], "width": 1.0, **IMAGENET}
    found = accuracy("resnet", axes, PRECISIONS["fp32"])
    np.testing.assert_array_equal(found.value, [np.nan, 76.13])
    assert found.legend[0] == "not a published point (ImageNet-1k, torchvision-v1)"


def test_family_of_which_nothing_is_published():
    data = dse.evaluate("pointnet", metrics=["accuracy"], points=[512, 1024])
    assert np.isnan(data.accuracy).all()
    assert str(data.accuracy_source.values) == "no published accuracy of the family 'pointnet'"


@pytest.mark.parametrize("scheme", ["fp32", "tf32", "fp16", "bf16"])
def test_floats_change_nothing(scheme):
    found = mobilenet(1.0, [160, 208], scheme)
    np.testing.assert_array_equal(found.value, mobilenet(1.0, [160, 208]).value)
    assert ("assumed" in found.legend[1]) is (scheme in ("fp16", "bf16"))
    assert ("assumed" in found.legend[2]) is (scheme in ("fp16", "bf16"))


def test_int8_shifts_value_and_interval():
    # 71.8 in float; -0.80 is the median of -0.22, -0.80 and -1.0, -2.6 the worst narrow depthwise network.
    found = mobilenet(1.0, 224, "int8")
    assert [float(x) for x in (found.low, found.value, found.high)] == pytest.approx([69.2, 71.0, 71.58], abs=1e-9)
    assert found.low <= 70.8 <= found.high, "TFLite's published value"
    assert "int8: -0.8 points" in found.legend[1]
    between, floats = mobilenet(0.6, 200, "int8"), mobilenet(0.6, 200)
    assert float(between.low - floats.low) == pytest.approx(-2.6)
    assert float(between.high - floats.high) == pytest.approx(-0.22)


@pytest.mark.parametrize(
    ("depth", "groups", "width_per_group", "published"),
    [(18, 1, 64, 69.494), (50, 1, 64, 75.92), (101, 32, 8, 78.986)],  # torchvision, IMAGENET1K_FBGEMM_V1
)
def test_int8_interval_of_resnet_holds_the_published_values(depth, groups, width_per_group, published):
    axes = {"depth": depth, "groups": groups, "width_per_group": width_per_group, "resolution": 224, "width": 1.0}
    found = accuracy("resnet", {**axes, **IMAGENET}, PRECISIONS["int8"])
    assert found.low <= published <= found.high
    assert abs(float(found.value) - published) < 0.1


@pytest.mark.parametrize("scheme", ["int4", "fp8", "w8a16", "w4a16", "nvfp4", "q8_0"])
def test_other_formats_are_undefined(scheme):
    found = mobilenet(1.0, 224, scheme)
    assert np.isnan([found.value, found.low, found.high]).all()
    assert found.legend == {0: f"no published evidence of mobilenet_v2 (ImageNet-1k, tf-slim) in {scheme}"}


def test_own_scheme_counts_by_its_bits():
    mine = Scheme.from_fields("mine", weight_bits=8, activation_bits=8)
    assert float(accuracy("mobilenet_v2", {"width": 1, "resolution": 224, **IMAGENET}, mine).value) == pytest.approx(
        71.0
    )


def test_a_recipe_is_chosen_by_name():
    found = {
        r: dse.evaluate("mobilenet_v2", metrics="accuracy", recipe=r) for r in ("torchvision-v1", "torchvision-v2")
    }
    assert {r: float(d.accuracy) for r, d in found.items()} == {"torchvision-v1": 71.878, "torchvision-v2": 72.154}
    assert str(found["torchvision-v2"].recipe.values) == "ImageNet-1k, torchvision-v2"
    with pytest.raises(InputError, match="unknown recipe 'torchvision-v3'; did you mean 'torchvision-v2'"):
        dse.evaluate("mobilenet_v2", metrics="accuracy", recipe="torchvision-v3")


def test_axis_that_the_table_needs():
    with pytest.raises(InputError, match="in_channels"):
        accuracy("mobilenet_v2", {"width": 1.0, "resolution": 224, "classes": 1000}, PRECISIONS["fp32"])


def of_model(name, precision="fp32", **axes):
    data = dse.evaluate(name, metrics=METRICS, precision=precision, **axes)
    return [data[m].values.tolist() for m in METRICS], data.accuracy_source.values.tolist()


# torchvision, IMAGENET1K_V1, as its documentation prints them.
@pytest.mark.parametrize(
    ("model", "published"), [("vit_b_16", 81.072), ("vit_b_32", 75.912), ("vit_l_16", 79.662), ("vit_l_32", 76.972)]
)
def test_models_of_a_family_without_a_table(model, published):
    values, source = of_model(model)
    assert values == [published] * 3
    assert source.startswith("published point (ImageNet-1k, torchvision-vit: torchvision weights IMAGENET1K_V1")


def test_only_the_very_network_has_the_published_value():
    values, _ = of_model("vit_b_16", layers=[11, 12], resolution=[224, 240])
    assert np.isnan(np.array(values[0])).tolist() == [[True, True], [False, True]]
    assert math.isnan(of_model("vit_b_16", precision="int8")[0][0])


def test_a_network_measured_in_8_bits():
    # torchvision: mobilenet_v2, 71.878 in float and 71.658 with IMAGENET1K_QNNPACK_V1.
    axes = {"width": 1.0, "resolution": 224, **IMAGENET}
    found = accuracy("mobilenet_v2", axes, PRECISIONS["int8"], "torchvision-v1")
    assert [float(x) for x in (found.low, found.value, found.high)] == [71.658] * 3
    assert found.legend[SOURCES["measured"]].startswith("published point of the network in int8")
    assert float(accuracy("mobilenet_v2", axes, PRECISIONS["fp32"], "torchvision-v1").value) == 71.878


# Tables of torchvision, NNCF and MCUNet's model zoo: float, int8.
@pytest.mark.parametrize(
    ("model", "plain", "int8"),
    [("squeezenet1_1", 58.178, 58.22), ("mobilenet_v3_small", 67.668, 66.98), ("proxyless-w0.3", 57.0, 56.2),
     ("mcunet-in0", 41.5, 40.4), ("inception_v3", 77.294, 77.176), ("googlenet", 69.778, 69.826)],
)  # fmt: skip
def test_what_is_published_of_the_network_itself_comes_before_a_shift(model, plain, int8):
    assert of_model(model)[0] == [plain] * 3
    values, source = of_model(model, "int8")
    assert values == [int8] * 3
    assert source.startswith("published point of the network in int8")


def test_measured_formats_lie_in_the_interval_of_their_class():
    for family in dse.families:
        for recipe in recipes(family):
            for name, points in recipe.measured.items():
                scheme = PRECISIONS[name]
                change, _ = formats.change_of(replace(recipe, measured={}), scheme)
                plain = {at: value for *at, value in recipe.points for at in [str(at)]}
                changes = [value - plain[str(at)] for *at, value in points]
                assert change is None or all(change.low - 0.005 <= c <= change.high + 0.005 for c in changes), name


@pytest.mark.parametrize(
    ("model", "value", "key"),
    [("mcunet-in3", 62.2, "mcunet"), ("vit_b_16_384", 85.304, "torchvision-swag-e2e"),
     ("vit_b_16", 81.072, "torchvision-vit"), ("regnet_y_128gf", 86.068, "torchvision-swag-linear"),
     ("deit3_base_patch16_224", 85.728, "deit3-in22k"),
     ("tsn_resnet50_8", 68.8, "Kinetics-400")],
)  # fmt: skip
def test_a_network_that_only_another_recipe_knows(model, value, key):
    """Without a recipe it is the first that knows the network; of a grid all points are of one recipe."""
    data = dse.evaluate(model, metrics=["accuracy"], precision="fp32")
    assert float(data.accuracy) == value
    assert key in str(data.accuracy_source.values)


def test_points_of_one_call_are_of_one_recipe():
    # 224 pixels are those of torchvision-vit; at 384 only torchvision-swag-e2e has a value.
    data = dse.evaluate("vit_b_16", metrics=["accuracy"], precision="fp32", resolution=[224, 384])
    assert float(data.accuracy.sel(resolution=224)) == 81.072
    assert np.isnan(float(data.accuracy.sel(resolution=384)))
