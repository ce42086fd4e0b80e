"""Where electricity comes from: carbon intensity and price by country or cloud region, each with year and source."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dse.catalogue import Catalogue

# A site of machines pays a business price; a household's price is taken only where no other is published.
SECTORS = ("industrial", "business", "non-household", "household")


@dataclass(frozen=True)
class Figure:
    """One published figure of a region: its value, the period that it holds for, what it is, and its source."""

    value: float
    period: str
    kind: str
    source: str


@dataclass(frozen=True)
class Region:
    """A country (ISO-3 code), the world, a continent or a cloud region ("gcp:europe-west1").

    `carbon_intensity` is in g/kWh (life cycle, generation mix, location-based), `electricity_price` in USD/kWh;
    None where nothing is published. Each is the newest published figure; prices of businesses go before those of
    households.
    """

    name: str
    title: str
    carbon_intensity: Figure | None
    electricity_price: Figure | None

    def figure(self, name: str) -> Figure | None:
        """The figure of a name of the glossary: carbon_intensity or electricity_price."""
        return {"carbon_intensity": self.carbon_intensity, "electricity_price": self.electricity_price}[name]


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (Path(__file__).parent / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _load() -> dict[str, Region]:
    titles: dict[str, str] = {}
    intensities: dict[str, Figure] = {}
    for row in _rows("carbon_intensity.csv"):
        titles.setdefault(row["region"], row["name"])
        known = intensities.get(row["region"])
        if known is None or row["year"] > known.period:
            value = float(row["gco2e_per_kwh"])
            intensities[row["region"]] = Figure(value, row["year"], row["basis"], row["source_url"])
    prices: dict[str, Figure] = {}
    for row in _rows("electricity_price.csv"):
        titles.setdefault(row["region"], row["name"])
        offered = Figure(float(row["usd_per_kwh"]), row["period"], row["sector"], row["source_url"])
        if (known := prices.get(row["region"])) is None or _preference(offered) > _preference(known):
            prices[row["region"]] = offered
    return {name: Region(name, title, intensities.get(name), prices.get(name)) for name, title in titles.items()}


def _preference(price: Figure) -> tuple[int, str]:
    return -SECTORS.index(price.kind), price.period


REGIONS: Catalogue[Region] = Catalogue("region", _load)
