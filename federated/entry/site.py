"""What the ClientApp opens for a message: a simulated site, or this machine's own with its policy, keys and approvals.

Law: across machines nothing is opened for a plan that the site's officer did not approve, and the site's own limits
bind whatever the plan says.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from flwr.app import Context

from affidavit.corpus import Corpus
from affidavit.corpus_keys import corpus_key
from affidavit.digests import digest_of, file_digest
from affidavit.errors import PlanError
from affidavit.protocols import silent
from affidavit.registry import Door, load
from federated.deployment.approvals import standing
from federated.deployment.house import House as Place
from federated.deployment.keys import officer_key
from federated.deployment.node import FOLDER
from federated.deployment.site_file import SiteFile, read_site_file
from federated.entry.of_plan import OfPlan
from federated.entry.places import PARTITION, SITES, named_folder, plan_at, plan_of, site_folder
from federated.entry.plan import FederationPlan, Made, made, read_federation_plan
from federated.entry.simulated import simulated_secure, simulated_training
from federated.secure.terms import LEAST
from federated.secured.site import SecureSite
from federated.sites.private_options import SitePolicy
from federated.strategies.options import QFair
from federated.trainer.houses import House, secure_site
from federated.trainer.noise import agreement_of
from federated.trainer.options import FederatedOptions
from federated.trainer.parts import SitePart, parts_of
from federated.updates.layout import Layout
from federated.updates.local import LocalTraining, SiteLeavesError


def opened_training(context: Context) -> tuple[LocalTraining, Layout]:
    """Return the training that a message is for.

    Raises:
        SiteLeavesError: the site's officer did not approve the plan, or the site's policy does not allow it.
        AffidavitError: the plan, the policy or the patients cannot be read.
    """
    folder, path = _places(context)
    if folder is None:
        return simulated_training(path, named_folder(context, SITES), _partition(context))
    plan = read_federation_plan(path)
    policy = _require_approved(folder, path, plan)
    house, part = _own(path, folder, (plan.digest, digest_of(policy.model_dump(mode="json"))))
    terms = Made(plan=plan, reasoner=house.reasoner, layout=house.layout).terms(frozenset(plan.sites))
    return OfPlan(training=house.within(part), terms=terms), house.layout


def opened_secure(context: Context) -> SecureSite:
    """Return the site's part in secure sums.

    Raises:
        SiteLeavesError: the site's officer did not approve the plan, or the site's policy does not allow it.
        AffidavitError: the plan, the policy, the key or the patients cannot be read.
    """
    folder, path = _places(context)
    if folder is None:
        return simulated_secure(path, named_folder(context, SITES), _partition(context))
    plan = read_federation_plan(path)
    policy = _require_approved(folder, path, plan)
    house, part = _own(path, folder, (plan.digest, digest_of(policy.model_dump(mode="json"))))
    if plan.training.secure is None:
        raise PlanError(
            "the plan has no secure sums",
            slug="plan-impossible",
            where="training.secure",
            remedy="add `secure: {}` to the plan's training, and have it approved again",
        )
    current = Made(plan=plan, reasoner=house.reasoner, layout=house.layout)
    agreement = agreement_of(current.terms(frozenset(plan.sites)), plan.training, current.roster())
    key = officer_key(Place(folder=folder).key("signing"))
    return replace(secure_site(house, part, agreement, key=key), minimum=max(LEAST, policy.smallest_cohort))


def is_secure(context: Context) -> bool:
    """Say whether the plan asks for secure sums: then no update is answered in clear."""
    return read_federation_plan(_places(context)[1]).training.secure is not None


def _require_approved(folder: Path, path: Path, plan: FederationPlan) -> SiteFile:
    """Return the site's policy, if its officer lets the plan of these bytes run and the policy allows it."""
    digest = file_digest(path)
    because = standing(folder).against(digest)
    if because is not None:
        raise SiteLeavesError("plan-not-approved", f"this site does not run the plan {digest}: {because}")
    policy = read_site_file(Place(folder=folder))
    if plan.training.private is None and not policy.unprotected_training:
        raise SiteLeavesError("plan-unprotected", "this site lets no update out that no privacy budget counts")
    if isinstance(plan.training.strategy, QFair) and plan.training.secure is None and "loss" not in policy.tells:
        raise SiteLeavesError(
            "plan-unprotected", "this site does not tell the loss on its patients, which q-ffl asks for"
        )
    if plan.training.private is not None and (plan.training.private.simulated or policy.budget is None):
        raise SiteLeavesError("plan-unprotected", "this site has no budget for private training, or its noise is none")
    return policy


@lru_cache(maxsize=1)
def _own(path: Path, folder: Path, digests: tuple[str, str]) -> tuple[House, SitePart]:
    """Return this site's house and patients, read once in a process for one plan and policy of these digests."""
    plan, policy = read_federation_plan(path), read_site_file(Place(folder=folder))
    if policy.corpus is None:
        raise PlanError(
            "the site's policy names no patients",
            slug="plan-impossible",
            where=str(Place(folder=folder).policy),
            found="no corpus",
            remedy="name the loader and its options under corpus",
        )
    corpus: Corpus = load(Door.CORPORA, policy.corpus.name).load(policy.corpus.options, folder=folder, progress=silent)
    own = replace(corpus, utterances=tuple(replace(turn, site=policy.site) for turn in corpus.utterances))
    options = plan.training.model_copy(update={"policy": _tells(policy, plan.training)})
    (part,) = parts_of(own, options, least=1).sites
    if len(part.patients) < policy.floor:
        words = f"this site has fewer than {policy.floor} patients to train on, and nothing of so few leaves it"
        raise SiteLeavesError("too-few-patients", words)
    current = made(plan, path.parent)
    house = House(
        reasoner=current.reasoner,
        layout=current.layout,
        options=options,
        folder=Place(folder=folder).private / current.run.removeprefix("sha256:")[:24],
        seed=plan.seed,
        corpus=corpus_key(own),
        ledger_at=folder / "ledger.jsonl",
        tells_units="n_units" in policy.tells,
    )
    house.reasoner.prepare(part.turns, progress=silent)
    return house, replace(part, site=policy.site)


def _tells(policy: SiteFile, options: FederatedOptions) -> SitePolicy:
    """Return what the site lets out, and its own budget at the plan's delta or a smaller one."""
    most = None
    if policy.budget is not None and options.private is not None:
        if options.private.delta is None or options.private.delta > policy.budget.delta:
            raise SiteLeavesError("plan-unprotected", "the plan's delta is larger than this site allows")
        most = policy.budget.epsilon
    return SitePolicy(most_epsilon=most, tells_epsilon="epsilon" in policy.tells, tells_units="n_units" in policy.tells)


def _places(context: Context) -> tuple[Path | None, Path]:
    """Return the site's folder, None in a simulation, and where its plan is."""
    folder = site_folder(context)
    return folder, plan_of(context) if folder is None else plan_at(folder, context)


def _partition(context: Context) -> int:
    number = context.node_config.get(PARTITION)
    if not isinstance(number, int):
        raise PlanError(
            "the node is neither a site nor part of a simulation",
            slug="plan-impossible",
            where="node configuration",
            found=f"no {FOLDER} and no {PARTITION}",
            remedy="start it with `affidavit site run`",
        )
    return number
