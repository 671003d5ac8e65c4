"""The dossier: what only people can say of a system, each answer with who says it, in which role, and when.

`dossier.yaml` holds the answers, `dossier.dsse.json` beside it the signature. A question without an answer is null or
left out; it is unknown, and no default stands in for it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator

from affidavit.errors import InputError, TableError
from affidavit.records import Record
from affidavit.yaml_files import describe_validation_error, did_you_mean
from reports.law.scope import (
    Circumstance,
    ClaimedException,
    Context,
    ExceptionKind,
    Modality,
    Place,
    Scope,
    Subject,
)

DOSSIER: Final = "dossier.yaml"
_SAYS_NOTHING: Final = frozenset({"", "-", "?", "...", "todo", "to do", "tbd", "tba", "n/a", "xxx"})


class Question(StrEnum):
    """The questions of a dossier, by their key in the file."""

    INTENDED_PURPOSE = "intended_purpose"
    FORESEEABLE_MISUSE = "foreseeable_misuse"
    PLACES = "places"
    CONTEXT = "context"
    SUBJECTS = "subjects"
    MODALITIES = "modalities"
    BIOMETRIC = "biometric"
    EXCEPTION = "exception"
    OVERSIGHT_PERSON = "oversight_person"
    OVERSIGHT_MEANS = "oversight_means"
    COMPLAINTS = "complaints"
    RETENTION = "retention"
    LABEL_SUPPLIER = "label_supplier"
    DEPLOYER = "deployer"
    PROVIDER = "provider"
    CIRCUMSTANCES = "circumstances"
    PEOPLE_INFORMED = "people_informed"
    LEGAL_BASIS = "legal_basis"
    IMPACT_ASSESSMENT = "impact_assessment"
    RISK_MANAGEMENT = "risk_management"
    MONITORING = "monitoring"


WHERE_A_LAW_ASKS: Final = frozenset(
    {
        Question.CIRCUMSTANCES,
        Question.PEOPLE_INFORMED,
        Question.LEGAL_BASIS,
        Question.IMPACT_ASSESSMENT,
        Question.RISK_MANAGEMENT,
        Question.MONITORING,
    }
)
"""Questions that only some laws ask: without an answer the control map has a gap, and the gate stays as it is."""
ALWAYS: Final = tuple(question for question in Question if question not in WHERE_A_LAW_ASKS)
"""Questions without which the gate stays shut."""


def _something(text: str) -> str:
    stripped = text.strip()
    if stripped.casefold() in _SAYS_NOTHING:
        raise ValueError("says nothing; leave the question out until somebody answers it")
    return stripped


Said = Annotated[str, AfterValidator(_something)]


class Attributed(Record):
    """An answer, and who gives it."""

    by: Said
    """The person who answers."""
    role: Said
    """In which role they answer."""
    date: datetime.date
    """When they said it."""


class Statement(Attributed):
    """An answer in words."""

    says: Said


class PlacesAnswer(Attributed):
    """Where the system is sold or used, or its output is."""

    places: tuple[Place, ...] = Field(min_length=1)


class ContextAnswer(Attributed):
    """In which areas of life people are judged."""

    contexts: tuple[Context, ...] = Field(min_length=1)


class SubjectsAnswer(Attributed):
    """Whose emotions are inferred."""

    subjects: tuple[Subject, ...] = Field(min_length=1)


class ModalitiesAnswer(Attributed):
    """What of a person the system takes in."""

    modalities: tuple[Modality, ...] = Field(min_length=1)


class BiometricAnswer(Attributed):
    """Whether biometric data are processed."""

    biometric: bool


class ExceptionAnswer(Attributed):
    """The exception that is claimed, for whom, and the evidence for it."""

    exception: ExceptionKind
    covers: tuple[Subject, ...] = ()
    """Whose emotions may be inferred for this reason; a patient's care is no reason to judge a clinician."""
    evidence: Said | None = None
    """What shows it, so that somebody else can look it up: a certificate, a protocol, a prescription."""

    @model_validator(mode="after")
    def _whole(self) -> ExceptionAnswer:
        if self.exception is ExceptionKind.NONE and (self.covers or self.evidence):
            raise ValueError("without an exception there is nobody to cover and nothing to show")
        if self.exception is not ExceptionKind.NONE and not self.covers:
            raise ValueError("covers: say for whom the exception is claimed")
        return self


class CircumstancesAnswer(Attributed):
    """Facts on which single requirements hang."""

    circumstances: Mapping[Circumstance, bool] = Field(min_length=1)


class Dossier(Record):
    """What people say of one system."""

    version: Literal[1]
    system: Said
    """The system and its version."""
    intended_purpose: Statement | None = None
    """For which purpose, by whom and in which setting is the system meant to be used?"""
    foreseeable_misuse: Statement | None = None
    """Which other uses must be expected, and what keeps people from them?"""
    places: PlacesAnswer | None = None
    """Where is the system sold or used, and where is what it says used?"""
    context: ContextAnswer | None = None
    """In which areas of life are people judged?"""
    subjects: SubjectsAnswer | None = None
    """Whose emotions are inferred? A clinician in a dialogue is a person at work."""
    modalities: ModalitiesAnswer | None = None
    """What of a person does the system take in?"""
    biometric: BiometricAnswer | None = None
    """Are biometric data processed? Voice and face are such data; text alone is not."""
    exception: ExceptionAnswer | None = None
    """Is a medical or safety reason claimed, for whom, and what shows it? None is an answer too."""
    oversight_person: Statement | None = None
    """Who oversees the system, with which competence, training and authority?"""
    oversight_means: Statement | None = None
    """By which means can they understand, disregard, override and stop it?"""
    complaints: Statement | None = None
    """Where does somebody who is affected complain, and who answers?"""
    retention: Statement | None = None
    """What is kept of inputs, outputs and logs, for how long, and who deletes it?"""
    label_supplier: Statement | None = None
    """Who made the reference labels, from which instructions, and how many people labelled each item?"""
    deployer: Statement | None = None
    """Who uses the system under their own authority?"""
    provider: Statement | None = None
    """Who developed it, or has it developed, and puts it on the market?"""
    circumstances: CircumstancesAnswer | None = None
    """Which of these hold? Each is answered true or false."""
    people_informed: Statement | None = None
    """How and when are the people who are judged told, and workers' representatives where there are any?"""
    legal_basis: Statement | None = None
    """On which basis are personal data processed, health and biometric data among them?"""
    impact_assessment: Statement | None = None
    """Where is the impact assessment (data protection, fundamental rights), and what did it find?"""
    risk_management: Statement | None = None
    """Where is the risk management file, and which risks remain?"""
    monitoring: Statement | None = None
    """Who watches the system in use, what is logged, and when is it stopped?"""

    def answer(self, question: Question) -> Attributed | None:
        """Return the answer to a question, or None."""
        found: Attributed | None = getattr(self, question.value)
        return found

    def unanswered(self) -> tuple[Question, ...]:
        """Return the questions without an answer, in their order."""
        return tuple(question for question in Question if self.answer(question) is None)


def question_text(question: Question) -> str:
    """Return what a question asks."""
    return Dossier.model_fields[question.value].description or ""


def scope_of(dossier: Dossier) -> Scope:
    """Return the answers about use."""
    claimed = dossier.exception
    return Scope(
        places=dossier.places.places if dossier.places else None,
        contexts=dossier.context.contexts if dossier.context else None,
        subjects=dossier.subjects.subjects if dossier.subjects else None,
        modalities=dossier.modalities.modalities if dossier.modalities else None,
        biometric=dossier.biometric.biometric if dossier.biometric else None,
        exception=ClaimedException(kind=claimed.exception, covers=claimed.covers, evidence=claimed.evidence)
        if claimed
        else None,
        circumstances=dossier.circumstances.circumstances if dossier.circumstances else {},
    )


def read_dossier(path: Path) -> Dossier:
    """Load a dossier; see `parse_dossier`.

    Raises:
        InputError: see `parse_dossier`.
        TableError: there is no such file.
    """
    try:
        content = path.read_bytes()
    except OSError:
        raise TableError(
            "the dossier cannot be read", slug="file-not-found", where=str(path), remedy="check the path"
        ) from None
    return parse_dossier(content, where=path.name)


def parse_dossier(content: bytes, *, where: str = DOSSIER) -> Dossier:
    """Read a dossier from its bytes, so that what is signed is what was read.

    Raises:
        InputError: it is no YAML, or a key is unknown, stands twice, lacks an author, or has a value of the wrong kind.
    """
    import yaml

    try:
        text = content.decode("utf-8-sig")
        document, twice = yaml.safe_load(text), keys_twice(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise _invalid(where, f"not readable YAML: {' '.join(str(error).split())}") from None
    if twice:
        raise _invalid(where, f"stands twice: {', '.join(twice)}")
    try:
        return Dossier.model_validate(document)
    except ValidationError as error:
        hints = "".join(
            did_you_mean(str(fault["loc"][-1]), list(Dossier.model_fields))
            for fault in error.errors()
            if fault["type"] == "extra_forbidden" and len(fault["loc"]) == 1
        )
        raise _invalid(where, describe_validation_error(error) + hints) from None


def _invalid(where: str, found: str) -> InputError:
    return InputError(
        "the dossier does not validate",
        slug="file-unreadable",
        where=where,
        found=found,
        allowed=f"version, system and the questions {', '.join(Question)}; each answer has by, role and date",
        remedy="correct the key named above; `affidavit dossier new` writes a dossier with every question",
    )


def keys_twice(text: str) -> tuple[str, ...]:
    """Return keys that a mapping of a YAML text holds twice: a reader sees the first, a program takes the last."""
    import yaml

    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return tuple(dict.fromkeys(_twice(node, set())))


def _twice(node: object, seen: set[int]) -> Iterator[str]:
    """Walk the document; `seen` keeps a document that contains itself from being walked for ever."""
    import yaml

    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        names = [str(key.value) for key, _ in node.value]
        yield from (name for name in names if names.count(name) > 1)
        for _, value in node.value:
            yield from _twice(value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _twice(value, seen)
