"""Causal concept faithfulness: does a rationale state a concept the more, the more the concept moves the answer?

Within each judgement, the effect of each concept (its divergence; the share of changed answers where the table has no
probabilities, under another name) and whether it is stated are standardised over concepts; their slope is a
correlation. Reported is the posterior mean of the mean slope over units (`affidavit.statistics.hierarchical_slope`):
1 states exactly what moves the answer, 0 states anything. A judgement whose concepts all move it alike, or are all
stated alike, has no slope: a rationale that names everything has none, ever. A slope is a correlation, so intervals
end at -1 and 1, beyond which the posterior's normal tails reach. Weights count relative to each other, as so many
judgements as they are worth (Kish 1965): weights of 1,000 each are no more evidence than weights of 1.

Unlike Matton et al., who read the explanation of the original question alone, a concept counts as stated where either
the judgement's rationale or its rendering's states it (see `faithfulness.concepts.effects`), and intervals are over
units.

Source: Matton et al. 2025.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.case import Case
from affidavit.claims import Place, places_under
from affidavit.confusion import FloatArray
from affidavit.estimates import estimate_of
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, finding_id, pending
from affidavit.records import ExplanationProperty, Finding, Interval
from affidavit.statistics.hierarchical_slope import SlopePosterior, SlopeSums, slope_posterior, standardised
from affidavit.tally import Tally, tally_outcomes
from faithfulness.concepts.effects import Effects

BY_DIVERGENCE: Final = "causal_concept_faithfulness"
BY_FLIPS: Final = "flip_concept_faithfulness"
SOURCE: Final = "Matton et al. 2025; units added"
METHOD: Final = "posterior of the mean slope over units"
LEAST_SD: Final = 1e-6
"""Effects that differ by less (nats, or shares) are the same: rounding of a live model is no effect."""
FEWEST: Final = 2
"""Concepts that a judgement needs, and units that an interval needs."""
_PARTS: Final = 5
"""Sums of each number of concepts: judgements, slopes, squares, shuffled slopes, their squares."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Slopes:
    """The slopes of the judgements beside one base condition, reduced to sums."""

    run: str
    metric: str
    tally: Tally
    points: tuple[int, ...]
    """Numbers of concepts; each has `_PARTS` sums. The last sum of all is of weights, so that it is one of squares."""
    without: int
    """Judgements that have no slope."""

    def sums(self, evidence: Evidence, group: int, *, shuffled: bool) -> SlopeSums:
        """Return what the posterior of one group needs."""
        grouped = evidence.grouped
        rows = grouped.group == group
        values = np.repeat(grouped.sums[rows], grouped.copies[rows], axis=0)
        blocks = values[:, :-1].reshape(len(values), len(self.points), _PARTS)
        squared = values[:, -1].sum()
        worth = blocks[..., 0].sum() / squared if squared > 0 else 0.0
        n, total, squares = (blocks[..., part] * worth for part in ((0, 3, 4) if shuffled else (0, 1, 2)))
        return SlopeSums(points=np.array(self.points), n=n, total=total, squares=squares)


def slopes(case: Case, effects: Effects) -> Slopes | None:
    """Return the slopes of a run's judgements; None where no judgement has one."""
    names = [name for name, effect in effects.of.items() if effect.judged.any()]
    if len(names) < FEWEST:
        return None
    probable = effects.repeated is not None
    moved = np.stack([effects.of[n].divergence if probable else effects.of[n].flipped for n in names], axis=1)
    said = np.stack([_stated(effects, name) for name in names], axis=1)
    x, y, points = standardised(moved, said, least_sd=LEAST_SD)
    has = ~(np.isnan(x).any(axis=1) | np.isnan(y).any(axis=1))
    if not has.any():
        return None
    sizes = tuple(range(FEWEST, len(names) + 1))
    real, dealt = (x * y).sum(axis=1), (x * _dealt(effects, y)).sum(axis=1)
    both = np.clip(np.stack([real, dealt], axis=1)[has] / points[has, None], -1.0, 1.0)
    blocks = np.stack([np.ones(len(both)), both[:, 0], both[:, 0] ** 2, both[:, 1], both[:, 1] ** 2], axis=1)
    placed = (points[has, None] == np.array(sizes))[:, :, None] * blocks[:, None, :]
    judgements = effects.judgements
    weight = judgements.rows.get("weight", np.ones_like(points, dtype=np.float64))[has]
    return Slopes(
        run=judgements.predictions.run,
        metric=BY_DIVERGENCE if probable else BY_FLIPS,
        tally=tally_outcomes(
            judgements.predictions,
            case.by,
            condition=f"{judgements.condition}/concepts",
            rows={name: values[has] for name, values in judgements.rows.items()},
            sums=np.column_stack([placed.reshape(len(both), -1), weight]),
        ),
        points=sizes,
        without=int((~has).sum()),
    )


def _stated(effects: Effects, name: str) -> FloatArray:
    """Return the share of levels at which a concept is stated, of those where that is known; NaN where it is not."""
    effect = effects.of[name]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(effect.known > 0, effect.stated / effect.known, np.nan)


def _dealt(effects: Effects, y: FloatArray) -> FloatArray:
    """Return the mean standardised statement [N, C] of judgements with the same answer: dealt anew, in expectation."""
    answer = effects.judgements.answer
    there = np.asarray(~np.isnan(y).any(axis=1))
    n_labels = len(effects.judgements.predictions.labels)
    n = np.bincount(answer[there], minlength=n_labels)
    columns = [np.bincount(answer[there], weights=column[there], minlength=n_labels) for column in y.T]
    return np.asarray((np.stack(columns, axis=1) / np.maximum(n, 1)[:, None])[answer])


def slope_claims(case: Case, found: Slopes, *, examination: str, version: str, caveats: tuple[str, ...]) -> list[Claim]:
    """Return the claims of every group, each beside its control: the same of shuffled rationales."""
    claims: list[Claim] = []
    condition = found.tally.condition
    for place in places_under(case, found.run, condition, examination=examination, method_version=version):
        evidence = case.book.evidence_of(found.run, found.tally, place.family)
        for group in range(len(evidence.grouped.groups)):
            shuffled = _claim(place, evidence, found, group, shuffled=True, caveats=caveats)
            real = _claim(place, evidence, found, group, shuffled=False, caveats=caveats)
            controls = {"controls": (shuffled.finding.id,)}
            claims += [Claim(finding=real.finding.model_copy(update=controls), interval_at=real.interval_at), shuffled]
    return claims


def _claim(
    place: Place, evidence: Evidence, found: Slopes, group: int, *, shuffled: bool, caveats: tuple[str, ...]
) -> Claim:
    metric = f"{found.metric}_shuffled" if shuffled else found.metric
    sums = found.sums(evidence, group, shuffled=shuffled)
    n = round(float(evidence.grouped.rows()[group]))
    n_units = int((sums.n.sum(axis=1) > 0).sum())
    posterior = slope_posterior(sums) if sums.n.sum() > 0 else None
    groups = evidence.grouped.groups[group]
    interval = interval_of(posterior, n_units, place.level)
    estimate = estimate_of(
        None if posterior is None else posterior.mean, interval, n=n, n_units=n_units if place.has_units else None
    )
    verdict, because = pending(estimate)
    finding = Finding(
        id=finding_id(place.run, place.condition, place.examination, metric, groups=groups),
        examination=place.examination,
        method_version=place.method_version,
        metric=metric,
        higher_is_better=None if shuffled else True,
        property=ExplanationProperty.CAUSAL,
        run=place.run,
        condition=place.condition,
        groups=groups,
        estimate=estimate,
        verdict=verdict,
        because=because,
        source=SOURCE,
        caveats=caveats,
    )
    return Claim(finding=finding, interval_at=lambda level: interval_of(posterior, n_units, level))


def interval_of(posterior: SlopePosterior | None, n_units: int, level: float) -> Interval | str:
    """Return the interval at a level, or the reason why there is none."""
    if posterior is None:
        return "undefined: no judgement whose concepts differ both in effect and in being stated"
    if n_units < FEWEST:
        return "one unit alone says nothing of how units differ"
    bounds = posterior.bounds(level)
    low, high = (float(np.clip(end, -1.0, 1.0)) for end in (bounds.low, bounds.high))
    return Interval(low=low, high=high, level=level, method=METHOD)
