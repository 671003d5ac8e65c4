"""What one intervention did in one trial, as claims and as rows of exhibits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Final

from affidavit.claims import group_name, level_cells
from affidavit.confusion import accuracy
from affidavit.estimates import estimate_cells
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, finding_id, pending
from affidavit.exhibits import Cell
from affidavit.gaps import group_label
from affidavit.intervals import measure
from affidavit.records import DetectableEffect, Estimate, Finding, Interval
from audit.contrasts import signed_estimate, signed_interval
from audit.mitigation.material import IntArray
from audit.mitigation.methods import Method
from audit.mitigation.paired import Pair, When, gap_over, over, pair_contrasts, pair_evidence, widest_pair, worst_group
from audit.mitigation.recipe import Constraint, Recipe
from audit.mitigation.trial import NAME, VERSION, Trial

CONSTRAINTS: Final[tuple[Constraint, ...]] = ("demographic_parity", "equalized_odds")
ENDINGS: Final = (
    "accuracy_change",
    "worst_group_accuracy_change",
    *(f"{constraint}_change" for constraint in CONSTRAINTS),
)
NO_PAIR: Final = "fewer than two groups can be compared"
Row = dict[str, Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A difference between two groups, signed as it stood where the pair was picked: before, after, and its change."""

    before: Interval
    after: Interval
    change: Interval
    smaller: bool
    """Whether the estimate is closer to none after than before."""

    @property
    def said(self) -> str:
        """What came of it, in words."""
        turned = self.after.high < 0
        if self.before.low <= 0:
            made = ", and it made one the other way round" if turned else ""
            return f"no gap between them is shown on held-out units before it{made}"
        if self.change.low > 0:
            return "it widened the gap on held-out units"
        if self.change.high >= 0:
            return "it is not shown to have narrowed the gap on held-out units"
        if turned and not self.smaller:
            return "it turned the gap round on held-out units, and made it no smaller"
        return f"it narrowed the gap on held-out units{' and turned it round' if turned else ''}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Told:
    """An intervention's answers for the held-out half, and what they changed."""

    trial: Trial
    method: Method
    recipe: Recipe
    answers: IntArray
    left: tuple[str, ...]
    """Groups whose answers it could not change."""

    @cached_property
    def evidence(self) -> Evidence:
        """Sums before and after, by group."""
        return self.trial.held_out(self.answers, (self.trial.feature,))

    @cached_property
    def everybody(self) -> Evidence:
        """Sums before and after."""
        return self.trial.held_out(self.answers, ())

    def claims(self) -> list[Claim]:
        """Return its price for everybody and for the group that fared worst, and what it did to two gaps."""
        worst = worst_group(self.trial.fitting, self.trial.sample.n_labels)
        return [
            self._accuracy("accuracy_change", self.everybody, 0, self._price()),
            self._accuracy("worst_group_accuracy_change", self.evidence, worst, self._worst(worst)),
            *(self._gap(constraint) for constraint in CONSTRAINTS),
        ]

    def _price(self) -> tuple[str, ...]:
        feature = self.trial.feature
        if not self.method.needs_group:
            return (f"once fitted it needs nobody's {feature}",)
        lawful = f"it decides by the {feature} of everybody who is judged, which has to be known and may be unlawful"
        return (lawful, *([f"left as they were, for want of units: {', '.join(self.left)}"] if self.left else []))

    def _worst(self, group: int | None) -> tuple[str, ...]:
        if group is None:
            return ()
        return (f"{group_label(self.evidence, group)}, which had the lowest accuracy in the other half",)

    def _accuracy(self, ending: str, evidence: Evidence, group: int | None, caveats: tuple[str, ...]) -> Claim:
        has_units, level = self.trial.place.has_units, self.trial.place.level
        if group is None:
            estimate = Estimate(value=None, why_no_interval=NO_PAIR, n=0, n_clusters=0 if has_units else None)
            return self._claim(ending, estimate, lambda _: NO_PAIR, caveats=caveats)
        measured = measure(evidence, over(accuracy(self.trial.sample.n_labels), "change"))
        estimate = signed_estimate(measured, group, level, has_units=has_units)
        return self._claim(ending, estimate, partial(signed_interval, measured, group), caveats=caveats)

    def _gap(self, constraint: Constraint) -> Claim:
        pair, ending = self._pair(constraint), f"{constraint}_change"
        has_units, level = self.trial.place.has_units, self.trial.place.level
        contrasts = None if pair is None else pair_contrasts(pair_evidence(self.evidence, pair), pair, "change")
        if pair is None or contrasts is None or len(contrasts.compared) < 2:
            estimate = Estimate(value=None, why_no_interval=NO_PAIR, n=0, n_clusters=0 if has_units else None)
            return self._claim(ending, estimate, lambda _: NO_PAIR, caveats=self._aim(constraint))
        estimate = contrasts.estimate(0, 1, level, has_units=has_units)
        caveats = (*self._aim(constraint), *self._came_of(pair, estimate))
        claim = self._claim(
            ending,
            estimate,
            partial(contrasts.interval, 0, 1),
            caveats=caveats,
            detectable=contrasts.detectable(0, 1, level),
        )
        named = {
            "highest": group_label(self.evidence, pair.highest),
            "lowest": group_label(self.evidence, pair.lowest),
            "label": pair.rate.label,
        }
        return replace(claim, finding=claim.finding.model_copy(update=named), unassessed=self.left)

    def _pair(self, constraint: Constraint) -> Pair | None:
        return widest_pair(self.trial.fitting, constraint, self.trial.labels)

    def _aim(self, constraint: Constraint) -> tuple[str, ...]:
        aimed = self.method.aims(self.recipe) == constraint
        return ("this is the gap that it aims at",) if aimed else ("it does not aim at this gap",)

    def _came_of(self, pair: Pair, change: Estimate) -> tuple[str, ...]:
        """Return what happened to the difference between the pair, in words."""
        chosen = "the pair furthest apart" if pair.gap > 0 else "in which no two groups were apart"
        picked = f"{pair.named}, {chosen} in the other half"
        level, evidence = self.trial.place.level, pair_evidence(self.evidence, pair)
        before, after = (pair_contrasts(evidence, pair, when) for when in ("before", "after"))
        bounds = [one.interval(0, 1, level) for one in (before, after)]
        if change.interval is None or not isinstance(bounds[0], Interval) or not isinstance(bounds[1], Interval):
            return (picked,)
        moved = Moved(
            before=bounds[0],
            after=bounds[1],
            change=change.interval,
            smaller=abs(after.difference(0, 1)) < abs(before.difference(0, 1)),
        )
        return (picked, moved.said)

    def _claim(
        self,
        ending: str,
        estimate: Estimate,
        interval_at: Callable[[float], Interval | str],
        *,
        caveats: tuple[str, ...],
        detectable: DetectableEffect | None = None,
    ) -> Claim:
        verdict, because = pending(estimate)
        trial, metric = self.trial, f"{self.method.prefix}_{ending}"
        against = () if trial.label is None else (f"{trial.label} against the rest",)
        finding = Finding(
            id=finding_id(trial.run, trial.place.condition, NAME, metric, *against, compared=(trial.feature,)),
            examination=NAME,
            method_version=VERSION,
            metric=metric,
            higher_is_better=True if ending.endswith("accuracy_change") else None,  # a gap can be turned round
            run=trial.run,
            condition=trial.place.condition,
            groups={},
            compared=(trial.feature,),
            label=trial.label,
            estimate=estimate,
            minimum_detectable_effect=detectable,
            verdict=verdict,
            because=because,
            source=self.method.source,
            caveats=(*against, *caveats),
        )
        return Claim(finding=finding, interval_at=interval_at)

    def price_rows(self, when: When) -> list[Row]:
        """Return the accuracy of everybody and of every group, before, after, or how it changed."""
        place, rows = self.trial.place, []
        for evidence in (self.everybody, self.evidence):
            measured = measure(evidence, over(accuracy(self.trial.sample.n_labels), when))
            for group, groups in enumerate(measured.groups):
                estimate = signed_estimate(measured, group, place.level, has_units=place.has_units)
                rows.append(
                    self._row("accuracy", when, estimate) | {"group": group_name(groups), **level_cells(groups)}
                )
        return rows

    def gap_rows(self, when: When) -> list[Row]:
        """Return the gaps over all groups and labels, and between the pairs that were picked, before or after."""
        place, rows = self.trial.place, []
        for constraint in CONSTRAINTS:
            gap = gap_over(self.evidence, constraint, self.trial.labels, when)
            chance = gap.null_expectation()
            row = self._row(gap.kind.name, when, gap.estimate(place.level, has_units=place.has_units))
            rows.append(row | {"chance": None if chance is None else chance.value, "between": "every group"})
            pair = self._pair(constraint)
            if pair is None:
                continue
            contrasts = pair_contrasts(pair_evidence(self.evidence, pair), pair, when)
            if len(contrasts.compared) == 2:
                names = [group_label(self.evidence, group) for group in (pair.highest, pair.lowest)]
                estimate = contrasts.estimate(0, 1, place.level, has_units=place.has_units)
                shown = self._row(f"{constraint}_of_pair", when, estimate)
                rows.append(shown | {"chance": None, "between": f"{pair.named}: {names[0]} less {names[1]}"})
        return rows

    def _row(self, metric: str, when: When, estimate: Estimate) -> Row:
        return {
            "run": self.trial.run,
            "condition": self.trial.place.condition,
            "features": self.trial.feature,
            "intervention": self.method.name,
            "needs_group": "yes" if self.method.needs_group else "no",
            "against_rest": self.trial.label,
            "metric": metric,
            "when": when,
            **estimate_cells(estimate),
        }
