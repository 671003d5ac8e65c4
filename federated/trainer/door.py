"""The trainer behind `trainers: federated`: a corpus's sites train one model in rounds, all of them in this process.

The server, the sites and what they say to each other are those of a federation across machines; only the grid is
another, and one model serves all sites in turn. It simulates: whoever runs it has every patient at hand, so it shows
what a federation would make of them and protects nobody from its own operator. Each site's noise and ledger are real.

Nothing is learnt from patients but in rounds: `prepare_training`, by which other trainers let a model learn scales of
all patients at once, is not called. Nobody looks at held-out patients to decide when to stop.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from affidavit.corpus import Corpus, require_distinct
from affidavit.corpus_keys import corpus_key
from affidavit.digests import digest_of
from affidavit.files import replacing_folder
from affidavit.options import read_options
from affidavit.protocols import Progress, Trainable, Trainer
from affidavit.provenance import package_version
from affidavit.training_card import training_card
from federated.in_process.clock import UnhurriedClock
from federated.in_process.grid import server_identity
from federated.record.entries import DIGEST, RunOpened
from federated.record.log import RunLog, read_log
from federated.rounds.federation import Federation
from federated.rounds.kept import STATE
from federated.rounds.plain import PlainGathering
from federated.rounds.terms import Terms
from federated.secured.agreement import Agreement
from federated.secured.gathering import SecureGathering
from federated.sites.private import PrivateTraining
from federated.trainer.attesting import attest, require_attested_of
from federated.trainer.card import privacy_card, rounds_card, secure_card, units_card
from federated.trainer.houses import House, grid_of, trainings_of
from federated.trainer.noise import agreement_of, closing_mechanism
from federated.trainer.options import FederatedOptions
from federated.trainer.parts import Parts, least_of, parts_of
from federated.updates.arrays import packed
from federated.updates.layout import Layout, vector_digest
from privacy.dpsgd.validation import chosen_way


class FederatedTrainer:
    """Fits a reasoner in rounds over the sites of a corpus."""

    name = "federated"
    options = FederatedOptions

    def spends_privacy(self, options: Mapping[str, Any]) -> bool:
        """Say whether a training with these options writes into ledgers."""
        return bool(options.get("private") or options.get("central"))

    def train(
        self,
        reasoner: Trainable,
        corpus: Corpus,
        options: Mapping[str, Any],
        *,
        folder: Path,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Trainable:
        """Fit, and leave the checkpoint in `folder`, the record and the sites' ledgers beside it.

        Raises:
            PlanError: the options are at fault; the corpus has no sites, too few of them, or no labels to learn from;
                the model cannot be trained as the options say.
            FederationError: no round could be completed, or one failed.
        """
        chosen = read_options(FederatedOptions, options, of=f"trainer {self.name}")
        require_distinct(corpus)
        parts = parts_of(corpus, chosen, least=least_of(chosen))
        folder.mkdir(parents=True, exist_ok=True)
        seed = int(rng.integers(2**31))
        reasoner.prepare([*parts.turns, *(turn for row in parts.probes for turn in row)], progress=progress)
        house = House(
            reasoner=reasoner,
            layout=Layout.of(reasoner),
            options=chosen,
            folder=folder,
            seed=seed,
            corpus=corpus_key(corpus),
            way=chosen_way(chosen.private.gradients, reasoner, parts.probes, seed=seed).way
            if chosen.private is not None
            else "loop",
        )
        if chosen.private is not None:
            require_attested_of(house, parts)
        card = _Training(house=house, parts=parts, labels=tuple(corpus.label_space)).run(progress)
        told = training_card(reasoner, corpus, trainer=self.name, options=chosen)
        written = {**told, **units_card(parts, told["training_digest"]), **card}
        with replacing_folder(folder) as temporary:
            reasoner.save(temporary, written)
        return reasoner


@dataclass(frozen=True, slots=True, kw_only=True)
class _Training:
    """One training: its sites, its server and its record."""

    house: House
    parts: Parts
    labels: tuple[str, ...]

    def run(self, progress: Progress) -> dict[str, Any]:
        """Take the rounds that are left, put the model into the reasoner, and return what the card says of it."""
        house, parts = self.house, self.parts
        terms, agreement = self._terms(), None
        if house.options.secure is not None:
            agreement = agreement_of(terms, house.options, house.roster(parts.sites))
        place = house.folder.parent / f"{house.folder.name}.rounds.jsonl"
        server = house.folder.parent / f"{house.folder.name}.server"
        with RunLog(place) as log, server_identity(), closing_mechanism(house.options, server, terms.run) as mechanism:
            log.write(self._opened(terms))
            federation = Federation(
                terms,
                gathering=PlainGathering if agreement is None else partial(SecureGathering, agreement=agreement),
                mechanism=mechanism,
                state=house.folder / STATE,
                note=log.note,
                clock=UnhurriedClock(),
                progress=progress,
            )
            start = packed(house.layout.gathered(house.reasoner))
            result = federation.start(grid_of(house, parts.sites, agreement), start)
            told = None if mechanism is None else mechanism.told()
        house.layout.scatter(np.asarray(result.arrays["vector"].numpy()), house.reasoner)
        house.reasoner.module.eval()
        card = self._card(terms, agreement, place)
        return card if told is None else {**card, "privacy": {**told, "ledger": f"{server.name}/{told['ledger']}"}}

    def _opened(self, terms: Terms) -> RunOpened:
        """Return which code is about to do what, with whom; a training in one process has no bundle and no keys."""
        house, named = self.house, self.house.options.training_digest or ""
        return RunOpened(
            run=terms.run,
            plan=named if re.fullmatch(DIGEST, named) else digest_of(house.options.model_dump(mode="json")),
            layout=house.layout.digest,
            affidavit=package_version("affidavit"),
            sites={part.site: "no key: simulated" for part in self.parts.sites},
        )

    def _terms(self) -> Terms:
        house = self.house
        return Terms(
            run=self._digest(),
            layout=house.layout,
            rounds=house.options.rounds,
            strategy=house.options.strategy,
            seed=house.seed,
            sites=frozenset(part.site for part in self.parts.sites),
        )

    def _digest(self) -> str:
        """Name the run by all that decides it; the number that noise is drawn from is not part of it."""
        house = self.house
        sites = {part.site: [part.known_as, list(part.patients)] for part in self.parts.sites}
        told = house.options.model_dump(mode="json", exclude={"rounds": {"deadline", "attempts"}})
        started = house.layout.gathered(house.reasoner)
        return digest_of(
            [told, house.corpus, sites, list(self.labels), house.layout.digest, house.seed, vector_digest(started)]
        )

    def _card(self, terms: Terms, agreement: Agreement | None, place: Path) -> dict[str, Any]:
        house, parts, log = self.house, self.parts, read_log(place)
        sites = {part.site: part.known_as for part in parts.sites}
        told = rounds_card(log, terms.run, sites=sites, options=house.options, layout=house.layout)
        told["parties"] = "every site in one process: nothing of one was out of another's reach"
        told["sites_without_patients"] = list(parts.without)
        told["log"]["file"] = place.name
        told["secure"] = None if agreement is None else secure_card(log, terms.run, agreement)
        card: dict[str, Any] = {"federated": told}
        if house.options.private is None:
            n_units = {part.site: len(part.patients) for part in parts.sites}
            return {**card, "n_units": {"train": n_units, "held_out": len(parts.held_out)}}
        trainings = trainings_of(house, parts.sites)
        if not house.options.private.simulated:
            attest(house, parts)
        losses = {site: one.told() for site, one in trainings.items() if isinstance(one, PrivateTraining)}
        return {**card, "privacy": privacy_card(losses, parts, house.options.private.delta)}


TRAINER: Final[Trainer] = FederatedTrainer()
