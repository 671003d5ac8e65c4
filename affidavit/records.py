"""What an audit says: estimates with their uncertainty, findings, refusals and exhibits.

Laws: a number leaves a room as an `Estimate`; infinite, unknown and zero are three things, so an undefined value is
`None` with a reason and never 0 or NaN; records are frozen and refuse what they do not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

SIGNIFICANT_DIGITS = 12  # threads and BLAS builds differ in the 15th; a digest must not


def _rounded(value: Any) -> Any:  # noqa: ANN401 - runs before validation
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}") if isinstance(value, float) else value


Number = Annotated[float, BeforeValidator(_rounded)]


class Record(BaseModel):
    """A serialised record: frozen, closed, finite; optional fields that are empty are left out of the JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    @model_serializer(mode="wrap")
    def _without_absent(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields
        written: dict[str, Any] = handler(self)
        return {name: v for name, v in written.items() if not (v is None and not fields[name].is_required())}


class Verdict(StrEnum):
    """What a finding says of its criterion; a `Refusal` reads as *not assessed*."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    INFORMATIVE = "informative"


class ExplanationProperty(StrEnum):
    """Which property of an explanation a number speaks of."""

    PLAUSIBILITY = "plausibility"
    COHERENCE = "coherence"
    SELF_CONSISTENCY = "self-consistency"
    CAUSAL = "causal"
    GROUNDING = "grounding"


class Interval(Record):
    """A two-sided interval; `method` names how it was made."""

    low: Number
    high: Number
    level: Number = Field(gt=0, lt=1)
    method: str

    @model_validator(mode="after")
    def _ordered(self) -> Interval:
        if self.low > self.high:
            raise ValueError(f"low={self.low} > high={self.high}")
        return self


class Estimate(Record):
    """A value with exactly one of an interval and the reason why there is none."""

    value: Number | None
    """The estimate, or null where it is undefined."""
    interval: Interval | None = None
    why_no_interval: str | None = None
    n: int = Field(ge=0)
    """Rows behind the value."""
    n_clusters: int | None = Field(ge=0)
    """Units (patients, else speakers) behind the value; null where the table has no ids."""

    @model_validator(mode="after")
    def _one_of(self) -> Estimate:
        if (self.interval is None) == (self.why_no_interval is None):
            raise ValueError("an estimate has exactly one of interval and why_no_interval")
        if self.value is None and self.interval is not None:
            raise ValueError("an undefined value has no interval")
        return self


class NullExpectation(Record):
    """What chance alone gives when every group is truly equal."""

    value: Number
    """The mean over draws."""
    high: Number
    """The 95 % quantile over draws; for ratios the 5 % quantile, the bad end there."""
    method: str


class DetectableEffect(Record):
    """The smallest true effect that this sample would find with the stated power."""

    value: Number
    power: Number = Field(gt=0, lt=1)
    alpha: Number = Field(gt=0, lt=1)
    method: str


class SignificanceTest(Record):
    """A test of a null hypothesis, raw and adjusted over its declared family."""

    null: str
    p_value: Number = Field(ge=0, le=1)
    p_adjusted: Number | None = Field(default=None, ge=0, le=1)
    correction: str | None = None
    family: str | None = None
    method: str


class CriterionOutcome(Record):
    """The criterion that a finding was held against, and the interval that decided."""

    id: str
    at_most: float | None = None
    at_least: float | None = None
    source: str
    family_size: int = Field(ge=1)
    """Decisions taken together; the deciding interval has level 1 - alpha / family_size."""
    adjusted_interval: Interval | None = None


class LabelNoise(Record):
    """How many wrong reference labels in one group it would take for a failure to be none: shares from 0 to 0.5.

    Null where not even half of the labels would be enough.
    """

    group: str
    adverse: Number | None = Field(ge=0, le=0.5)
    """Each excusing the model, spread over units and classes as its errors are; the least share for accuracy only."""
    uniform: Number | None = Field(default=None, ge=0, le=0.5)
    """Replaced by another label at random; absent where that is not defined for the metric."""
    uniform_defined: bool
    """Whether random replacement can be undone for this metric: it can for accuracy."""


class Finding(Record):
    """One answer of an examination."""

    id: str
    examination: str
    method_version: str
    metric: str
    higher_is_better: bool | None
    """Null where neither direction is better (a selection rate)."""
    property: ExplanationProperty | None = None
    run: str
    condition: str
    groups: Mapping[str, str]
    """Feature to level; empty means everybody, two keys an intersection."""
    compared: tuple[str, ...] | None = None
    """For gaps: the features whose groups were compared."""
    label: str | None = None
    """For gaps that are the widest over classes: the class that made it."""
    highest: str | None = None
    """For gaps: the group with the highest value."""
    lowest: str | None = None
    """For gaps: the group with the lowest value."""
    estimate: Estimate
    null_expectation: NullExpectation | None = None
    minimum_detectable_effect: DetectableEffect | None = None
    test: SignificanceTest | None = None
    criterion: CriterionOutcome | None = None
    label_noise: LabelNoise | None = None
    """For failing findings that rest on reference labels: what mislabelling would take the failure away."""
    verdict: Verdict
    because: str | None = None
    """Why the verdict is what it is, where that is not plain from the numbers."""
    source: str
    caveats: tuple[str, ...] = ()
    controls: tuple[str, ...] | None = None
    """Ids of the findings that are this one's controls."""
    exhibits: tuple[str, ...] | None = None


class Refusal(Record):
    """An examination's answer that it cannot answer, and what would let it."""

    examination: str
    run: str | None = None
    because: str
    remedy: str


class ExhibitColumn(Record):
    """One column of an exhibit."""

    name: str
    type: str
    """`text`, `integer` or `number`."""
    unit: str | None = None
    description: str


class Exhibit(Record):
    """A typed table behind findings and pictures; inline when short, else a parquet file beside the report."""

    id: str
    title: str
    examination: str
    columns: tuple[ExhibitColumn, ...]
    n_rows: int = Field(ge=0)
    digest: str
    releasable: bool
    rows: tuple[tuple[str | int | float | None, ...], ...] | None = None
    file: str | None = Field(default=None, pattern=r"^exhibits/[a-z0-9-]+\.parquet$")
    """Path within the bundle; never outside of it."""

    @model_validator(mode="after")
    def _somewhere(self) -> Exhibit:
        if (self.rows is None) == (self.file is None):
            raise ValueError("an exhibit is either inline or in a file")
        return self
