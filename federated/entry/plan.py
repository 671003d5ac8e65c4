"""The plan of a federation: one file that the server reads, and that each site's officer approved.

The model is made from the plan alone, before anybody looks at a patient: label space, options and seed stand in it.
What a model would learn from a corpus when it is made (a vocabulary, a scale) has to be in the checkpoint that it
starts from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from affidavit.corpus import Corpus
from affidavit.digests import digest_of
from affidavit.errors import PlanError
from affidavit.plan import Choice, Execution
from affidavit.protocols import Learner, Trainable
from affidavit.records import Record
from affidavit.registry import Door, load
from affidavit.yaml_files import read_record
from federated.record.entries import SiteName
from federated.rounds.terms import Terms
from federated.secure.identities import Roster
from federated.trainer.options import FederatedOptions
from federated.updates.layout import Layout

PublicKey = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class FederationPlan(Record):
    """Who trains what, together."""

    version: Literal[1] = 1
    nonce: str = Field(min_length=1, max_length=100)
    """Tells this run from another one of the same words: masks and sums of one are of no use in the other."""
    reasoner: Choice
    """Its paths are relative to the plan's folder."""
    label_space: Annotated[tuple[str, ...], Field(min_length=2)]
    training: FederatedOptions
    """As the options of the trainer `federated`."""
    sites: Mapping[SiteName, PublicKey | None] = Field(default_factory=dict)
    """Who may take part, each with the public half of its signing key, as `affidavit site init` shows it; the key is
    needed under secure sums."""
    seed: int = Field(default=0, ge=0)
    corpus: Choice | None = None
    """Of a simulation, in which every site's patients are at hand; across machines each site names its own."""

    @model_validator(mode="after")
    def _somebody(self) -> FederationPlan:
        if not self.sites and self.corpus is None:
            raise ValueError("say sites, each with its key; or a corpus that has sites, to simulate them")
        if self.training.secure is not None and any(key is None for key in self.sites.values()):
            raise ValueError("under secure sums every site needs its public signing key")
        return self

    @property
    def digest(self) -> str:
        """Of what it says, however it is written; an officer approves the file's own digest."""
        return digest_of(self.model_dump(mode="json"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What the plan makes at a server and at each site alike."""

    plan: FederationPlan
    reasoner: Trainable
    layout: Layout

    @property
    def run(self) -> str:
        """The run's digest."""
        return digest_of([self.plan.digest, self.layout.digest])

    def terms(self, sites: frozenset[str]) -> Terms:
        """Return what the rounds are about."""
        training = self.plan.training
        return Terms(
            run=self.run,
            layout=self.layout,
            rounds=training.rounds,
            strategy=training.strategy,
            seed=self.plan.seed,
            sites=sites,
        )

    def roster(self) -> Roster:
        """Return the keys that the plan names."""
        keys = {site: bytes.fromhex(key) for site, key in self.plan.sites.items() if key is not None}
        return Roster(keys=keys)


def read_federation_plan(path: Path) -> FederationPlan:
    """Load a plan.

    Raises:
        PlanError: a key is unknown or missing, or has a value of the wrong kind.
        TableError: there is no such file, or it is not YAML.
    """
    return read_record(path, FederationPlan, invalid=partial(_invalid, path))


def _invalid(path: Path, found: str) -> PlanError:
    return PlanError(
        "the federation's plan does not validate",
        slug="plan-invalid",
        where=path.name,
        found=found,
        allowed=f"the keys {', '.join(FederationPlan.model_fields)}",
        remedy="correct the key named above; docs/federated.md describes each",
    )


def made(plan: FederationPlan, folder: Path, *, execution: Execution | None = None) -> Made:
    """Return the model that the plan makes; `folder` is where its relative paths begin.

    Raises:
        PlanError: the reasoner cannot be trained, or not be made without looking at patients.
    """
    learner = load(Door.REASONERS, plan.reasoner.name)
    if not isinstance(learner, Learner):
        raise PlanError(
            f"the reasoner {plan.reasoner.name!r} cannot be trained",
            slug="plan-impossible",
            where="reasoner",
            found="it has no method `untrained`",
            remedy="name one that has, such as instructed",
        )
    placed = getattr(learner, "placed", None)
    options = plan.reasoner.options if placed is None else placed(plan.reasoner.options, folder)
    nobody = Corpus(name="nobody", utterances=(), digest=plan.digest, licence="none", label_space=plan.label_space)
    reasoner = learner.untrained(nobody, options, seed=plan.seed, execution=execution or Execution())
    return Made(plan=plan, reasoner=reasoner, layout=Layout.of(reasoner))
