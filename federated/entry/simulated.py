"""Sites whose patients are all at hand, each of them a node of a simulation: the partition's number is its place."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from affidavit.corpus import Corpus
from affidavit.corpus_keys import corpus_key
from affidavit.errors import PlanError
from affidavit.protocols import silent
from affidavit.registry import Door, load
from federated.entry.plan import Made, made, read_federation_plan
from federated.secured.site import SecureSite
from federated.trainer.houses import House, secure_site
from federated.trainer.noise import agreement_of
from federated.trainer.parts import SitePart, least_of, parts_of
from federated.updates.layout import Layout
from federated.updates.local import LocalTraining


def simulated_house(current: Made, sites: Path, *, corpus: str) -> House:
    """Return what the simulated sites have in common; their folders lie in `sites`."""
    return House(
        reasoner=current.reasoner,
        layout=current.layout,
        options=current.plan.training,
        folder=sites / "simulated",
        seed=current.plan.seed,
        corpus=corpus,
    )


def simulated(path: Path, sites: Path) -> tuple[House, tuple[SitePart, ...]]:
    """Return the house and every site's part of the plan's corpus, read once in a process.

    Raises:
        PlanError: the plan names no corpus, or one without enough sites.
    """
    return _read(path, sites, read_federation_plan(path).digest)


@lru_cache(maxsize=1)
def _read(path: Path, sites: Path, digest: str) -> tuple[House, tuple[SitePart, ...]]:
    """Return what the plan of this digest makes.

    Raises:
        PlanError: the plan names no corpus, or one without enough sites.
    """
    plan = read_federation_plan(path)
    if plan.corpus is None:
        raise PlanError(
            "the plan names no corpus to simulate sites with",
            slug="plan-impossible",
            where="corpus",
            found="nothing",
            remedy="name one, or give each node its site-folder",
        )
    corpus: Corpus = load(Door.CORPORA, plan.corpus.name).load(plan.corpus.options, folder=path.parent, progress=silent)
    parts = parts_of(corpus, plan.training, least=least_of(plan.training))
    house = simulated_house(made(plan, path.parent), sites, corpus=corpus_key(corpus))
    house.reasoner.prepare(parts.turns, progress=silent)
    return house, parts.sites


def simulated_training(path: Path, sites: Path, partition: int) -> tuple[LocalTraining, Layout]:
    """Return a node's training."""
    house, parts = simulated(path, sites)
    return house.within(parts[partition]), house.layout


def simulated_secure(path: Path, sites: Path, partition: int) -> SecureSite:
    """Return a node's part in secure sums."""
    house, parts = simulated(path, sites)
    plan = read_federation_plan(path)
    current = Made(plan=plan, reasoner=house.reasoner, layout=house.layout)
    terms = current.terms(frozenset(part.site for part in parts))
    secure = plan.training.secure
    if secure is None:
        raise PlanError(
            "the plan has no secure sums",
            slug="plan-impossible",
            where="training.secure",
            remedy="add `secure: {}` to the plan's training, and have it approved again",
        )
    return secure_site(house, parts[partition], agreement_of(terms, plan.training, house.roster(parts)))
