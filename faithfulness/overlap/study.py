"""What is told of one run whose pairs were judged: overlap by group, its controls, and how good the judge is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.case import Case
from affidavit.conditions import Condition
from affidavit.confusion import FloatArray, Statistic
from affidavit.examinations import Claim
from affidavit.records import ExplanationProperty
from affidavit.tally import Tally, tally_outcomes
from faithfulness.conclusions.corrections import DRAWN, cut
from faithfulness.conclusions.gold import NONE, SCORES, Gold
from faithfulness.conclusions.listing import Row, listed
from faithfulness.conclusions.repeats import NO_REPEATS
from faithfulness.conclusions.replies import Replies
from faithfulness.conclusions.told_conditions import ONLY_FULLEST
from faithfulness.conclusions.trust import Agreement, agreement_of, held_back, left_to_corrected
from faithfulness.overlap import layout
from faithfulness.overlap.judge import KINDS, Outcome, OverlapJudge
from faithfulness.overlap.layout import CLUE, CONTROLS, LABEL, REPEAT, Scored
from faithfulness.overlap.pairs import Pairs
from faithfulness.telling import Told, claims_of

NAME: Final = "clue-overlap"
VERSION: Final = "2"
COMPARED: Final = frozenset({CLUE, LABEL})
CORRECTED: Final = frozenset(f"{kind}_overlap_half_rate_corrected" for kind in KINDS)
LEFT_TO_CORRECTED: Final = {
    f"{kind}_overlap_difference": f"{kind}_overlap_half_rate_corrected_difference" for kind in KINDS
}
"""Which gap decides in place of which."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """One run, judged."""

    case: Case
    run: str
    pairs: Pairs
    judge: OverlapJudge
    scored: Scored
    sums: FloatArray
    gold: Gold | None

    def conditions(self) -> list[tuple[str, NDArray[np.int64]]]:
        """Return the conditions with any pair, and which judgements stand under each."""
        names = enumerate(self.case.runs[self.run].conditions)
        asked = [(name, np.flatnonzero(self.pairs.rows["condition"] == code)) for code, name in names]
        return [(name, at) for name, at in asked if len(at) and not Condition.parse(name).intervenes]

    def told(self, condition: str, at: NDArray[np.int64]) -> Told:
        """Return what is told of one condition."""
        repeated = bool(self.sums[at, layout.COLUMNS.index("repeated")].sum())
        code = self.case.runs[self.run].conditions.index(condition)
        missing, silent = self.pairs.unreferenced[code], self.pairs.silent[code]
        return Told(
            examination=NAME,
            version=VERSION,
            run=self.run,
            tally=self._tally(condition, at, self.sums),
            statistics=layout.told(repeated=repeated),
            property=ExplanationProperty.PLAUSIBILITY,
            compared=COMPARED,
            controls=(*CONTROLS, *([REPEAT] if repeated else [])),
            caveats=(
                f"judged by {self.judge.name}",
                *self.replies(at).caveats(),
                *([f"{silent:,} judgements have no rationale and take no part"] if silent else []),
                *([f"{missing:,} rationales have no reference and take no part"] if missing else []),
                *([] if repeated else [NO_REPEATS]),
                *self.pairs.caveats,
            ),
        )

    def replies(self, at: NDArray[np.int64]) -> Replies:
        """Return what came of asking the judge about clues."""
        found = np.bincount(self.scored.own.outcome[at], minlength=len(Outcome))
        asked = int(found.sum() - found[Outcome.EMPTY])
        return Replies(asked=asked, failed=int(found[Outcome.FAILED]), rubbish=int(found[Outcome.RUBBISH]))

    def rows(self, condition: str, at: NDArray[np.int64], *, all_of_them: bool) -> list[Row]:
        """Return what the exhibit lists of one condition: what findings do not tell, or everything."""
        told = self.told(condition, at)
        return listed(self.case, told, (*(told.statistics if all_of_them else ()), *layout.listed()))

    def is_read(self, at: NDArray[np.int64]) -> bool:
        """Say whether people scored any of these judgements."""
        return bool((self.pairs.gold[at] != NONE).any())

    def claims(self, condition: str, at: NDArray[np.int64], *, alone: bool) -> list[Claim]:
        """Return the claims of one condition."""
        told = self.told(condition, at)
        told = told if alone else replace(told, caveats=(*told.caveats, ONLY_FULLEST))
        claims, found = claims_of(self.case, told), []
        for kind in KINDS:
            checks, agreement = self._checked(told, at, kind)
            claims = left_to_corrected(_held(claims, kind, agreement), checks, LEFT_TO_CORRECTED)
            found += checks
        return [*claims, *found]

    def _checked(self, told: Told, at: NDArray[np.int64], kind: str) -> tuple[list[Claim], Agreement]:
        """Return agreement with people and corrected shares, where people scored any of these pairs."""
        statistic = layout.kappa(kind)
        gold = self._people(kind)
        read = at[~np.isnan(gold[at])]
        if not len(read):
            return [], Agreement(metric=statistic.name)
        score: FloatArray = self.scored.own.clue if kind == "clue" else self.scored.own.label
        plain = replace(told, compared=frozenset(), controls=())
        agreed = self._told_of(plain, read, layout.kappa_sums(score, gold), (statistic,))
        agreement = agreement_of(agreed, statistic.name)
        sums, (rate, corrected) = layout.half_sums(score, gold), layout.halves(kind)
        remarks = dict.fromkeys((corrected.name, f"{corrected.name}_difference"), (DRAWN,))
        rates = self._told_of(plain, at, sums, (rate,))
        better = self._told_of(replace(plain, compared=CORRECTED, remarks=remarks), at, sums, (corrected,))
        return [*agreed, *held_back([*rates, *cut(better)], agreement)], agreement

    def _told_of(
        self, told: Told, at: NDArray[np.int64], sums: FloatArray, statistics: Sequence[Statistic]
    ) -> list[Claim]:
        tally = self._tally(told.tally.condition, at, sums)
        return claims_of(self.case, replace(told, tally=tally, statistics=statistics))

    def _people(self, kind: str) -> FloatArray:
        """Return what people gave each judgement, [N]; NaN where nobody did."""
        name = SCORES[KINDS.index(kind)]
        if self.gold is None or name not in self.gold.scores:
            return np.full(len(self.pairs), np.nan)
        return np.where(self.pairs.gold == NONE, np.nan, self.gold.scores[name][np.maximum(self.pairs.gold, 0)])

    def _tally(self, condition: str, at: NDArray[np.int64], sums: FloatArray) -> Tally:
        rows = {name: values[at] for name, values in self.pairs.rows.items()}
        return tally_outcomes(self.case.runs[self.run], self.case.by, condition=condition, rows=rows, sums=sums[at])


def _held(claims: Sequence[Claim], kind: str, agreement: Agreement) -> list[Claim]:
    """Hold back the claims of one kind of score; abstentions are counted and need no judge that is right."""
    own = [claim for claim in claims if claim.finding.metric.startswith(f"{kind}_overlap")]
    held = {claim.finding.id: claim for claim in held_back(own, agreement)}
    return [held.get(claim.finding.id, claim) for claim in claims]
