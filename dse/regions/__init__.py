"""Where electricity comes from: carbon intensity and price by country or cloud region, each with year and source.

And what sites of machines need of it beside the machines: power usage effectiveness by operator and year.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
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
    households. A name may choose others: "USA@2023" has the carbon intensity of that year, and the price of that year
    where one is published, else the newest (`price_of_other_year`); "DEU/household" the newest price of that sector,
    "DEU@2023/household" both.
    """

    name: str
    title: str
    carbon_intensity: Figure | None
    electricity_price: Figure | None

    def figure(self, name: str) -> Figure | None:
        """The figure of a name of the glossary: carbon_intensity or electricity_price."""
        return {"carbon_intensity": self.carbon_intensity, "electricity_price": self.electricity_price}[name]

    @property
    def price_of_other_year(self) -> str:
        """The period of the price where the name chooses a year of which none is published; else ""."""
        year = self.name.partition("/")[0].partition("@")[2]
        price = self.electricity_price
        return "" if price is None or price.period.startswith(year) else price.period


def is_plain(name: str) -> bool:
    """Whether a name stands for a region's newest figures, and chooses no year or sector."""
    return not {"@", "/"} & set(name)


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (Path(__file__).parent / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _load() -> dict[str, Region]:
    titles: dict[str, str] = {}
    intensities: dict[str, list[Figure]] = {}
    for row in _rows("carbon_intensity.csv"):
        titles.setdefault(row["region"], row["name"])
        figure = Figure(float(row["gco2e_per_kwh"]), row["year"], row["basis"], row["source_url"])
        intensities.setdefault(row["region"], []).append(figure)
    prices: dict[str, list[Figure]] = {}
    for row in _rows("electricity_price.csv"):
        titles.setdefault(row["region"], row["name"])
        figure = Figure(float(row["usd_per_kwh"]), row["period"], row["sector"], row["source_url"])
        prices.setdefault(row["region"], []).append(figure)
    return {
        f"{name}{year}{sector}": Region(f"{name}{year}{sector}", title, intensity, price)
        for name, title in titles.items()
        for year, intensity in _by_year(intensities.get(name, []))
        for sector, price in _by_sector(prices.get(name, []), year.removeprefix("@"))
    }


def _by_year(figures: Sequence[Figure]) -> list[tuple[str, Figure | None]]:
    """Intensities by what stands behind the name of a region: nothing for the newest, or a year."""
    newest = max(figures, key=lambda f: f.period, default=None)
    return [("", newest), *((f"@{f.period}", f) for f in figures if f.period)]


def _by_sector(figures: Sequence[Figure], year: str) -> list[tuple[str, Figure | None]]:
    """Prices by what stands behind the name of a region: nothing for that of businesses, or a sector.

    Each is the newest of a year where there is one, else the newest of all.
    """
    of_year = [f for f in figures if f.period.startswith(year)]
    newest = {f.kind: f for f in (*sorted(figures, key=lambda f: f.period), *sorted(of_year, key=lambda f: f.period))}
    preferred = max(of_year or figures, key=_preference, default=None)
    return [("", preferred), *((f"/{kind}", f) for kind, f in newest.items())]


def _preference(price: Figure) -> tuple[int, str]:
    return -SECTORS.index(price.kind), price.period


def _load_pue() -> dict[str, Figure]:
    return {
        row["name"]: Figure(float(row["pue"]), row["period"], f"{row['operator']}, {row['scope']}", row["source_url"])
        for row in _rows("pue.csv")
    }


# Published power usage effectiveness of operators and surveys, by names such as "google@2024".
PUES: Catalogue[Figure] = Catalogue("published pue", _load_pue)
REGIONS: Catalogue[Region] = Catalogue("region", _load)
