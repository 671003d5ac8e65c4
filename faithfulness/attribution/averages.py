"""Numbers of single judgements into means with intervals over units: what every live examination of this room tells.

A judgement gives numbers by name, NaN where one is undefined for it. A mean is over the judgements that define it, each
weighed as it was drawn; a quotient divides a sum of one number by the sum of another, over those that define both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

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
        """Return what a judgement adds above and below; nothing where it does not define them."""
        value = numbers.get(self.above or self.metric, np.nan)
        share = 1.0 if self.below is None else numbers.get(self.below, np.nan)
        return (value, share) if np.isfinite(value) and np.isfinite(share) else (0.0, 0.0)

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
    """Metrics that belong together, of the judgements that define the first of them."""

    averages: Sequence[Average]
    property: ExplanationProperty
    by_group: Sequence[str] = ()
    """Metrics that are findings of every group; the others are findings of everybody, and rows of an exhibit."""
    compared: frozenset[str] = frozenset()
    controls: Sequence[str] = ()
    remarks: Mapping[str, tuple[str, ...]] | None = None

    def defined(self, numbers: Sequence[Numbers]) -> Block:
        """Return the block without metrics that no judgement defines: what could not be made is no control."""
        kept = tuple(average for average in self.averages if any(average.pair(one)[1] != 0 for one in numbers))
        there = {average.metric for average in kept}
        return replace(
            self,
            averages=kept,
            by_group=tuple(name for name in self.by_group if name in there),
            compared=self.compared & there,
            controls=tuple(name for name in self.controls if name in there),
        )

    def tally(self, case: Case, drawn: Drawn, numbers: Sequence[Numbers]) -> Tally | None:
        """Return the sums of the judgements that define the first metric; None where none does."""
        pairs = np.array([[average.pair(one) for average in self.averages] for one in numbers]).reshape(
            len(numbers), -1
        )
        told = pairs[:, 1] != 0 if len(pairs) else np.zeros(0, dtype=bool)
        if not told.any():
            return None
        rows = {name: values[told] for name, values in drawn.rows.items()}
        sums = (pairs * drawn.weight[:, None])[told]
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
        tally = block.tally(self.case, drawn, numbers) if block.averages else None
        if tally is None or block.averages[0].metric != first:
            return [], []
        whole = Told(
            examination=self.examination,
            version=self.version,
            run=drawn.predictions.run,
            tally=tally,
            statistics=block.statistics(),
            property=block.property,
            controls=tuple(block.controls),
            caveats=self.caveats,
            remarks=block.remarks or {},
        )
        chosen = [name for name in block.controls if name in block.by_group]
        grouped = replace(
            whole, statistics=block.statistics(block.by_group), compared=block.compared, controls=tuple(chosen)
        )
        claims = claims_of(replace(self.case, depth=0), whole)
        if block.by_group:
            claims += [
                claim for claim in claims_of(self.case, grouped) if claim.finding.groups or claim.finding.compared
            ]
        return claims, self._rows(whole)

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
