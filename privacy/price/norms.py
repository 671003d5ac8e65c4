"""The gradients of several models for the same patients, counted by unit and group."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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
from privacy.price.gradients import Gradients, Losses, Pieces, gradients_of, pieces_of
from privacy.price.met import met_by
from privacy.price.models import Models, private_of

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
    met = met_by(models.all, _in_any_order(shared, asked.seed), at_most=asked.most_units, progress=case.progress)
    chosen, turns = sorted(met.strangers), _turns(models)
    found: list[dict[str, Gradients]] = []
    for done, model in enumerate(models.all, start=1):
        clip = model.card.clip_norm if asked.clip_norm is None else asked.clip_norm
        found.append(_of_model(case.live[model.run], turns[model.run], chosen, clip, asked.seed))
        case.progress("taking gradients of every model", done, len(models.all))
    kept = [unit for unit in chosen if all(unit in own for own in found)]
    if not kept:
        return None
    features = tuple(f for f in case.by if base.features.get(f, Feature()).level == "unit")
    others = len(shared) - len(chosen) - len(met.trained)
    return Norms(
        base=base,
        condition=base.conditions[0],
        features=features,
        tally=_tally(base, features, kept, found),
        caveats=(*met.caveats, *_caveats(case, base, others=others, unable=len(chosen) - len(kept), n=len(chosen))),
    )


def _in_any_order(units: Collection[str], seed: int) -> list[str]:
    names = sorted(units)
    return [names[i] for i in np.random.default_rng(seed_of(seed, "patients")).permutation(len(names))]


def _turns(models: Models) -> dict[str, int]:
    """Return how many turns a piece has for each run: twins are cut as private models where those are alike."""
    own = {model.run: model.card.max_turns or MAX_TURNS for model in models.all}
    private = {own[model.run] for model in private_of(models)}
    if len(private) == 1:
        own.update({model.run: next(iter(private)) for model in models.twins})
    return own


def _of_model(
    live: Live, max_turns: int, units: Sequence[str], clip_norm: float | None, seed: int
) -> dict[str, Gradients]:
    cut: Pieces = pieces_of(live.corpus.utterances, max_turns=max_turns)
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


def _caveats(case: Case, base: Predictions, *, others: int, unable: int, n: int) -> tuple[str, ...]:
    passed_over = [name for name in case.by if base.features.get(name, Feature()).level != "unit"]
    said = [
        (others, f"{n} patients, drawn at random; {others} more were not looked at"),
        (unable, f"{unable} patients have no loss under some model"),
        (passed_over, f"a gradient is of a patient, and {', '.join(passed_over)} may differ within one: not compared"),
        ("weight" in base.columns, "weights are not used: a patient counts once"),
    ]
    return tuple(text for there, text in said if there)
