"""Law packs: what one law, standard or custom asks, as a dated data file; a summary for auditors, not legal advice.

Laws: whatever is told of a text was read on a date at an address, or is said to be unverified; a requirement names the
examinations, metrics, sections and human statements that answer it, or says that nothing here does; dates are those of
the text, and a pack says until when its review holds.
"""

from __future__ import annotations

import datetime
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from affidavit.errors import InputError
from affidavit.records import Record
from affidavit.yaml_files import describe_validation_error, did_you_mean, read_yaml
from reports.law.dossier import Question, keys_twice
from reports.law.scope import Circumstance, Context, Place, Subject

NOT_ADVICE: Final = "not legal advice"
PACKS: Final = Path(str(files("reports") / "law" / "packs"))
Part = Literal[
    "data",
    "criteria",
    "frozen-criteria",
    "methods",
    "privacy",
    "federated-run",
    "not-assessed",
    "provenance",
    "release",
]
"""A section of the report that can answer a requirement; `release` is the rule by which small cells were withheld."""


class Basis(StrEnum):
    """When a requirement counts as met."""

    DECIDED = "decided"
    """A criterion of the policy was held against the evidence, and passed everywhere."""
    PRESENT = "present"
    """The evidence is there: what is asked is that something is measured, said or written down."""
    GATE = "gate"
    """The scope gate let the use through."""
    FRAME = "frame"
    """It says when other requirements apply, and asks nothing by itself."""
    NOWHERE = "nowhere"
    """Nothing here answers it."""


class Supplier(StrEnum):
    """Who must supply what is missing."""

    PROVIDER = "the provider"
    DEPLOYER = "the deployer"
    CONTROLLER = "the controller"
    AUDITOR = "the auditor"
    EMPLOYER = "the employer"
    DATA_OWNER = "the owner of the data"


class Reading(Record):
    """Whether the text was read: on which day and where, or not."""

    date_read: datetime.date | None = None
    read_at: str | None = Field(default=None, pattern=r"^https://\S+$|^http://\S+$")
    """The address at which it was read; that may be a copy, the official text decides."""
    unverified: bool = False

    @model_validator(mode="after")
    def _read_or_not(self) -> Self:
        if self.unverified == (self.date_read is not None):
            raise ValueError("say either date_read, with read_at, or unverified: true")
        if (self.date_read is None) != (self.read_at is None):
            raise ValueError("date_read and read_at stand together: when, and at which address")
        return self


class AppliesWhen(Record):
    """Conditions over the answers about use; all that are given must hold, within one any value is enough."""

    places: tuple[Place, ...] | None = Field(default=None, min_length=1)
    contexts: tuple[Context, ...] | None = Field(default=None, min_length=1)
    subjects: tuple[Subject, ...] | None = Field(default=None, min_length=1)
    biometric: bool | None = None
    """Whether emotions are inferred from biometric data."""
    circumstances: tuple[Circumstance, ...] | None = Field(default=None, min_length=1)
    """Here all must hold."""


class Evidence(Record):
    """What answers a requirement: any of the measurements, and all of the sections and statements."""

    examinations: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    sections: tuple[Part, ...] = ()
    statements: tuple[Question, ...] = ()


class Requirement(Reading):
    """One thing that a text asks."""

    id: str = Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")
    article: str = Field(min_length=1)
    demands: str = Field(min_length=1, max_length=400)
    """What it asks, in our words."""
    applies_when: AppliesWhen
    applies_from: datetime.date | None = None
    """From when it binds; None for what binds nobody by itself."""
    basis: Basis
    evidence: Evidence = Evidence()
    supplied_by: Supplier
    note: str | None = None

    @model_validator(mode="after")
    def _answerable(self) -> Self:
        if (self.basis in {Basis.NOWHERE, Basis.FRAME}) != (self.evidence == Evidence()):
            raise ValueError("evidence and basis: a requirement names what answers it, or is `nowhere` or a `frame`")
        measured = self.evidence.examinations or self.evidence.metrics
        if self.basis is Basis.DECIDED and not measured:
            raise ValueError("basis: only measurements can be decided by a policy")
        return self


class Source(Record):
    """Where the official text is."""

    citation: str
    url: str = Field(pattern=r"^https://\S+$")


class Amendment(Record):
    """The last change of a text that is known here."""

    date: datetime.date
    by: str


class LawPack(Reading):
    """One law, standard or custom."""

    version: Literal[1]
    id: str = Field(pattern=r"^[a-z0-9-]+$")
    title: str
    jurisdiction: str
    source: Source
    text_version: str
    """Which version of the text is told of."""
    text_date: datetime.date
    """The date of that version."""
    last_amended: Amendment | None = None
    stale_after: datetime.date
    """From the day after this the pack warns."""
    notice: str
    note: str | None = None
    requirements: tuple[Requirement, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _own_ids(self) -> Self:
        ids = [requirement.id for requirement in self.requirements]
        if strange := [name for name in ids if not name.startswith(f"{self.id}.")]:
            raise ValueError(f"requirement ids begin with {self.id}.: {', '.join(strange)}")
        if twice := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"requirement ids stand twice: {', '.join(twice)}")
        return self

    @model_validator(mode="after")
    def _says_what_it_is_not(self) -> Self:
        if NOT_ADVICE not in self.notice.casefold():
            raise ValueError(f"notice: say that the pack is {NOT_ADVICE}")
        return self

    @property
    def n_read(self) -> int:
        """How many of its requirements were read in a text."""
        return sum(requirement.date_read is not None for requirement in self.requirements)


def read_pack(path: Path) -> LawPack:
    """Load a pack.

    Raises:
        InputError: a key is unknown, missing or stands twice, or a date or value is wrong.
        TableError: there is no such file, or it is not YAML.
    """
    document = read_yaml(path)
    if twice := keys_twice(path.read_text(encoding="utf-8-sig")):
        raise _invalid(path, f"stands twice: {', '.join(twice)}")
    try:
        return LawPack.model_validate(document)
    except ValidationError as error:
        known = [*LawPack.model_fields, *Requirement.model_fields, *Evidence.model_fields, *AppliesWhen.model_fields]
        hints = "".join(
            did_you_mean(str(fault["loc"][-1]), known) for fault in error.errors() if fault["type"] == "extra_forbidden"
        )
        raise _invalid(path, describe_validation_error(error) + hints) from None


def _invalid(path: Path, found: str) -> InputError:
    return InputError(
        "the law pack does not validate",
        slug="file-unreadable",
        where=path.name,
        found=found,
        allowed=f"the keys {', '.join(LawPack.model_fields)}; per requirement {', '.join(Requirement.model_fields)}",
        remedy="correct the key named above; docs/law.md shows a complete requirement",
    )


@lru_cache(maxsize=1)
def shipped_packs() -> tuple[LawPack, ...]:
    """Return the packs that ship, in the order of their names."""
    return tuple(read_pack(path) for path in sorted(PACKS.glob("*.yaml")))
