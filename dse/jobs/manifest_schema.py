"""What must be in a manifest, whoever wrote it: keys that somebody who reads a result relies on, and their types."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dse.jobs.files import MANIFEST, READ

# Of designs, trials and the like: no space has more.
Number = Annotated[int, Field(ge=0, le=2**64)]
Some = Annotated[int, Field(ge=1, le=2**64)]
Counts = dict[str, Number]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    @model_validator(mode="after")
    def _has_values(self) -> Self:
        """Raise ValueError for a key that may be left out, and stands there without a value."""
        if nothing := [name for name in self.model_fields_set if getattr(self, name) is None]:
            raise ValueError(f"{min(nothing)} has no value")
        return self


class _Objective(_Part, extra="forbid"):
    # The page of a report holds it as it is.
    metric: str
    direction: Literal["min", "max"]


class _Budget(_Part):
    metric: str
    text: str
    min: float | None = None
    max: float | None = None
    unit: str | None = None


class _Network(_Part):
    budgets: list[_Budget]


class _Counts(_Part):
    enumerated: Some
    undefined: Number
    excluded: Counts
    dominated: Number
    kept: Number
    tied: Number | None = None


class _Bounds(_Part):
    skipped: Counts
    modelled: Number
    probed: Number
    boxes: Number


class _Unfit(_Part):
    needs: float
    has: float
    unit: str


class _Quality(_Part):
    table: str
    rows: Number
    unmatched: Number


class _NoVerdict(_Part):
    reason: str


class _Verdict(_Part):
    hypervolume_share: float
    frontier_share: float
    frontier: Number
    seconds: float


class _Search(_Part):
    sampler: str
    seed: int
    trials: Number
    replayed: Number
    feasible: Number
    duplicates: Number
    designs: Number
    space: Some
    cells: Number
    polished: Number
    polish: bool
    settled: bool
    evaluation_seconds: float
    last_quarter: float | None = None
    plateau: bool | None = None
    judge: _Verdict | _NoVerdict | None = None


class Manifest(_Part):
    """The manifest of a result."""

    name: str
    spec: dict[str, Any]
    key: str
    code: str
    created: str
    seconds: float
    versions: dict[str, str]
    citation: str
    objectives: list[_Objective] = Field(min_length=1)
    budgets: list[_Budget]
    per: list[str]
    axes: dict[str, Number]
    metrics: list[str]
    units: dict[str, str]
    counts: _Counts
    broken_totals: Counts
    nearest_misses: dict[str, Annotated[float, Field(allow_inf_nan=True)]]
    undefined_because: dict[str, Counts]
    left_out_devices: dict[str, list[str]]
    plots: bool
    files: list[str]
    # Some results have these.
    notes: list[str] | None = None
    regions: dict[str, Any] | None = None
    own_formulas: dict[str, str] | None = None
    fit_not_checked: dict[str, list[str]] | None = None
    nearest_unfit: dict[str, _Unfit] | None = None
    bounds: _Bounds | None = None
    networks: dict[str, _Network] = {}
    quality: _Quality | None = None
    search: _Search | None = None
    replayed: dict[str, Any] | None = None
    checksums: dict[str, str] = {}

    @model_validator(mode="after")
    def _fits_together(self) -> Manifest:
        """Raise ValueError where one part names what another does not have."""
        for metric in (*(o.metric for o in self.objectives), *(b.metric for b in self.budgets)):
            if metric not in self.units:
                raise ValueError(f"no unit of {metric}")
        if "dse" not in self.versions:
            raise ValueError("no version of dse")
        if lacking := set(self.counts.excluded) - set(self.broken_totals):
            raise ValueError(f"no total of {min(lacking)}")
        if any(budget.unit is None for network in self.networks.values() for budget in network.budgets):
            raise ValueError("a budget without a unit")
        if other := set(self.checksums) - {*READ, MANIFEST}:
            raise ValueError(f"{min(other)} is no file that a result is read from")
        return self
