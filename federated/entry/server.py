"""What the ServerApp does: the plan's rounds, a record of them, and the model with its card."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import Context
from flwr.serverapp import Grid

from affidavit.files import replacing_folder
from affidavit.protocols import silent
from affidavit.registry import Door, load
from federated.entry.places import OUT, SITES, named_folder, plan_of, require_free
from federated.entry.plan import FederationPlan, Made, made, read_federation_plan
from federated.entry.simulated import simulated_house
from federated.entry.versions import versions_of
from federated.record.entries import RunOpened
from federated.record.log import RunLog, read_log
from federated.rounds.federation import Federation
from federated.rounds.kept import STATE
from federated.rounds.plain import PlainGathering
from federated.secure.identities import Roster
from federated.secured.agreement import Agreement
from federated.secured.gathering import SecureGathering
from federated.trainer.card import rounds_card, secure_card
from federated.trainer.noise import agreement_of, closing_mechanism
from federated.trainer.options import FederatedOptions
from federated.trainer.parts import least_of, parts_of
from federated.updates.arrays import packed


def serve(grid: Grid, context: Context) -> None:
    """Take the rounds of the plan that the run names, and leave the model in the folder that it names.

    Raises:
        PlanError: the plan is at fault, or the folder holds something else.
        FederationError: no round could be completed, or one failed: then the run has failed.
    """
    path = plan_of(context)
    place = named_folder(context, OUT)
    plan = read_federation_plan(path)
    known, roster = _who(plan, context, path)
    current = made(plan, path.parent)
    terms, agreement = current.terms(frozenset(known)), None
    if plan.training.secure is not None:
        agreement = agreement_of(terms, plan.training, roster or current.roster())
    require_free(place)
    place.mkdir(parents=True, exist_ok=True)
    versions = versions_of(grid, path)
    record = place.parent / f"{place.name}.rounds.jsonl"
    server = place.parent / f"{place.name}.server"
    with RunLog(record) as log, closing_mechanism(plan.training, server, current.run) as mechanism:
        log.write(_opened(current, known, agreement, versions))
        federation = Federation(
            terms,
            gathering=PlainGathering if agreement is None else partial(SecureGathering, agreement=agreement),
            mechanism=mechanism,
            state=place / STATE,
            note=log.note,
        )
        result = federation.start(grid, packed(current.layout.gathered(current.reasoner)))
        protected = None if mechanism is None else dict(mechanism.told())
    current.layout.scatter(np.asarray(result.arrays["vector"].numpy()), current.reasoner)
    with replacing_folder(place) as temporary:
        card = {**_card(current, known, agreement, record), **versions}
        current.reasoner.save(temporary, card if protected is None else {**card, "privacy": protected})


def _who(plan: FederationPlan, context: Context, path: Path) -> tuple[dict[str, str], Roster | None]:
    """Return who may take part, and their keys where they are simulated here."""
    if plan.corpus is None:
        return {site: site for site in plan.sites}, None
    corpus = load(Door.CORPORA, plan.corpus.name).load(plan.corpus.options, folder=path.parent, progress=silent)
    parts = parts_of(corpus, plan.training, least=least_of(plan.training))
    house = simulated_house(made(plan, path.parent), named_folder(context, SITES), corpus="")
    roster = house.roster(parts.sites) if plan.training.secure is not None else None
    return {part.site: part.known_as for part in parts.sites}, roster


def _opened(
    current: Made, known: dict[str, str], agreement: Agreement | None, versions: Mapping[str, str | None]
) -> RunOpened:
    keys = {} if agreement is None else {s: k.hex() for s, k in agreement.terms.roster.keys.items()}
    said = {
        **versions,
        "run": current.run,
        "layout": current.layout.digest,
        "sites": {site: keys.get(site, "no key: updates in clear") for site in known},
    }
    return RunOpened.model_validate(said)


def _card(current: Made, known: dict[str, str], agreement: Agreement | None, record: Path) -> dict[str, Any]:
    log, options = read_log(record), current.plan.training
    told = rounds_card(log, current.run, sites=known, options=options, layout=current.layout)
    told["parties"] = (
        "a server and simulated sites" if current.plan.corpus is not None else "a server and sites across machines"
    )
    told["log"]["file"] = record.name
    told["secure"] = None if agreement is None else secure_card(log, current.run, agreement)
    made_of: dict[str, Any] = getattr(current.reasoner, "card", {})
    return {
        **({} if "training_digest" in made_of else made_of),
        "training_digest": current.run,
        "trainer": "federated",
        "federated": told,
        "options": options.model_dump(mode="json", exclude={"training_digest"}),
        **({} if options.private is None else {"privacy": _privacy(options)}),
    }


def _privacy(options: FederatedOptions) -> dict[str, Any]:
    return {
        "unit": "patient",
        "epsilon": None,
        "why_no_epsilon": "each site's ledger counts it and stays there; the record has what sites told",
    }
