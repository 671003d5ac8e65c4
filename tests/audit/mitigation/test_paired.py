"""Before and after over the same rows: equal to pairing by hand, and bounds that cover a change that is known."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from affidavit.confusion import accuracy, class_sums, macro_f1, recall
from affidavit.plan import Statistics
from affidavit.records import Interval
from affidavit.tally import outcome_columns, tally_outcomes
from affidavit.testing import case_of
from audit.mitigation.paired import (
    Pair,
    class_rows,
    over,
    pair_contrasts,
    pair_evidence,
    rates_of,
    widest_pair,
)

LABELS = ("anger", "fear", "joy")
OFFSETS = np.array([[-0.1, 0.0, 0.0], [0.15, 0.0, 0.0]])


def drawn(n_speakers: int, *, per_speaker: int = 8, seed: int = 0) -> pd.DataFrame:
    """Speakers of two accents who lean to `anger`, each by a different amount; what is answered before and after."""
    rng = np.random.default_rng(seed)
    speaker = np.repeat(np.arange(n_speakers), per_speaker)
    accent = speaker % 2
    truth = rng.integers(0, 3, len(speaker))
    scores = rng.normal(0, 1, (len(speaker), 3))
    scores[np.arange(len(speaker)), truth] += 1.8
    scores[:, 0] += rng.normal(0, 0.8, n_speakers)[speaker] + 0.9 * accent
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return pd.DataFrame(
        {
            "utterance_id": [f"u{i}" for i in range(len(speaker))],
            "speaker_id": [f"s{s}" for s in speaker],
            "accent": np.array(["Irish", "Welsh"])[accent],
            "y_true": np.array(LABELS)[truth],
            "y_pred": np.array(LABELS)[shares.argmax(axis=1)],
            "truth": truth,
            "before": shares.argmax(axis=1),
            "after": (shares - OFFSETS[accent]).argmax(axis=1),
        }
    )


def evidence_of(frame: pd.DataFrame):  # noqa: ANN201
    case = case_of(
        frame.drop(columns=["truth", "before", "after"]),
        by=("accent",),
        statistics=Statistics(n_resamples=100, n_permutations=99),
    )
    run = case.runs["run"]
    (rows,) = run.coded_batches(outcome_columns(run, ("accent",)))
    sums = [class_rows(frame["truth"].to_numpy(), frame[when].to_numpy(), 3) for when in ("before", "after")]
    tally = tally_outcomes(run, ("accent",), condition="as-supplied", rows=rows, sums=np.concatenate(sums, axis=1))
    return case.book.evidence_of("run", tally, ("accent",))


PAIR = Pair(rate=rates_of("equalized_odds", LABELS)[1], highest=1, lowest=0, gap=0.3)  # false positive rate of anger


def test_changes_equal_the_difference_of_rates_by_hand() -> None:
    frame = drawn(40)
    evidence = evidence_of(frame)
    for statistic, subset, hit in (
        (accuracy(3), frame, lambda f, when: f[when] == f["truth"]),
        (recall(2, 3), frame[frame["truth"] == 2], lambda f, when: f[when] == 2),
        (rates_of("equalized_odds", LABELS)[1], frame[frame["truth"] != 0], lambda f, when: f[when] == 0),
        (rates_of("demographic_parity", LABELS)[0], frame, lambda f, when: f[when] == 0),
    ):
        for g, accent in enumerate(("Irish", "Welsh")):
            own = subset[subset["accent"] == accent]
            rates = {when: hit(own, when).mean() for when in ("before", "after")}
            for when, expected in (*rates.items(), ("change", rates["after"] - rates["before"])):
                value = over(statistic, when).value(evidence.totals, evidence.totals)  # type: ignore[arg-type]
                assert value[g] == pytest.approx(expected)
    before = frame[frame["truth"] != 0].groupby("accent")["before"].apply(lambda x: (x == 0).mean())
    contrasts = pair_contrasts(pair_evidence(evidence, PAIR), PAIR, "before")
    assert contrasts.difference(0, 1) == pytest.approx(before["Welsh"] - before["Irish"])


def test_only_ratios_can_be_paired() -> None:
    with pytest.raises(ValueError, match="no ratio"):
        over(macro_f1(), "change")


def test_class_rows_add_up_to_class_sums() -> None:
    frame = drawn(20)
    matrix = np.zeros((3, 3))
    np.add.at(matrix, (frame["truth"], frame["before"]), 1)
    rows = class_rows(frame["truth"].to_numpy(), frame["before"].to_numpy(), 3)
    assert rows.sum(axis=0) == pytest.approx(class_sums(matrix.ravel(), 3))


def test_the_widest_pair_is_the_widest() -> None:
    frame = drawn(60)
    first = evidence_of(frame).projected(lambda sums: sums[..., :9])
    pair = widest_pair(first, "demographic_parity", LABELS)
    assert pair is not None
    shares = pd.crosstab(frame["accent"], frame["before"], normalize="index")
    assert pair.rate.label == LABELS[int((shares.max() - shares.min()).idxmax())]
    assert (pair.highest, pair.lowest) == (1, 0)
    assert pair.named == "selection rate of anger"
    assert pair.gap == pytest.approx((shares.max() - shares.min()).max())
    alike = evidence_of(frame.assign(before=0)).projected(lambda sums: sums[..., :9])
    none = widest_pair(alike, "demographic_parity", LABELS)
    assert none is not None
    assert (none.gap, none.highest, none.lowest) == (0, 0, 1), "two groups, though neither is higher"
    alone = evidence_of(frame.assign(accent="Irish")).projected(lambda sums: sums[..., :9])
    assert widest_pair(alone, "demographic_parity", LABELS) is None


@cache
def truth() -> float:
    frame = drawn(60_000, per_speaker=4, seed=99)
    others = frame[frame["truth"] != 0]
    rates = others.assign(b=others["before"] == 0, a=others["after"] == 0).groupby("accent")[["b", "a"]].mean()
    change = rates["a"] - rates["b"]
    return float(change["Welsh"] - change["Irish"])


@pytest.mark.parametrize(("n_speakers", "n"), [(24, 80), pytest.param(80, 400, marks=pytest.mark.slow)])
def test_bounds_of_a_pairs_change_cover_it(n_speakers: int, n: int) -> None:
    held = 0
    for seed in range(n):
        evidence = pair_evidence(evidence_of(drawn(n_speakers, seed=seed)), PAIR)
        interval = pair_contrasts(evidence, PAIR, "change").interval(0, 1, 0.95)
        assert isinstance(interval, Interval)
        held += interval.low <= truth() <= interval.high
    assert held / n >= 0.95 - 3 * (0.95 * 0.05 / n) ** 0.5, held / n
