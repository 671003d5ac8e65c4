"""What each judgement adds to the numbers of coherence: its conclusion, its masked conclusion, and what chance gives.

Shuffled control: rationales dealt anew among judgements agree with the answers as often as their labels' frequencies
make them, sum_k E_k P_k / n^2 with E_k conclusions and P_k answers of label k; with the reference, the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from affidavit.confusion import FloatArray, Statistic, divide, ratio_statistic
from faithfulness.conclusions.consistency import COLUMNS, SOURCE, Answers, consistency_statistics, consistency_sums
from faithfulness.conclusions.judge import Conclusions

EPC: Final = "explanation_prediction_consistency"
EEA: Final = "explanation_emotion_accuracy"
FCR: Final = "faithful_consistency_rate"
WRONG_REASON: Final = "right_answer_wrong_explanation_rate"
ABSTAINED: Final = "abstention_rate"
CONTROLS: Final = (f"{EPC}_shuffled", f"{EPC}_masked", f"{EEA}_shuffled")
TOLD: Final = frozenset({EEA, EPC, FCR, WRONG_REASON, ABSTAINED, *CONTROLS})
MASKED: Final = ("judged", "said", "consistent")
SHUFFLED_SOURCE: Final = "rationales dealt anew among judgements, in expectation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How sums [..., S] lie.

    First `COLUMNS`, then those of `MASKED` by the masked judge; then by label conclusions and answers of the judged,
    and conclusions and references of the judged with a reference.
    """

    n_labels: int

    @property
    def n_sums(self) -> int:
        """S."""
        return len(COLUMNS) + len(MASKED) + 4 * self.n_labels

    def sums(self, answers: Answers, conclusions: Conclusions, masked: Conclusions) -> FloatArray:
        """Return what each row adds, [N, S]."""
        plain, hidden = consistency_sums(answers, conclusions), consistency_sums(answers, masked)
        at = [COLUMNS.index(name) for name in MASKED]
        judged = (answers.predicted >= 0) & (conclusions.label >= 0)
        labelled = judged & (answers.truth >= 0)
        marginals = [
            self._told(conclusions.label, judged),
            self._told(answers.predicted, judged),
            self._told(conclusions.label, labelled),
            self._told(answers.truth, labelled),
        ]
        return np.concatenate([plain, hidden[:, at], *marginals], axis=1)

    def _told(self, codes: np.ndarray, chosen: np.ndarray) -> FloatArray:
        return np.asarray(np.eye(self.n_labels)[np.maximum(codes, 0)] * chosen[:, None])

    def told(self, *, labelled: bool) -> tuple[Statistic, ...]:
        """Return what findings tell: the rates that one acts upon, and their controls."""
        return tuple(s for s in self.statistics(labelled=labelled) if s.name in TOLD)

    def listed(self, *, labelled: bool) -> tuple[Statistic, ...]:
        """Return the rest, which an exhibit lists: other quadrants, bounds by what abstentions could hide, proxies."""
        return tuple(s for s in self.statistics(labelled=labelled) if s.name not in TOLD)

    def statistics(self, *, labelled: bool) -> tuple[Statistic, ...]:
        """Return every rate, and the controls: masked label words, and rationales dealt anew."""
        spoken = [self._widened(s) for s in consistency_statistics() if labelled or _needs_no_labels(s.name)]
        return (
            *spoken,
            self._masked(f"{EPC}_masked", "consistent", "judged"),
            self._masked("masked_abstention_rate", "said", "said", less="judged"),
            self._shuffled(f"{EPC}_shuffled", 0),
            *([self._shuffled(f"{EEA}_shuffled", 2)] if labelled else []),
        )

    def _widened(self, statistic: Statistic) -> Statistic:
        """Return a statistic of `COLUMNS` as one of all sums."""
        if statistic.ratio is None:
            raise ValueError(f"{statistic.name} is no ratio of sums")
        above, below = (np.pad(part, (0, self.n_sums - len(part))) for part in statistic.ratio)
        wide = ratio_statistic(
            statistic.name, above, below, source=statistic.source, higher_is_better=statistic.higher_is_better
        )
        return replace(wide, counts_rows=statistic.counts_rows)

    def _masked(self, name: str, over: str, under: str, *, less: str | None = None) -> Statistic:
        weights = {column: np.eye(self.n_sums)[len(COLUMNS) + i] for i, column in enumerate(MASKED)}
        above = weights[over] - (weights[less] if less else 0.0)
        return ratio_statistic(name, above, weights[under], source=SOURCE, higher_is_better=None)

    def _shuffled(self, name: str, first: int) -> Statistic:
        start = len(COLUMNS) + len(MASKED) + first * self.n_labels

        def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
            concluded = sums[..., start : start + self.n_labels]
            answered = sums[..., start + self.n_labels : start + 2 * self.n_labels]
            return divide((concluded * answered).sum(-1), concluded.sum(-1) * answered.sum(-1))

        return Statistic(name=name, value=value, low=0.0, high=1.0, higher_is_better=None, source=SHUFFLED_SOURCE)


def _needs_no_labels(name: str) -> bool:
    return name.startswith((EPC, "outcome_")) or name in {"abstention_rate", "proxy_rate"}
