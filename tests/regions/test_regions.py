"""Regions: values copied by hand from the shipped tables' sources, newest year, business before household."""

from __future__ import annotations

import pytest

from dse.errors import InputError
from dse.regions import REGIONS


@pytest.mark.parametrize(
    ("region", "intensity", "year"),
    [("WORLD", 458.29, "2025"), ("ARG", 354.1, "2023"), ("gcp:europe-west9", 34.0, ""), ("ALB", 24.29, "2022")],
)
def test_carbon_intensity(region, intensity, year):
    figure = REGIONS[region].carbon_intensity
    assert (figure.value, figure.period) == (intensity, year)
    assert figure.source.startswith("http")


@pytest.mark.parametrize(
    ("region", "price", "sector", "period"),
    [
        ("USA", 0.0815, "industrial", "2024"),
        ("WORLD", 0.147, "business", "2024-Q4"),
        ("GBR", 0.3111, "household", "2024-early"),
        ("FIN", 0.0963, "non-household", "2023-H2"),
    ],
)
def test_electricity_price(region, price, sector, period):
    figure = REGIONS[region].electricity_price
    assert (figure.value, figure.kind, figure.period) == (price, sector, period)


@pytest.mark.parametrize(
    ("region", "intensity", "year", "price", "sector"),
    [
        ("WORLD@2023", 483.18, "2023", 0.147, "business"),
        ("USA@2023", 369.47, "2023", 0.0806, "industrial"),
        ("USA@2023/household", 369.47, "2023", 0.1598, "household"),
        ("WORLD/household", 458.29, "2025", 0.15, "household"),
        ("WORLD@2024/household", 471.08, "2024", 0.15, "household"),
    ],
)
def test_year_and_sector_in_the_name(region, intensity, year, price, sector):
    found = REGIONS[region]
    assert (found.carbon_intensity.value, found.carbon_intensity.period) == (intensity, year)
    assert (found.electricity_price.value, found.electricity_price.kind) == (price, sector)
    assert found.title in ("World average", "United States")
    assert found.price_of_other_year == ("2024-Q4" if region == "WORLD@2023" else "")
    with pytest.raises(InputError, match="unknown region 'WORLD@1900'"):
        REGIONS["WORLD@1900"]


def test_what_is_not_published_is_missing():
    assert REGIONS["ALB"].electricity_price is None
    assert REGIONS["EUROPE"].carbon_intensity is None


def test_unknown_region():
    with pytest.raises(InputError, match="did you mean 'gcp:europe-west1'"):
        REGIONS["gcp:europe-wets1"]
