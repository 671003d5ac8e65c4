"""What a ledger holds: runs, steps, searches, withdrawals and attestations, and none of them names a patient.

`StepEvent.noise_multiplier` is the noise's standard deviation over the clip norm, whatever the neighbouring relation;
the sensitivity is the clip norm under `add-remove` and twice that under `replace`, and the accountants see to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from affidavit.errors import PlanError, VerificationError
from affidavit.records import Record
from privacy.accounting.mechanisms import Neighbours, Sampler, Search, SubsampledGaussian

Unit = Literal["patient", "utterance"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEvent:
    """Updates that are alike: `n_times` noisy sums of clipped gradients."""

    noise_multiplier: float
    """Standard deviation of the noise over the clip norm; 0 is no noise, and leaves the loss unbounded."""
    sample_rate: float
    """With which probability each unit takes part, independently of all others; 1 where all do (`full`)."""
    clip_norm: float
    sampler: Sampler
    neighbours: Neighbours
    n_times: int = 1

    def __post_init__(self) -> None:
        """Refuse what no accountant answers for: a clip norm that is none, and what the mechanism itself refuses."""
        if not 0 < self.clip_norm < float("inf"):
            raise PlanError(
                "a step without a clip norm has no sensitivity",
                slug="plan-impossible",
                found=f"clip_norm {self.clip_norm:g}",
                allowed="a finite number above 0",
                remedy="clip each unit's gradient",
            )
        _ = self.mechanism  # validates the rest

    @property
    def mechanism(self) -> SubsampledGaussian:
        """What the accountants see of it."""
        return SubsampledGaussian(
            noise_multiplier=self.noise_multiplier,
            sample_rate=self.sample_rate,
            sampler=self.sampler,
            neighbours=self.neighbours,
            n_times=self.n_times,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchEvent:
    """A hyper-parameter search: a drawn number of trials, each at most these steps, of which the best is released."""

    steps: tuple[StepEvent, ...]
    mean: float
    """Of the drawn number of trials."""
    shape: float | Literal["poisson"]
    """Of its distribution: 0 logarithmic, 1 geometric, other numbers truncated negative binomial, or `poisson`."""
    score: StepEvent | None = None
    """The score of a trial, where it is of units that no step of any trial sees; else it is among the steps."""

    def __post_init__(self) -> None:
        """Refuse what no accountant answers for."""
        _ = self.mechanism

    @property
    def every(self) -> tuple[StepEvent, ...]:
        """All that a trial does, to whomever."""
        return self.steps if self.score is None else (*self.steps, self.score)

    @property
    def mechanism(self) -> Search:
        """What the accountants see of it."""
        return Search(
            steps=tuple(step.mechanism for step in self.steps),
            mean=self.mean,
            shape=self.shape,
            beside=None if self.score is None else self.score.mechanism,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What may be spent at a site by all its runs together."""

    epsilon: float
    delta: float

    def __post_init__(self) -> None:
        """Refuse a budget that is none."""
        if not 0 < self.epsilon < float("inf") or not 0 < self.delta < 1:
            raise PlanError(
                "a budget is an epsilon above 0 and a delta between 0 and 1",
                slug="plan-impossible",
                found=f"epsilon {self.epsilon:g}, delta {self.delta:g}",
                remedy="give an epsilon such as 8 and a delta below one over the number of units",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What a ledger notes of a run beside its steps; all of it may be read by whoever reads the ledger."""

    model: str | None = None
    """The digest of the model that is trained."""
    corpus: str | None = None
    """The digest of the corpus that it is trained on."""
    n_units: int | None = None
    """A number declared to be public that there are no more units than: how many there are, or a round number above
    that, which tells less. With None nobody can say whether delta is small enough, and no criterion is decided."""


class StepRecord(Record):
    """A `StepEvent` as it is written."""

    noise_multiplier: float
    sample_rate: float
    clip_norm: float
    sampler: Sampler
    neighbours: Neighbours
    n_times: int = 1

    def event(self) -> StepEvent:
        """Return the event."""
        return StepEvent(**self.model_dump())


class RunOpened(Record):
    """A run began."""

    kind: Literal["run-opened"] = "run-opened"
    site: str = Field(min_length=1)
    unit: Unit
    run: str = Field(min_length=1)
    epsilon: float | None = None
    """The budget, where there is one."""
    delta: float | None = None
    model: str | None = None
    corpus: str | None = None
    n_units: int | None = Field(default=None, ge=1)

    @property
    def budget(self) -> Budget | None:
        """What the site was said to spend at most when this run was opened.

        Raises:
            PlanError: it is none, or half of one.
        """
        if self.epsilon is None and self.delta is None:
            return None
        if self.epsilon is None or self.delta is None:
            raise PlanError(
                "half a budget binds nobody",
                slug="plan-impossible",
                found=f"epsilon {self.epsilon}, delta {self.delta}",
                remedy="give both, or neither",
            )
        return Budget(epsilon=self.epsilon, delta=self.delta)


class RunResumed(Record):
    """A run went on after it had ended or was ended."""

    kind: Literal["run-resumed"] = "run-resumed"
    run: str
    unconfirmed: int = Field(ge=0)
    """Intents without a confirmation at that moment; they count as spent."""


class Intended(Record):
    """Steps that were about to be taken."""

    kind: Literal["intended"] = "intended"
    run: str
    steps: StepRecord


class Confirmed(Record):
    """Steps that were taken."""

    kind: Literal["confirmed"] = "confirmed"
    intent: int = Field(ge=0)
    """The number of the line with the intent."""


class Searched(Record):
    """A hyper-parameter search that was about to begin."""

    kind: Literal["searched"] = "searched"
    run: str
    steps: tuple[StepRecord, ...]
    mean: float
    shape: float | Literal["poisson"]
    score: StepRecord | None = None

    def event(self) -> SearchEvent:
        """Return the event."""
        return SearchEvent(
            steps=tuple(step.event() for step in self.steps),
            mean=self.mean,
            shape=self.shape,
            score=None if self.score is None else self.score.event(),
        )


class WithdrawalNoted(Record):
    """A unit was withdrawn: it takes no part from here on. What it lent to earlier steps stays spent."""

    kind: Literal["withdrawal-noted"] = "withdrawal-noted"
    site: str = Field(min_length=1)


def _different(sites: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(sites)) < max(2, len(sites)):
        raise ValueError("two sites at least, each named once")
    return sites


class DisjointAttested(Record):
    """Somebody attests that no patient is at two of these sites, so that their losses do not add up."""

    kind: Literal["disjoint-attested"] = "disjoint-attested"
    sites: Annotated[tuple[str, ...], AfterValidator(_different)]
    by: str = Field(min_length=1)
    """Who attests it, as an office and not as a patient."""
    because: str = Field(min_length=1)
    """How it was found out."""


class LineTorn(Record):
    """A crash left a line without its end; it was set aside."""

    kind: Literal["torn-line"] = "torn-line"
    set_aside: str
    bytes: int


Event = Annotated[
    RunOpened | RunResumed | Intended | Confirmed | Searched | WithdrawalNoted | DisjointAttested | LineTorn,
    Field(discriminator="kind"),
]
_EVENT: Final[TypeAdapter[Event]] = TypeAdapter(Event)


def read_event(content: Mapping[str, Any], *, where: str) -> Event:
    """Return the event that a line holds.

    Raises:
        VerificationError: it holds none.
    """
    try:
        event = _EVENT.validate_python(dict(content))
        _require_sense(event)
    except ValidationError as error:
        found = _first(error)
    except PlanError as error:
        found = f"{error.what}: {error.found}"
    else:
        return event
    raise VerificationError(
        "the line is sealed, but holds no event of a privacy ledger",
        slug="digest-mismatch",
        where=where,
        found=found,
        remedy="check that the file is a privacy ledger, written by this version or an earlier one",
    )


@contextmanager
def as_told(what: str) -> Iterator[None]:
    """Refuse what a line of a ledger has no place for, in the words of whoever plans.

    Raises:
        PlanError: a record was made of values that it does not take.
    """
    try:
        yield
    except ValidationError as error:
        raise PlanError(
            f"a ledger has no place for {what}", slug="plan-impossible", found=_first(error), remedy="correct it"
        ) from None


def _require_sense(event: Event) -> None:
    """Refuse steps that no accountant answers for, and budgets that are none.

    Raises:
        PlanError: it holds such.
    """
    match event:
        case RunOpened():
            _ = event.budget
        case Intended():
            _ = event.steps.event()
        case Searched():
            _ = event.event()


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
