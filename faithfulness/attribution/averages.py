"""Numbers of single judgements into means with intervals over units: what every live examination of this room tells.

A judgement gives numbers by name, NaN where one is undefined for it. A mean is over the judgements that define it, each
weighed as it was drawn; a quotient divides a sum of one number by the sum of another, over those that define both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from affidavit.case import Case
from affidavit.claims import claim_rows, group_claims, places_under
from affidavit.confusion import FloatArray, Statistic, divide, ratio_statistic
from affidavit.examinations import Claim
from affidavit.exhibit_columns import BY_GROUP
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.intervals import measure
from affidavit.records import ExplanationProperty
from affidavit.tally import Tally, tally_outcomes
from faithfulness.attribution.drawing import Drawn
from faithfulness.telling import Told, claims_of

Numbers = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """One metric."""

    metric: str
    source: str
    low: float = 0.0
    high: float | None = 1.0
    better: bool | None = None
    above: str | None = None
    """The number that is averaged; of the metric's own name where None."""
    below: str | None = None
    """The number that it is divided by, sum over sum; none for a plain mean."""

    def pair(self, numbers: Numbers) -> tuple[float, float]:
        """Return what a judgement adds above and below; NaN where it does not define it."""
        value = numbers.get(self.above or self.metric, np.nan)
        return value, 1.0 if self.below is None else numbers.get(self.below, np.nan)

    def defined(self, numbers: Sequence[Numbers]) -> NDArray[np.bool_]:
        """Return which judgements define it, `[N]`."""
        return np.array([bool(np.isfinite(self.pair(one)).all()) for one in numbers], dtype=bool)

    def statistic(self, place: int, n_sums: int) -> Statistic:
        """Return it as a statistic of sums, in which its two stand at `place` and after."""
        whole = np.eye(n_sums)
        if self.below is None:
            plain = ratio_statistic(
                self.metric,
                whole[place],
                whole[place + 1],
                source=self.source,
                higher_is_better=self.better,
                high=self.high,
            )
            return replace(plain, low=self.low, counts_rows=False)

        def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
            return divide(sums[..., place], sums[..., place + 1])

        return Statistic(
            name=self.metric,
            value=value,
            low=self.low,
            high=self.high,
            higher_is_better=self.better,
            source=self.source,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """Metrics that belong together, each of the judgements that define it; none where nobody defines the first."""

    averages: Sequence[Average]
    property: ExplanationProperty
    by_group: Sequence[str] = ()
    """Metrics that are findings of every group; the others are findings of everybody, and rows of an exhibit."""
    compared: frozenset[str] = frozenset()
    controls: Sequence[str] = ()
    remarks: Mapping[str, tuple[str, ...]] | None = None

    def defined(self, numbers: Sequence[Numbers]) -> Block:
        """Return the block without metrics that no judgement defines: what could not be made is no control."""
        return self.of(tuple(average for average in self.averages if average.defined(numbers).any()))

    def parts(self, numbers: Sequence[Numbers]) -> list[Block]:
        """Return the block cut into such as the same judgements define: a number's n is that of its own judgements."""
        alike: dict[bytes, list[Average]] = {}
        for average in self.averages:
            alike.setdefault(average.defined(numbers).tobytes(), []).append(average)
        return [self.of(tuple(averages)) for averages in alike.values()]

    def of(self, kept: tuple[Average, ...]) -> Block:
        """Return the block of some of its metrics."""
        there = {average.metric for average in kept}
        return replace(
            self,
            averages=kept,
            by_group=tuple(name for name in self.by_group if name in there),
            compared=self.compared & there,
            controls=tuple(name for name in self.controls if name in there),
        )

    def tally(self, case: Case, drawn: Drawn, numbers: Sequence[Numbers]) -> Tally | None:
        """Return the sums of the judgements that define all its metrics; None where none does."""
        told = np.all([average.defined(numbers) for average in self.averages], axis=0)
        if not told.any():
            return None
        rows = {name: values[told] for name, values in drawn.rows.items()}
        pairs = [[number for average in self.averages for number in average.pair(one)] for one in numbers]
        sums = np.array(pairs)[told] * drawn.weight[told, None]
        return tally_outcomes(drawn.predictions, case.by, condition=drawn.condition, rows=rows, sums=sums)

    def statistics(self, names: Sequence[str] | None = None) -> list[Statistic]:
        """Return the metrics of these names, or all of them."""
        n_sums = 2 * len(self.averages)
        return [
            average.statistic(2 * i, n_sums)
            for i, average in enumerate(self.averages)
            if names is None or average.metric in names
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Who tells, and with which reserves."""

    case: Case
    examination: str
    version: str
    caveats: tuple[str, ...]

    def told(self, block: Block, drawn: Drawn, numbers: Sequence[Numbers]) -> tuple[list[Claim], list[dict[str, Cell]]]:
        """Return the claims of a block, and its exhibit's rows: every metric in every group."""
        first = block.averages[0].metric
        block = block.defined(numbers)
        if not block.averages or block.averages[0].metric != first:
            return [], []
        claims: list[Claim] = []
        rows: list[dict[str, Cell]] = []
        for part in block.parts(numbers):
            found, told = self._told(part, drawn, numbers)
            claims, rows = claims + found, rows + told
        return _with_controls(claims, block.controls), rows

    def _told(self, part: Block, drawn: Drawn, numbers: Sequence[Numbers]) -> tuple[list[Claim], list[dict[str, Cell]]]:
        tally = part.tally(self.case, drawn, numbers)
        if tally is None:
            return [], []
        whole = Told(
            examination=self.examination,
            version=self.version,
            run=drawn.predictions.run,
            tally=tally,
            statistics=part.statistics(),
            property=part.property,
            caveats=self.caveats,
            remarks=part.remarks or {},
        )
        claims = claims_of(replace(self.case, depth=0), whole)
        if part.by_group:
            grouped = replace(whole, statistics=part.statistics(part.by_group), compared=part.compared)
            claims += [
                claim for claim in claims_of(self.case, grouped) if claim.finding.groups or claim.finding.compared
            ]
        return claims, self._rows(whole)

    def beats(self, drawn: Drawn, numbers: Sequence[Numbers], *, metric: str, control: str) -> bool:
        """Say whether everybody's mean of a metric lies above its control's beyond chance, judgement by judgement."""
        name = f"{metric} beyond {control}"
        beyond = [{name: one.get(metric, np.nan) - one.get(control, np.nan)} for one in numbers]
        average = Average(metric=name, source="", low=-np.inf, high=None)
        return any(
            float(row["value" if row["low"] is None else "low"] or 0) > 0
            for row in self.everybody(average, drawn, beyond, condition=drawn.condition)
        )

    def everybody(
        self, average: Average, drawn: Drawn, numbers: Sequence[Numbers], *, condition: str
    ) -> list[dict[str, Cell]]:
        """Return an exhibit's row of one number of everybody, under a condition's name; none where it is undefined."""
        block = Block(averages=(average,), property=ExplanationProperty.CAUSAL)
        tally = block.tally(self.case, drawn, numbers)
        if tally is None:
            return []
        run = drawn.predictions.run
        (place,) = places_under(
            replace(self.case, depth=0), run, condition, examination=self.examination, method_version=self.version
        )
        evidence = self.case.book.evidence_of(run, tally, place.family)
        return claim_rows(group_claims(place, measure(evidence, block.statistics()[0]), caveats={}))

    def _rows(self, told: Told) -> list[dict[str, Cell]]:
        rows: list[dict[str, Cell]] = []
        for place in told.places(self.case):
            evidence = told.evidence(self.case, place)
            for statistic in told.statistics:
                rows += claim_rows(group_claims(place, measure(evidence, statistic), caveats={}))
        return rows


def _with_controls(claims: Sequence[Claim], controls: Sequence[str]) -> list[Claim]:
    """Name beside each number of a group the findings that are its controls, of the same group."""
    ids = {
        (claim.finding.metric, *sorted(claim.finding.groups.items())): claim.finding.id
        for claim in claims
        if claim.finding.compared is None
    }
    named = []
    for claim in claims:
        finding = claim.finding
        keys = [(control, *sorted(finding.groups.items())) for control in controls]
        own = tuple(ids[key] for key in keys if key in ids)
        spoken = not own or finding.metric in controls or finding.compared is not None
        named.append(claim if spoken else replace(claim, finding=finding.model_copy(update={"controls": own})))
    return named


def exhibits_by_group(tables: Sequence[tuple[str, str, Sequence[Mapping[str, Cell]]]]) -> tuple[ExhibitTable, ...]:
    """Return an exhibit of each id, title and rows; none of a table without rows."""
    return tuple(
        ExhibitTable(
            id=name,
            title=title,
            columns=BY_GROUP,
            values={column.name: [row[column.name] for row in rows] for column in BY_GROUP},
        )
        for name, title, rows in tables
        if rows
    )
