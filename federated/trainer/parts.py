"""Who is at which site, who is held out, and what a site has to learn from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.seeds import seed_of
from affidavit.splits import labelled, split
from affidavit.utterances import Utterance
from federated.strategies.options import Robust
from federated.strategies.robust import least_sites
from federated.trainer.options import FederatedOptions
from privacy.dpsgd.units import ProtectedUnit, Row, pieces

_NAME_LENGTH = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePart:
    """One hospital's patients who are trained on."""

    site: str
    """A short plain name, made of the corpus's."""
    known_as: str
    """As the corpus says."""
    patients: tuple[str, ...]
    units: tuple[ProtectedUnit, ...]
    """One for each patient: what of theirs is at this site."""

    @property
    def rows(self) -> list[Row]:
        """Pieces of dialogues, each with something to learn from."""
        return [piece for unit in self.units for piece in unit.pieces]

    @property
    def turns(self) -> list[Utterance]:
        """Every turn that training here may see."""
        return [turn for row in self.rows for turn in row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Every site's patients, and those who are held out at all of them."""

    sites: tuple[SitePart, ...]
    train: tuple[str, ...]
    held_out: tuple[str, ...]
    probes: tuple[Row, ...]
    """Pieces to try a model on: of held-out patients where there are any, so that no trained one is met."""
    shared: tuple[str, ...]
    """Patients who are at more than one site."""
    without: tuple[str, ...]
    """Sites of the corpus with nobody to train on."""

    @property
    def turns(self) -> list[Utterance]:
        """Every turn that training may see."""
        return [turn for part in self.sites for turn in part.turns]

    @property
    def voices(self) -> list[str]:
        """Whoever speaks in those turns and is not the patient: clinicians, relatives."""
        return sorted({turn.speaker_id for turn in self.turns if turn.speaker_id not in (None, turn.unit)} - {None})


def parts_of(corpus: Corpus, options: FederatedOptions, *, least: int) -> Parts:
    """Return whom each site has to train on; whom the trainer `supervised` holds out is at no site.

    Raises:
        PlanError: no sites, turns without one, fewer sites with patients than `least`, labels outside the label space,
            or a split that leaves a part empty.
    """
    _require_sites(corpus)
    groups = labelled(corpus)
    shares = {"held_out": options.held_out} if options.held_out else {}
    dealt = split(sorted(groups), shares, seed=seed_of(options.split_seed, "split"))
    names = _names(sorted({str(turn.site) for turn in corpus.utterances}))
    max_turns = options.plain.max_turns if options.private is None else options.private.max_turns_per_patient
    sites = [_part(groups, dealt["train"], names[known], known, max_turns) for known in names]
    there = tuple(part for part in sites if part.units)
    if len(there) < least:
        raise _too_few(corpus, there, least)
    held_out = dealt.get("held_out", ())
    probes = [piece for name in held_out for piece in pieces(groups[name], max_turns=max_turns)]
    return Parts(
        sites=there,
        train=dealt["train"],
        held_out=held_out,
        probes=tuple(probes or [unit.pieces[0] for part in there for unit in part.units]),
        shared=_shared(there),
        without=tuple(part.known_as for part in sites if not part.units),
    )


def least_of(options: FederatedOptions) -> int:
    """Return how many sites a round needs at least."""
    robust = least_sites(options.strategy) if isinstance(options.strategy, Robust) else 1
    secure = 1 if options.secure is None else options.secure.minimum
    return max(options.rounds.quorum, robust, secure, 1 if options.central is None else options.central.least)


def _part(groups: Mapping[str, Row], train: Sequence[str], site: str, known: str, max_turns: int) -> SitePart:
    patients, units = [], []
    for name in train:
        own = pieces([turn for turn in groups[name] if turn.site == known], max_turns=max_turns)
        if own:
            patients.append(name)
            units.append(ProtectedUnit(pieces=own))
    return SitePart(site=site, known_as=known, patients=tuple(patients), units=tuple(units))


def _shared(sites: Sequence[SitePart]) -> tuple[str, ...]:
    seen: set[str] = set()
    twice: set[str] = set()
    for part in sites:
        twice |= seen.intersection(part.patients)
        seen.update(part.patients)
    return tuple(sorted(twice))


def _names(known: Sequence[str]) -> dict[str, str]:
    """Return a short plain name for each site; its place in the order where two would be alike."""
    short = [re.sub("[^a-z0-9]+", "-", name.casefold()).strip("-")[: _NAME_LENGTH - 8].strip("-") for name in known]
    return {
        name: plain if plain and short.count(plain) == 1 else f"{plain or 'site'}-{at}"
        for at, (name, plain) in enumerate(zip(known, short, strict=True), start=1)
    }


def _require_sites(corpus: Corpus) -> None:
    without = sum(turn.site is None for turn in corpus.utterances)
    if without:
        raise PlanError(
            "turns belong to no site, so nobody knows where they may be trained on",
            slug="plan-impossible",
            where=f"corpus {corpus.name}",
            found=f"{without:,} of {len(corpus.utterances):,} turns without a site",
            allowed="a site for every turn",
            remedy="name the column of sites in the corpus's options, or train with `supervised` or `dp-sgd`",
        )


def _too_few(corpus: Corpus, there: Sequence[SitePart], least: int) -> PlanError:
    return PlanError(
        "fewer sites have patients to train on than a round needs",
        slug="plan-impossible",
        where=f"corpus {corpus.name}",
        found=", ".join(part.known_as for part in there) or "no site with a labelled patient who is not held out",
        allowed=f"{least} or more",
        remedy="lower rounds.quorum (or secure.minimum, never below 3), or bring a corpus with more sites",
    )
