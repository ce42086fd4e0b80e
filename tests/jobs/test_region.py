"""The region of a deployment: carbon intensity and price from the shipped tables, told with year, sector and source."""

from __future__ import annotations

import tomllib

import pytest
from specs import SMALL, changed

import dse
from dse.errors import InputError
from dse.jobs import assumptions
from dse.jobs.resolve import read_job
from dse.regions import REGIONS

# Newest published figures (tests/regions): g/kWh, USD/kWh.
ARG, USA_PRICE, WORLD = 354.1, 0.0815, (458.29, 0.147)
ONE = {"device": "cheatsheet-example", "metrics": ["energy_wh", "carbon", "electricity_cost"]}


def test_a_region_gives_carbon_intensity_and_price():
    data = dse.evaluate("resnet50", **ONE, region="WORLD")
    assert float(data.carbon) == pytest.approx(float(data.energy_wh) * WORLD[0] * 1e-6, rel=1e-14)
    assert float(data.electricity_cost) == pytest.approx(float(data.energy_wh) * WORLD[1] * 1e-3, rel=1e-14)


def test_regions_are_circumstances():
    spec = changed(SMALL, deployment__region=["ARG", "USA", "WORLD"], objectives={"minimize": ["carbon"]})
    result = dse.explore(spec)
    assert result.manifest["per"] == ["region"]
    assert sorted(set(result.frontier.region.values)) == ["ARG", "USA", "WORLD"]
    by_region = dict(zip(result.frontier.region.values, result.frontier.carbon.values, strict=True))
    assert by_region["ARG"] / by_region["WORLD"] == pytest.approx(ARG / WORLD[0], rel=1e-14)


def test_every_region_that_has_the_figures():
    asked = {"objectives": {"minimize": ["electricity_cost"], "choose": ["region"]}, "fit": False, "budgets": {}}
    result = dse.explore(changed(SMALL, deployment={"region": "*"}, **asked))
    priced = {n: r.electricity_price for n, r in REGIONS.items() if not {"@", "/"} & set(n)}
    known = {n: p.value for n, p in priced.items() if p is not None}
    assert set(read_job(result.manifest["spec"]).space.axes["region"].values) == set(known)
    cheapest = min(known, key=known.get)
    assert set(result.frontier.region.values.tolist()) == {cheapest}
    told = f"{len(priced) - len(known)} of {len(priced)} regions are left out: a figure that"
    assert any(note.startswith(told) for note in result.manifest["notes"])
    # Under its own assumptions the result has the same regions.
    again = read_job(result.manifest["spec"], assumptions=assumptions.gather(read_job(result.manifest["spec"])))
    assert set(again.space.axes["region"].values) == set(known)


def test_every_energy_profile():
    space = read_job(changed(SMALL, deployment={"energy_profile": "*"})).space
    assert set(space.axes["energy_profile"].values) == {"horowitz-45nm", "jouppi-7nm", "sheet"}
    with pytest.raises(InputError, match=r"deployment.energy_profile: one energy profile stands twice"):
        read_job(changed(SMALL, deployment={"energy_profile": ["*", "sheet"]}))


def test_what_is_given_goes_before_the_region():
    data = dse.evaluate("resnet50", **ONE, region="USA", carbon_intensity=100)
    assert float(data.carbon) == pytest.approx(float(data.energy_wh) * 1e-4, rel=1e-14)
    assert float(data.electricity_cost) == pytest.approx(float(data.energy_wh) * USA_PRICE * 1e-3, rel=1e-14)


def test_what_stands_over_a_region_is_told(tmp_path, capsys):
    from specs import to_toml

    from dse.cli import run

    given = changed(SMALL, deployment={"region": ["USA", "WORLD"], "carbon_intensity": 100})
    note = "deployment.carbon_intensity stands over that of the region USA, WORLD"
    # Nothing is left that differs between them.
    notes = [note, "region changes nothing of what is asked for: designs that differ in it alone are alike"]
    assert assumptions.gather(read_job(given))["notes"] == notes
    (tmp_path / "spec.toml").write_text(to_toml(given))
    assert run(["explore", str(tmp_path / "spec.toml"), "--out", str(tmp_path / "x"), "--no-plots"]) == 0
    assert f"note: {note}" in " ".join(capsys.readouterr().out.split())
    assert dse.load(tmp_path / "x").manifest["notes"] == notes
    # Nothing is published of it: what is given stands over nothing.
    alone = changed(SMALL, deployment={"region": "ALB", "electricity_price": 0.1})
    assert dse.explore(alone).manifest["notes"] == []


def test_a_price_of_another_year_than_was_chosen_is_told():
    asked = {"objectives": {"minimize": ["electricity_cost"]}, "deployment__region": ["WORLD@2023", "USA@2023"]}
    told = "the electricity_price of WORLD@2023 is of 2024-Q4: none of that year is published"
    assert assumptions.gather(read_job(changed(SMALL, **asked)))["notes"] == [told]
    for more in ({"deployment__electricity_price": 0.1}, {"objectives": {"minimize": ["carbon"]}}):
        facts = assumptions.gather(read_job(changed(SMALL, **{**asked, **more})))
        assert not any("none of that year" in note for note in facts.get("notes", ()))


def test_year_sector_and_source_are_told():
    job = read_job(changed(SMALL, deployment__region="USA"))
    facts = tomllib.loads(assumptions.to_toml(job))
    price = facts["region"]["USA"]["electricity_price"]
    assert (price["value"], price["kind"], price["period"]) == (USA_PRICE, "industrial", "2024")
    assert price["source"].startswith("https://")
    assert "carbon_intensity" not in facts["defaults"]
    manifest = dse.explore(changed(SMALL, deployment__region="USA")).manifest
    assert manifest["regions"] == facts["region"]
    given = read_job(changed(SMALL, deployment={"region": "USA", "carbon_intensity": 100}))
    # What the spec stands over is held too: a replay tells so again.
    assert assumptions.gather(given)["region"] == facts["region"]


@pytest.mark.parametrize(
    ("deployment", "objective", "expected"),
    [
        ({"region": "ALB"}, "electricity_cost", "deployment.region: no electricity_price is published of 'ALB';"
         " needed by electricity_cost; give deployment.electricity_price"),
        ({"region": ["USA", "EUROPE"]}, "carbon", "deployment.region: no carbon_intensity is published of 'EUROPE';"
         " needed by carbon; give deployment.carbon_intensity"),
        ({"region": "gcp:europe-wets1"}, "carbon", "deployment.region: unknown region 'gcp:europe-wets1'; did you mean"
         " 'gcp:europe-west1'?"),
        ({"region": ["USA", "USA"]}, "carbon", "deployment.region: one region stands twice; give each once"),
    ],
)  # fmt: skip
def test_faults(deployment, objective, expected):
    with pytest.raises(InputError) as caught:
        read_job(changed(SMALL, deployment=deployment, objectives={"minimize": [objective]}))
    assert str(caught.value) == expected


def test_a_figure_that_is_not_needed_or_given_may_be_missing():
    job = read_job(changed(SMALL, deployment={"region": "ALB"}, objectives={"minimize": ["carbon"]}))
    assert job.space.axes["region"].values == ("ALB",)
    deployment = {"region": "ALB", "electricity_price": 0.1}
    job = read_job(changed(SMALL, deployment=deployment, objectives={"minimize": ["electricity_cost"]}))
    assert job.space.axes["electricity_price"].values == (0.1,)


def test_why_a_value_is_undefined():
    from dse.api import design_space
    from dse.grid.dataset import evaluate
    from dse.grid.explain import describe

    space = design_space("resnet50", "cheatsheet-example", "fp32", None, "trainable", {"region": "ALB"})
    told = describe(evaluate(space, ["electricity_cost", "carbon"]), space)
    assert told["metrics"]["electricity_cost"]["reason"] == "no electricity_price is published of ALB"
    assert told["assumptions"]["carbon_intensity"]["period"] == "2022"
    assert "electricity_price" not in told["assumptions"]
