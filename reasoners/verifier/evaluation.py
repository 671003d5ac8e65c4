"""How well does a verifier read, emotion by emotion and group by group, with intervals over units?

A verifier that misreads one group more often makes a gap where there is none: look here before trusting any. What is
scored is the set of emotions that the rewards count (`reading.spoken`), so the numbers are those of the very rule.

Source: Rha et al. 2026 (the rule); F1 = 2 tp / (2 tp + fp + fn).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from affidavit.confusion import ratio_statistic
from affidavit.evidence import Evidence
from affidavit.grouped_sums import GroupedSums
from affidavit.intervals import measure
from affidavit.plan import Statistics
from affidavit.records import Estimate
from affidavit.statistics.bootstrap import UnitResampler
from reasoners.verifier.emotions import EMOTIONS
from reasoners.verifier.examples import Example
from reasoners.verifier.fitting import CrossFitted
from reasoners.verifier.reading import spoken

_F1: Final = replace(
    ratio_statistic("f1", np.array([2.0, 0, 0]), np.array([2.0, 1, 1]), source="Rha et al. 2026"), counts_rows=False
)
EVERYBODY: Final = "everybody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How well one emotion is read in one group."""

    emotion: str
    feature: str | None
    """None for everybody."""
    group: str
    n_sentences: int
    """Sentences of the group that speak of the emotion."""
    f1: Estimate

    def record(self) -> dict[str, Any]:
        """Return it as a card keeps it."""
        told = {"emotion": self.emotion, "feature": self.feature, "group": self.group, "n_sentences": self.n_sentences}
        return {**told, "f1": self.f1.model_dump(mode="json")}


def scores_of(
    examples: Sequence[Example],
    found: CrossFitted,
    *,
    by: Sequence[str] = (),
    statistics: Statistics | None = None,
    has_units: bool = True,
) -> list[Score]:
    """Return a score for every emotion that any sentence speaks of, of everybody and of each group."""
    chosen = statistics or Statistics()
    said = [spoken(row) for row in found.probabilities]
    there = sorted({index for example in examples for index in example.emotions})
    scores: list[Score] = []
    for feature in (None, *by):
        groups = [EVERYBODY if feature is None else example.groups[feature] for example in examples]
        for index in there:
            scores += _of_emotion(index, examples, said, groups, feature, chosen, has_units=has_units)
    return scores


def told_scores(scores: Sequence[Score]) -> list[str]:
    """Return the scores as lines of a table, for people."""
    head = f"{'emotion':<16} {'group':<24} {'sentences':>9}  F1 (interval over units)"
    return [head, *(_line(score) for score in scores)]


def _line(score: Score) -> str:
    estimate, interval = score.f1, score.f1.interval
    value = "undefined" if estimate.value is None else f"{estimate.value:.2f}"
    bounds = (
        f"({interval.low:.2f} to {interval.high:.2f})" if interval else f"(no interval: {estimate.why_no_interval})"
    )
    where = score.group if score.feature is None else f"{score.feature}: {score.group}"
    return f"{score.emotion:<16} {where:<24} {score.n_sentences:>9}  {value} {bounds}"


def _of_emotion(  # noqa: PLR0913 - one cell of a table
    index: int,
    examples: Sequence[Example],
    said: Sequence[frozenset[int]],
    groups: Sequence[str],
    feature: str | None,
    statistics: Statistics,
    *,
    has_units: bool,
) -> list[Score]:
    levels = sorted(set(groups))
    units = {unit: i for i, unit in enumerate(sorted({example.unit for example in examples}))}
    sums: dict[tuple[int, int], np.ndarray[Any, Any]] = {}
    for example, spoken_of, group in zip(examples, said, groups, strict=True):
        row = sums.setdefault((units[example.unit], levels.index(group)), np.zeros(4))
        is_so, is_said = index in example.emotions, index in spoken_of
        row += [is_so and is_said, is_said and not is_so, is_so and not is_said, 1]
    places = sorted(sums)
    grouped = GroupedSums(
        sums=np.array([sums[place][:3] for place in places]),
        n_rows=np.array([sums[place][3] for place in places], dtype=np.int64),
        unit=np.array([unit for unit, _ in places], dtype=np.int64),
        group=np.array([group for _, group in places], dtype=np.int64),
        n_units=len(units),
        groups=tuple({} if feature is None else {feature: level} for level in levels),
    )
    resampler = UnitResampler(n_units=len(units), n_resamples=statistics.n_resamples, seed=0)
    evidence = Evidence(grouped=grouped, options=statistics, resampler=resampler, seed=0)
    measured = measure(evidence, _F1)
    totals: Mapping[int, float] = dict(enumerate(evidence.totals[:, 0] + evidence.totals[:, 2]))
    return [
        Score(
            emotion=EMOTIONS[index],
            feature=feature,
            group=level,
            n_sentences=round(totals[i]),
            f1=measured.estimate(i, statistics.level, has_units=has_units),
        )
        for i, level in enumerate(levels)
    ]
