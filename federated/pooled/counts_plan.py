"""What is counted, over whom, and how it leaves: one plan for every site and the server, under one digest.

The vocabulary (labels, conditions, groups) stands in the plan. A patient of a group that it does not name is counted as
`unlisted`; a site whose labels it does not know is refused at the site, for it answers another question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from affidavit.conditions import Condition, sorted_conditions
from affidavit.digests import digest_of
from affidavit.disclosure.rule import FLOOR
from affidavit.errors import AffidavitError, PlanError
from affidavit.plan import Statistics
from affidavit.records import Record
from affidavit.tally import families
from affidavit.yaml_files import describe_validation_error, read_yaml

NAME: Final = "federated-audit"
"""The examination, as reports and the policies of sites name it."""
AUDIT: Final = "audit"
"""The key under which the plan stands where a file says with whom and how the audit is done as well."""
UNLISTED: Final = "unlisted"
"""The level of whoever the vocabulary does not name."""
MOST_VALUES: Final = 2_000_000
"""Numbers that a site sends, at most: 16 MB."""
Told = Literal["plain", "secure", "noised"]
SiteName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]


@dataclass(frozen=True, kw_only=True)
class Block:
    """Groups that are compared with one another: one family of groups under one condition."""

    condition: str
    features: tuple[str, ...]
    groups: tuple[Mapping[str, str], ...]
    """Feature to level, by group; one empty mapping for everybody."""
    joint: bool
    """Whether a patient may be in several groups, so that sums of products between groups are needed too."""
    n_labels: int

    @property
    def n_sums(self) -> int:
        """Numbers of a patient in a group: hits, rows with this truth, rows called this, for each label."""
        return 3 * self.n_labels

    @property
    def n_moments(self) -> int:
        """Products of two of these numbers, each pair once."""
        return self.n_sums * (self.n_sums + 1) // 2

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Pairs of groups whose products are sent."""
        n = len(self.groups) if self.joint else 0
        return tuple((g, h) for g in range(n) for h in range(g + 1, n))

    @property
    def size(self) -> int:
        """Numbers that a site sends of it."""
        each = 2 + self.n_sums + self.n_labels + self.n_moments
        return len(self.groups) * each + len(self.pairs) * self.n_sums**2


class NoiseTerms(Record):
    """How much a site may lose of each patient by sending its sums once."""

    epsilon: float = Field(gt=0)
    delta: float = Field(gt=0, lt=1)
    rows_per_patient: int = Field(default=20, ge=1)
    """Judgements of a patient that count under one condition; of more, as many are drawn. It bounds the sensitivity."""

    least_sites: int = Field(default=3, ge=1)
    """Under secure sums: with fewer sites no sum is opened, and so many make the noise whole."""
    colluding: int = Field(default=0, ge=0)
    """Under secure sums: sites that may tell the server their own share of the noise."""

    @model_validator(mode="after")
    def _somebody_honest(self) -> NoiseTerms:
        if self.colluding >= self.least_sites:
            raise ValueError("colluding: fewer than least_sites, or nobody is left whose noise is a secret")
        return self


class CountsPlan(Record):
    """A federated audit, fully said."""

    version: Literal[1] = 1
    title: str = "Federated audit"
    run: Name
    """What is audited, as the report names it."""
    sites: tuple[SiteName, ...] = Field(min_length=1)
    """Who may take part."""
    labels: tuple[Name, ...] = Field(min_length=2)
    conditions: tuple[Name, ...] = Field(min_length=1)
    features: Mapping[str, tuple[Name, ...]] = Field(default_factory=dict)
    """Sensitive features and their levels, in the order of tables; whoever has another level is `unlisted`."""
    of_rows: tuple[str, ...] = ()
    """Features of the utterance (room noise), under which a patient is in several groups."""
    bands: Mapping[str, tuple[float, ...]] = Field(default_factory=dict)
    """Cut points of features that are numbers at the sites: (30, 50) makes the levels `under 30`, `30-49`, ..."""
    depth: int = Field(default=2, ge=1, le=4)
    told: Told = "plain"
    """What the server sees. `secure`: totals, with noise where `noise` is said. `plain`: each site's sums, without what
    is under the floor. `noised`: each site's sums, with noise."""
    floor: int = Field(default=FLOOR, ge=2)
    """Least number of patients that is told: of a site's group where plain, of the total where secure."""
    most_units: int = Field(default=100_000, ge=1)
    """Patients that a site has at most; secure sums are sized by it."""
    most_rows: int = Field(default=1_000, ge=1)
    """Judgements of one patient under one condition, at most; secure sums are sized by it."""
    noise: NoiseTerms | None = None
    disjoint_attested_by: str | None = None
    """Who attests, and from what, that no patient is at two sites; nobody where absent."""
    statistics: Statistics = Statistics()
    seed: int = Field(default=0, ge=0)

    @field_validator("conditions")
    @classmethod
    def _canonical(cls, conditions: tuple[str, ...]) -> tuple[str, ...]:
        """Write conditions as tables of predictions have them, the fullest first."""
        try:
            names = [str(Condition.parse(name)) for name in conditions]
        except AffidavitError as error:
            raise ValueError(str(error)) from None
        if len(set(names)) < len(names):
            raise ValueError("each condition is named once")
        return sorted_conditions(frozenset(names))

    @model_validator(mode="after")
    def _coherent(self) -> CountsPlan:
        named = {"sites": self.sites, "labels": self.labels, "conditions": self.conditions}
        for what, names in {**named, **{f"features.{f}": v for f, v in self.features.items()}}.items():
            if len(set(names)) != len(names) or not names:
                raise ValueError(f"{what}: each is named once, and at least one is")
            if UNLISTED in names and what.startswith("features."):
                raise ValueError(f"{what}: {UNLISTED!r} is what everybody else is counted as")
        for key, listed in (("of_rows", self.of_rows), ("bands", tuple(self.bands))):
            if strange := set(listed) - set(self.features):
                raise ValueError(f"{key}: {', '.join(sorted(strange))} is not among features")
        if self.told != "secure" and (self.told == "noised") != (self.noise is not None):
            raise ValueError("say noise with told: noised or told: secure, and with told: plain not")
        if self.told == "plain" and self.of_rows:
            raise ValueError(
                "of_rows: what is withheld of a feature of rows follows from the rest; sum it secure or noised"
            )
        if self.most_units * self.most_rows**2 >= 2**53:
            raise ValueError("most_units times most_rows squared is 2^53 or more, beyond what is summed exactly")
        if self.size > MOST_VALUES:
            raise ValueError(
                f"each site would send {self.size:,} numbers, more than {MOST_VALUES:,}: name fewer groups"
            )
        return self

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """What is counted, in the order of the vector: for each condition everybody, features, intersections."""
        return tuple(
            Block(
                condition=condition,
                features=family,
                groups=self._groups(family),
                joint=bool(set(family) & set(self.of_rows)),
                n_labels=len(self.labels),
            )
            for condition in self.conditions
            for family in families(tuple(sorted(self.features)), self.depth)
        )

    @property
    def size(self) -> int:
        """Numbers that a site sends."""
        return sum(block.size for block in self.blocks)

    @property
    def digest(self) -> str:
        """What a site's officer approves, and what every contribution names."""
        return digest_of(self.model_dump(mode="json"))

    def _groups(self, family: Sequence[str]) -> tuple[Mapping[str, str], ...]:
        levels = [(*self.features[feature], UNLISTED) for feature in family]
        return tuple(dict(zip(family, chosen, strict=True)) for chosen in product(*levels))


def asked_part(document: object) -> object:
    """Return what is asked for, of a file that says with whom and how as well.

    >>> asked_part({"audit": {"run": "crowd"}, "quorum": 3})
    {'run': 'crowd'}
    """
    return document[AUDIT] if isinstance(document, dict) and AUDIT in document else document


def read_counts_plan(path: Path) -> CountsPlan:
    """Load a plan of a federated audit from YAML; of a file for an audit across machines the part `audit`.

    Raises:
        PlanError: a key is unknown, missing or of the wrong kind.
        TableError: there is no such file, or it is not YAML.
    """
    document = asked_part(read_yaml(path))
    try:
        return CountsPlan.model_validate(document)
    except ValidationError as error:
        raise PlanError(
            "the plan of the federated audit does not validate",
            slug="plan-invalid",
            where=path.name,
            found=describe_validation_error(error),
            allowed=f"the keys {', '.join(CountsPlan.model_fields)}",
            remedy="correct the key named above; docs/federated.md describes each",
        ) from None
