"""The plan of an audit across machines: one file that the server reads, and that each site's officer approved.

What is counted stands under `audit`, in the words of `affidavit federated-audit`: a plan, or a draft whose vocabulary
the sites name. Beside it stands with whom and how: the sites' keys, how long is waited, how many have to answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from affidavit.digests import digest_of
from affidavit.errors import PlanError
from affidavit.records import Record
from affidavit.yaml_files import read_record
from federated.pooled.counts_plan import AUDIT, CountsPlan
from federated.pooled.secure_asking import Patience
from federated.pooled.secure_sums import counts_terms
from federated.pooled.vocabulary import Draft, folded
from federated.record.entries import SiteName
from federated.secure.identities import Roster
from federated.secure.terms import LEAST, Terms
from federated.secure.topologies import topology

PublicKey = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_OF_A_PLAN: Final = frozenset({"labels", "conditions"})


def _kind(asked: object) -> str:
    """Tell a plan from a draft: a plan lists labels and conditions."""
    if isinstance(asked, Mapping):
        return "plan" if _OF_A_PLAN & set(asked) else "draft"
    return "plan" if isinstance(asked, CountsPlan) else "draft"


Asked = Annotated[Annotated[CountsPlan, Tag("plan")] | Annotated[Draft, Tag("draft")], Discriminator(_kind)]


class FederatedAudit(Record):
    """An audit across machines, fully said."""

    version: Literal[1] = 1
    audit: Asked
    """What is counted; a draft where the sites are to name labels, conditions and groups first."""
    keys: Mapping[SiteName, PublicKey] = Field(default_factory=dict)
    """The public half of each site's signing key, as `affidavit site init` shows it: needed under secure sums."""
    quorum: int = Field(default=2, ge=1)
    """With sums of fewer sites there is no report; under secure sums they are three at the least."""
    deadline: float = Field(default=600.0, gt=0)
    """Seconds that sites may take to connect, and again for each question that reads their table."""
    stage_deadline: float = Field(default=300.0, gt=0)
    """Seconds for each later stage of a secure sum."""
    attempts: int = Field(default=3, ge=1)
    """How often sites are asked that did not answer, and a secure sum is tried that did not come together."""
    colluding: int = Field(default=0, ge=0)
    """Under secure sums: sites that may tell the server what they know."""
    dropped: int | None = Field(default=None, ge=0)
    """Under secure sums: sites that may fall silent; as many as the others can do without where absent."""

    @field_validator(AUDIT, mode="before")
    @classmethod
    def _folded(cls, asked: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
        """Take a draft as people write it."""
        plain = isinstance(asked, Mapping) and _kind(asked) == "draft" and "more" not in asked
        return folded(asked) if plain else asked

    @model_validator(mode="after")
    def _coherent(self) -> FederatedAudit:
        sites = set(self.audit.sites)
        if strange := set(self.keys) - sites:
            raise ValueError(f"keys: {', '.join(sorted(strange))} is not among the sites of the audit")
        if self.told == "secure" and set(self.keys) != sites:
            raise ValueError(f"keys: under secure sums every site needs its public key: {_lacking(sites, self.keys)}")
        if self.quorum > len(sites):
            raise ValueError(f"quorum: {self.quorum} of {len(sites)} sites cannot answer")
        return self

    @property
    def told(self) -> str:
        """What the server sees."""
        return self.audit.told if isinstance(self.audit, CountsPlan) else str(self.audit.more.get("told", "plain"))

    @property
    def run(self) -> str:
        """The audit's digest: of what it says, however it is written; an officer approves the file's own."""
        return digest_of(self.model_dump(mode="json"))

    @property
    def patience(self) -> Patience:
        """How long a secure sum waits, and how often it is tried."""
        return Patience(first=self.deadline, stage=self.stage_deadline, attempts=self.attempts)

    def terms(self, plan: CountsPlan) -> Terms:
        """Return the terms under which sites sum the counts of a plan, made at the server and at each site alike.

        Raises:
            PlanError: the plan asks for no secure sums, or no sum over these sites keeps what is asked.
        """
        n_sites, minimum = len(plan.sites), max(self.quorum, LEAST)
        dropped = self.dropped
        if dropped is None:
            dropped = max(0, min((n_sites - self.colluding - 1) // 2, n_sites - minimum))
        roster = Roster(keys={site: bytes.fromhex(key) for site, key in self.keys.items()})
        shape = topology(n_sites, colluding=self.colluding, dropped=dropped)
        return counts_terms(plan, roster=roster, topology=shape, minimum=minimum)


def read_federated_audit(path: Path) -> FederatedAudit:
    """Load the plan of an audit across machines.

    Raises:
        PlanError: a key is unknown or missing, or has a value of the wrong kind.
        TableError: there is no such file, or it is not YAML.
    """
    return read_record(path, FederatedAudit, invalid=partial(_invalid, path))


def _invalid(path: Path, found: str) -> PlanError:
    return PlanError(
        "the plan of the audit across machines does not validate",
        slug="plan-invalid",
        where=path.name,
        found=found,
        allowed=f"the keys {', '.join(FederatedAudit.model_fields)}",
        remedy="correct the key named above; docs/federated.md describes each",
    )


def _lacking(sites: set[str], keys: Mapping[str, str]) -> str:
    return ", ".join(sorted(sites - set(keys)))
