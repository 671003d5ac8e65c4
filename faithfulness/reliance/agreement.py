"""Do two ways of removing a modality tell the same of which modality matters?

Every operator but the first is held against the first (`absent`, where the table has it), on the utterances judged
under both: the difference of what each modality brings, Shapley value or ablation, whichever both allow; and whether
they put the modalities in the same order. The order is told by Kendall's tau over pairs of modalities,

    tau = mean over pairs of sign(a_m - a_n) sign(b_m - b_n), [-1, 1],

whose bounds come from intervals of all a_m - a_n and b_m - b_n at once (Bonferroni): a pair whose order does not stand
under both operators may be concordant or not. With three modalities tau is -1, -1/3, 1/3 or 1 but for ties, so no
interval is read from resamples of it.

Source: Kendall 1938.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Final

import numpy as np

from affidavit.case import Case
from affidavit.claims import places_under
from affidavit.conditions import MODALITIES
from affidavit.confusion import FloatArray
from affidavit.estimates import estimate_of
from affidavit.examinations import Claim, finding_id, pending
from affidavit.intervals import Measured, Reason, measure
from affidavit.records import Finding, Interval, Refusal
from faithfulness.reliance.games import ablation_over, conditions_of, shapley_over
from faithfulness.reliance.judged import Judged
from faithfulness.reliance.operators import Operator
from faithfulness.reliance.panel import ACCURACY, Panel, panel_of
from faithfulness.reliance.telling import NAME, VERSION, Answer, Number, signed_interval, spoken, tell

DIFFERENCE: Final = "modality_operator_difference"
RANKS: Final = "modality_operator_rank_agreement"
DIFFERENCE_SOURCE: Final = "two operators of removal"
RANKS_SOURCE: Final = "Kendall 1938, over pairs of modalities"
METHOD: Final = "pairs of modalities whose order stands under both operators, Bonferroni"


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranking:
    """How two operators order the modalities: what each pair differs by under both, of everybody."""

    first: tuple[Measured, ...]
    """By pair of modalities."""
    second: tuple[Measured, ...]

    @property
    def value(self) -> float:
        """Kendall's tau."""
        return float(np.mean([np.sign(a.value[0]) * np.sign(b.value[0]) for a, b in self._pairs()]))

    def interval(self, level: float) -> Interval | Reason:
        """Return bounds of tau that hold together with the order of every pair under both operators."""
        each = 1 - (1 - level) / (2 * len(self.first))
        ends = []
        for pair in self._pairs():
            signs = [_sign(measured, each) for measured in pair]
            ends.append((-1, 1) if 0 in signs else (signs[0] * signs[1],) * 2)
        low, high = np.mean(ends, axis=0)
        return Interval(low=float(low), high=float(high), level=level, method=METHOD)

    def _pairs(self) -> list[tuple[Measured, Measured]]:
        return list(zip(self.first, self.second, strict=True))


def agreements(
    case: Case, judged: Judged, operators: Sequence[Operator], *, caveats: tuple[str, ...], noise: list[Claim]
) -> tuple[list[Answer], list[Refusal]]:
    """Return how every operator but the first agrees with the first, and why some cannot be held against it."""
    first, *others = operators
    found = [_agreement(case, judged, (first, other), caveats=caveats, noise=noise) for other in others]
    refused = [_apart(judged, first, other) for other, answer in zip(others, found, strict=True) if answer is None]
    return [answer for answer in found if answer is not None], refused


def _agreement(
    case: Case, judged: Judged, pair: tuple[Operator, Operator], *, caveats: tuple[str, ...], noise: list[Claim]
) -> Answer | None:
    first, second = pair
    letters = [letter for letter in first.singles if letter in second.singles]
    panel = panel_of(
        case,
        judged,
        [condition for operator in pair for condition in conditions_of(operator)],
        name=second.condition,
    )
    if not letters or panel is None:
        return None
    games = first.whole and second.whole
    over = shapley_over if games else ablation_over
    sides = [{letter: over(panel, operator, letter) for letter in letters} for operator in pair]
    said = (
        f"{'Shapley values' if games else 'ablations'} under {second.name} less those under {first.name}",
        *panel.caveats,
        *caveats,
    )
    numbers = [
        Number(
            statistic=panel.linear(
                f"{DIFFERENCE}_{MODALITIES[letter]}",
                ACCURACY,
                sides[1][letter] - sides[0][letter],
                bounds=(-2.0, 2.0),
                source=DIFFERENCE_SOURCE,
            ),
            told="everybody",
        )
        for letter in letters
    ]
    answer = tell(panel, numbers, caveats=said, noise=noise)
    ranked = [_rank_claim(panel, sides, letters, said)] if len(letters) > 1 else []
    return Answer(claims=(*answer.claims, *ranked), rows=answer.rows)


def _apart(judged: Judged, first: Operator, second: Operator) -> Refusal:
    return Refusal(
        examination=NAME,
        run=judged.predictions.run,
        because=f"the operators {first.name} and {second.name} have no modality, or no utterance, in common",
        remedy=f"ask for the same modalities of the same utterances to be removed by {first.name} and {second.name}",
    )


def _rank_claim(
    panel: Panel, sides: Sequence[dict[str, FloatArray]], letters: Sequence[str], said: tuple[str, ...]
) -> Claim:
    evidence = panel.evidence((), ACCURACY)
    first, second = (
        tuple(
            measure(evidence, panel.linear(f"{m} - {n}", ACCURACY, side[m] - side[n], bounds=(-2.0, 2.0), source=""))
            for m, n in combinations(letters, 2)
        )
        for side in sides
    )
    ranking = Ranking(first=first, second=second)
    place = places_under(panel.case, panel.run, panel.tally.condition, examination=NAME, method_version=VERSION)[0]
    interval = ranking.interval(place.level)
    known = first[0]
    estimate = estimate_of(
        ranking.value, interval, n=int(known.n_rows[0]), n_units=int(known.n_units[0]) if place.has_units else None
    )
    verdict, because = pending(estimate)
    finding = Finding(
        id=finding_id(place.run, place.condition, NAME, RANKS),
        examination=NAME,
        method_version=VERSION,
        metric=RANKS,
        higher_is_better=True,
        run=place.run,
        condition=place.condition,
        groups={},
        estimate=estimate,
        verdict=verdict,
        because=because,
        source=RANKS_SOURCE,
    )
    return spoken(Claim(finding=finding, interval_at=partial(Ranking.interval, ranking)), said)


def _sign(measured: Measured, level: float) -> int:
    """Return the sign of a difference that stands at this level, 0 where none does."""
    interval = signed_interval(measured, 0, level)
    if isinstance(interval, str):
        return 0
    return int(interval.low > 0) - int(interval.high < 0)
