"""The gradients of several models for the same patients, counted by unit and group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from affidavit.case import Case
from affidavit.confusion import FloatArray
from affidavit.live import Live
from affidavit.plan import Feature
from affidavit.predictions import Predictions
from affidavit.seeds import seed_of
from affidavit.tally import Tally, outcome_columns, tally_outcomes
from privacy.price.cards import Card
from privacy.price.gradients import Gradients, Losses, Pieces, gradients_of, pieces_of
from privacy.price.models import Models

MAX_TURNS: Final = 16
"""Turns in a piece where no card says how many: what both trainers take by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose gradients are taken, and what counts as clipped."""

    clip_norm: float | None
    """For every model; each one's own where None."""
    most_units: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Norms:
    """The sums of each patient for each run: clipped, norm, one; counted by unit and group."""

    base: Predictions
    condition: str
    features: tuple[str, ...]
    """Those that belong to the patient: a gradient is of a patient, not of an utterance."""
    tally: Tally
    caveats: tuple[str, ...]


def measured_norms(case: Case, models: Models, asked: Asked) -> Norms | None:
    """Take the gradients of every model for the patients that all of them judged and none was trained on.

    None where there is no such patient.
    """
    base = case.runs[models.runs[0]]
    shared = set(base.levels["unit"]).intersection(*(case.runs[run].levels["unit"] for run in models.runs))
    held_out = [unit for unit in sorted(shared) if not any(model.card.knows(unit) for model in models.all)]
    chosen = _drawn(held_out, asked)
    found: list[dict[str, Gradients]] = []
    for done, model in enumerate(models.all, start=1):
        clip = model.card.clip_norm if asked.clip_norm is None else asked.clip_norm
        found.append(_of_model(case.live[model.run], model.card, chosen, clip, asked.seed))
        case.progress("taking gradients of every model", done, len(models.all))
    kept = [unit for unit in chosen if all(unit in own for own in found)]
    if not kept:
        return None
    features = tuple(f for f in case.by if base.features.get(f, Feature()).level == "unit")
    return Norms(
        base=base,
        condition=base.conditions[0],
        features=features,
        tally=_tally(base, features, kept, found),
        caveats=_caveats(trained=len(shared) - len(held_out), held_out=len(held_out), chosen=chosen, kept=kept),
    )


def _drawn(units: Sequence[str], asked: Asked) -> list[str]:
    if len(units) <= asked.most_units:
        return list(units)
    order = np.random.default_rng(seed_of(asked.seed, "patients")).permutation(len(units))
    return sorted(units[i] for i in order[: asked.most_units])


def _of_model(live: Live, card: Card, units: Sequence[str], clip_norm: float | None, seed: int) -> dict[str, Gradients]:
    cut: Pieces = pieces_of(live.corpus.utterances, max_turns=card.max_turns or MAX_TURNS)
    own = {unit: cut[unit] for unit in units if unit in cut}
    return gradients_of(cast("Losses", live.reasoner()), own, clip_norm=clip_norm, seed=seed)


def _tally(
    base: Predictions, features: Sequence[str], units: Sequence[str], found: Sequence[Mapping[str, Gradients]]
) -> Tally:
    names = outcome_columns(base, features)
    batches = list(base.coded_batches(names))
    columns = {name: np.concatenate([batch[name] for batch in batches]) for name in names}
    place = {name: code for code, name in enumerate(base.levels["unit"])}
    order = np.argsort(columns["unit"], kind="stable")
    first = dict(zip(*np.unique(columns["unit"][order], return_index=True), strict=True))
    own = np.array([order[first[place[unit]]] for unit in units])
    rows = {name: np.ones(len(own)) if name == "weight" else values[own] for name, values in columns.items()}
    parts: list[FloatArray] = []
    for gradients in found:
        told = [gradients[unit] for unit in units]
        parts += [np.array([one.clipped for one in told]), np.array([one.norm for one in told]), np.ones(len(told))]
    sums = np.nan_to_num(np.stack(parts, axis=1))
    return tally_outcomes(base, features, condition=base.conditions[0], rows=rows, sums=sums)


def _caveats(*, trained: int, held_out: int, chosen: Sequence[str], kept: Sequence[str]) -> tuple[str, ...]:
    said = [
        (trained, f"{trained} patients are left out: a model was trained on them, and their norms would be a release"),
        (held_out - len(chosen), f"{len(chosen)} of {held_out} patients, drawn at random"),
        (len(chosen) - len(kept), f"{len(chosen) - len(kept)} patients have no loss under some model"),
    ]
    return tuple(text for count, text in said if count)
