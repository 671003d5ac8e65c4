"""Where a model is used and on whom: the answers, and the gate that stops a prohibited use.

Laws: what nobody answered is unknown, and unknown opens no gate; what a report shows counts beside what was answered,
so an answer can hide nobody whom the report names; an exception covers those it was claimed for and nobody else; a
reading of the law that helps is printed as an argument with its article, never as a verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pydantic import Field

from affidavit.conditions import Condition
from affidavit.errors import RowError
from affidavit.records import Record
from affidavit.report import AuditReport


class Place(StrEnum):
    """Where the system is sold or used, or where what it says is used."""

    EU = "eu"
    US = "us"
    NEW_YORK_CITY = "new-york-city"
    ELSEWHERE = "elsewhere"


class Context(StrEnum):
    """In which area of life people are judged."""

    WORKPLACE = "workplace"
    EDUCATION = "education"
    HEALTHCARE = "healthcare"
    CONSUMER = "consumer"
    RESEARCH = "research"
    LAW_ENFORCEMENT = "law-enforcement"
    OTHER = "other"


class Subject(StrEnum):
    """Whose emotions are inferred; employees are staff and applicants, whoever pays them."""

    PATIENTS = "patients"
    CLINICIANS = "clinicians"
    EMPLOYEES = "employees"
    STUDENTS = "students"
    CUSTOMERS = "customers"
    PUBLIC = "public"


class Modality(StrEnum):
    """What of a person the system takes in; `body` is gaze, gesture, heart rate, typing and the like."""

    TEXT = "text"
    VOICE = "voice"
    FACE = "face"
    BODY = "body"


class ExceptionKind(StrEnum):
    """The reason for which a use at work or in education may be excepted."""

    NONE = "none"
    MEDICAL = "medical"
    SAFETY = "safety"


class Circumstance(StrEnum):
    """Facts on which single requirements hang; each is answered yes or no."""

    AUTOMATED_DECISION = "automated-decision"
    """Decisions with legal or similar effect follow from the output without a person."""
    EMPLOYMENT_DECISION = "employment-decision"
    """The output helps to screen candidates or employees."""
    PUBLIC_SERVICE = "public-service"
    """The deployer is a public body, or provides a public service."""
    COVERED_ENTITY = "covered-entity"
    """The data come from a health plan, provider or clearinghouse under HIPAA, or from its business associate."""
    CMS_DATA = "cms-data"
    """The data come from the US Centers for Medicare & Medicaid Services."""


class Outcome(StrEnum):
    """What the gate says."""

    ALLOWED = "allowed"
    PROHIBITED = "prohibited"
    UNANSWERED = "unanswered"


AT_WORK: Final = frozenset({Subject.CLINICIANS, Subject.EMPLOYEES})
LEARNING: Final = frozenset({Subject.STUDENTS})
OF_THE_BODY: Final = frozenset({Modality.VOICE, Modality.FACE, Modality.BODY})
"""Modalities from which technical processing makes biometric data."""
TERRITORY: Final = "eu-ai-act.art-2.1"
RESEARCH: Final = "eu-ai-act.art-2.6"
DEFINITION: Final = "eu-ai-act.art-3.39"
BAN: Final = "eu-ai-act.art-5.1-f"
HIGH_RISK: Final = "eu-ai-act.annex-iii.1-c"
ARTICLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        TERRITORY: "Article 2(1)",
        RESEARCH: "Article 2(6)",
        DEFINITION: "Article 3(39)",
        BAN: "Article 5(1)(f)",
        HIGH_RISK: "Annex III, 1(c)",
    }
)
"""The requirements that the gate rests on, and how the pack eu-ai-act cites them."""
ROLE_FEATURES: Final = frozenset({"role", "speaker_role"})
_ROLES: Final[Mapping[str, Subject]] = MappingProxyType(
    {
        **dict.fromkeys(("patient", "patients"), Subject.PATIENTS),
        **dict.fromkeys(("clinician", "clinicians", "doctor", "nurse", "physician", "therapist"), Subject.CLINICIANS),
        **dict.fromkeys(("employee", "employees", "agent", "staff", "worker", "applicant"), Subject.EMPLOYEES),
        **dict.fromkeys(("student", "students", "pupil", "learner"), Subject.STUDENTS),
        **dict.fromkeys(("customer", "customers", "client", "caller"), Subject.CUSTOMERS),
    }
)
_MODALITIES: Final[Mapping[str, Modality]] = MappingProxyType(
    {"T": Modality.TEXT, "A": Modality.VOICE, "V": Modality.FACE}
)


class ClaimedException(Record):
    """An exception as somebody claims it: of which kind, for whom, on what evidence."""

    kind: ExceptionKind
    covers: tuple[Subject, ...] = ()
    evidence: str | None = None


class Scope(Record):
    """The answers about use; None where nobody answered."""

    places: tuple[Place, ...] | None = None
    contexts: tuple[Context, ...] | None = None
    subjects: tuple[Subject, ...] | None = None
    modalities: tuple[Modality, ...] | None = None
    biometric: bool | None = None
    """Whether biometric data are processed: voice and face are such data, text alone is not."""
    exception: ClaimedException | None = None
    circumstances: Mapping[Circumstance, bool] = Field(default_factory=dict)
    """Those that were answered."""


class Observed(Record):
    """What an audit itself shows of use: whom it judged, and from what."""

    subjects: tuple[Subject, ...] = ()
    modalities: tuple[Modality, ...] = ()


NOTHING_OBSERVED: Final = Observed()


class Reason(Record):
    """One sentence of a decision, and the requirement that it rests on."""

    says: str
    requirement: str | None = None

    @property
    def text(self) -> str:
        """The sentence with its article."""
        return self.says if self.requirement is None else f"{self.says} ({ARTICLES[self.requirement]})"


class ScopeDecision(Record):
    """What the gate decided, and why."""

    outcome: Outcome
    reasons: tuple[Reason, ...]
    arguments: tuple[Reason, ...] = ()
    """Readings that speak for the use; whoever relies on one must be ready to argue it."""
    biometric: bool | None = None
    """Whether it is emotion recognition in the sense of the EU AI Act: from biometric data."""


def observed_in(report: AuditReport) -> Observed:
    """Return what a report shows: modalities of its conditions, and people by the levels of a feature `role`."""
    letters = {letter for data in report.data for text in data.conditions for letter in _letters(text)}
    levels = {
        level.strip().casefold()
        for finding in report.findings
        for feature, level in finding.groups.items()
        if feature in ROLE_FEATURES
    }
    subjects = {_ROLES[level] for level in levels if level in _ROLES}
    return Observed(
        subjects=tuple(subject for subject in Subject if subject in subjects),
        modalities=tuple(one for letter, one in _MODALITIES.items() if letter in letters),
    )


def _letters(condition: str) -> frozenset[str]:
    try:
        return Condition.parse(condition).modalities
    except RowError:
        return frozenset()


def in_place(scope: Scope, place: Place) -> bool | None:
    """Say whether a place is among those answered; New York City is in the US. None where nobody answered."""
    if scope.places is None:
        return None
    within = {Place.US} if Place.NEW_YORK_CITY in scope.places else set()
    return place in within | set(scope.places)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """The strictest reading of answers and observation together."""

    subjects: frozenset[Subject]
    protected: frozenset[Subject]
    """Those whom the ban protects: at work or in education."""
    biometric: bool | None
    in_eu: bool | None

    @classmethod
    def of(cls, scope: Scope, observed: Observed) -> _Use:
        subjects = frozenset(scope.subjects or ()) | frozenset(observed.subjects)
        modalities = frozenset(scope.modalities or ()) | frozenset(observed.modalities)
        return cls(
            subjects=subjects,
            protected=subjects & (AT_WORK | LEARNING),
            biometric=_biometric(scope, modalities),
            in_eu=in_place(scope, Place.EU),
        )


def _biometric(scope: Scope, modalities: frozenset[Modality]) -> bool | None:
    if modalities & OF_THE_BODY or scope.biometric:
        return True
    return None if scope.modalities is None else scope.biometric


def decide(scope: Scope, observed: Observed = NOTHING_OBSERVED) -> ScopeDecision:
    """Return whether the use is allowed, prohibited, or cannot be told; prohibited wins over untold."""
    use = _Use.of(scope, observed)
    banned = tuple(_banned(scope, use))
    open_questions = (*_unanswered(scope), *_contradictions(scope, observed), *_without_evidence(scope, use))
    arguments = tuple(_arguments(scope, use))
    if banned:
        return ScopeDecision(
            outcome=Outcome.PROHIBITED, reasons=banned + open_questions, arguments=arguments, biometric=use.biometric
        )
    if open_questions:
        return ScopeDecision(
            outcome=Outcome.UNANSWERED, reasons=open_questions, arguments=arguments, biometric=use.biometric
        )
    return ScopeDecision(
        outcome=Outcome.ALLOWED, reasons=tuple(_allowed(use)), arguments=arguments, biometric=use.biometric
    )


def _banned(scope: Scope, use: _Use) -> Iterator[Reason]:
    """Name everybody whom the ban protects and no claimed exception covers."""
    if not (use.in_eu and use.biometric and scope.exception is not None):
        return
    covered = frozenset(scope.exception.covers)
    for subject in Subject:
        if subject in use.protected - covered:
            where = "in education" if subject in LEARNING else "at work"
            claimed = "" if scope.exception.kind is ExceptionKind.NONE else _other_people(scope.exception)
            yield Reason(
                says=f"Emotions of {subject} would be inferred from biometric data: they are people {where}{claimed}",
                requirement=BAN,
            )


def _other_people(exception: ClaimedException) -> str:
    whom = " and ".join(exception.covers)
    return f", and the {exception.kind} exception is claimed for {whom} only"


def _unanswered(scope: Scope) -> Iterator[Reason]:
    asked = (
        ("places: where the system is sold or used", scope.places),
        ("context: in which area of life people are judged", scope.contexts),
        ("subjects: whose emotions are inferred", scope.subjects),
        ("modalities: what of a person the system takes in", scope.modalities),
        ("biometric: whether biometric data are processed", scope.biometric),
        ("exception: none, medical or safety", scope.exception),
    )
    for what, answer in asked:
        if answer is None:
            yield Reason(says=f"Nobody answered {what}")


def _contradictions(scope: Scope, observed: Observed) -> Iterator[Reason]:
    """Say where answers speak against each other, or against what the report shows."""
    modalities = frozenset(scope.modalities or ())
    if scope.biometric is False and modalities & OF_THE_BODY:
        seen = " and ".join(one for one in Modality if one in modalities & OF_THE_BODY)
        yield Reason(says=f"The answers say no biometric data, and name {seen}", requirement=DEFINITION)
    if scope.biometric and scope.modalities is not None and not modalities & OF_THE_BODY:
        yield Reason(says="The answers say biometric data, and name no modality that gives any", requirement=DEFINITION)
    if scope.modalities is not None and (more := [one for one in observed.modalities if one not in modalities]):
        yield Reason(says=f"The report judged from {' and '.join(more)}, which the answers do not name")
    if scope.subjects is not None and (others := [one for one in observed.subjects if one not in scope.subjects]):
        yield Reason(says=f"The report judged {' and '.join(others)}, whom the answers do not name")
    yield from _empty_areas(scope, frozenset(scope.subjects or ()) | frozenset(observed.subjects))


def _empty_areas(scope: Scope, subjects: frozenset[Subject]) -> Iterator[Reason]:
    areas = ((Context.WORKPLACE, AT_WORK, "at work"), (Context.EDUCATION, LEARNING, "in education"))
    for context, people, where in areas:
        if scope.subjects is not None and context in (scope.contexts or ()) and not subjects & people:
            yield Reason(says=f"The context is {context}, and nobody judged is {where}: say who they are")


def _without_evidence(scope: Scope, use: _Use) -> Iterator[Reason]:
    exception = scope.exception
    if exception is None or exception.kind is ExceptionKind.NONE or exception.evidence:
        return
    if use.protected & frozenset(exception.covers):
        yield Reason(says=f"The {exception.kind} exception is claimed without evidence", requirement=BAN)


def _arguments(scope: Scope, use: _Use) -> Iterator[Reason]:
    if use.in_eu is False:
        yield Reason(
            says="The Act follows the market, the use and the use of outputs in the Union: none of them is named",
            requirement=TERRITORY,
        )
    if use.in_eu and scope.contexts == (Context.RESEARCH,):
        yield Reason(
            says="The Act leaves out systems that serve research alone; one that is tested in care does not",
            requirement=RESEARCH,
        )
    if use.biometric is False:
        yield Reason(
            says="Text alone is no biometric data, and emotion recognition is defined by biometric data. The ban "
            "itself names no biometric data: that it means such systems only is a reading, and can be disputed",
            requirement=DEFINITION,
        )
    exception = scope.exception
    if exception is not None and exception.evidence and use.protected & frozenset(exception.covers):
        whom = " and ".join(one for one in Subject if one in use.protected & frozenset(exception.covers))
        yield Reason(
            says=f"The {exception.kind} exception is claimed for {whom}; nobody here judged whether it holds",
            requirement=BAN,
        )


def _allowed(use: _Use) -> Iterator[Reason]:
    if use.in_eu and use.biometric:
        yield Reason(says="Emotion recognition from biometric data is high-risk", requirement=HIGH_RISK)
    if not use.protected:
        yield Reason(says="Nobody is judged at work or in education", requirement=BAN)
    yield Reason(says="Every question of use is answered, and no prohibited use that is known here was found")
