"""Sums from hospitals against the same formulas, written out over all patients in one place; and the main engine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.plan import Statistics
from affidavit.testing.tables import case_of
from audit.groups.performance import EXAMINATION as PERFORMANCE
from federated.pooled.estimates import pooled
from federated.pooled.gap_components import GapSetting
from federated.pooled.gaps import measured_gap
from federated.pooled.measures import measures, rates
from federated.pooled.testimony import federated_testimony
from federated.pooled.totals import Totals
from tests.federated.pooled.conftest import LABELS, plan_of, three_hospitals, totals_of

TABLES = three_hospitals()
PLAN = plan_of()
TOTALS = totals_of(TABLES, PLAN, floor=False)
EVERYBODY = pd.concat(TABLES.values(), ignore_index=True)


def rows_of(condition: str, group: dict[str, str]) -> pd.DataFrame:
    """Return the rows of a group, by hand."""
    rows = EVERYBODY[EVERYBODY["condition"] == condition]
    for feature, level in group.items():
        rows = rows[rows[feature] == level]
    return rows


def _accuracy(rows: pd.DataFrame) -> float:
    return float((rows["y_true"] == rows["y_pred"]).mean())


def _recall(rows: pd.DataFrame, label: str) -> float:
    return float((rows.loc[rows["y_true"] == label, "y_pred"] == label).mean())


def _f1(rows: pd.DataFrame, label: str) -> float:
    hits = ((rows["y_true"] == label) & (rows["y_pred"] == label)).sum()
    return float(2 * hits / ((rows["y_true"] == label).sum() + (rows["y_pred"] == label).sum()))


def _uar(rows: pd.DataFrame) -> float:
    return float(np.mean([_recall(rows, label) for label in LABELS]))


def _macro_f1(rows: pd.DataFrame) -> float:
    return float(np.mean([_f1(rows, label) for label in LABELS]))


BY_HAND: dict[str, Callable[[pd.DataFrame], float]] = {
    "accuracy": _accuracy,
    "unweighted_average_recall": _uar,
    "macro_f1": _macro_f1,
}


def class_counts(rows: pd.DataFrame) -> np.ndarray:
    """Return hits, truths and calls of each label, by hand."""
    true, called = rows["y_true"].to_numpy(), rows["y_pred"].to_numpy()
    return np.array(
        [
            *(float(((true == label) & (called == label)).sum()) for label in LABELS),
            *(float((true == label).sum()) for label in LABELS),
            *(float((called == label).sum()) for label in LABELS),
        ]
    )


def _of_counts(metric: str, s: np.ndarray) -> float:
    hits, true, called = s[:3], s[3:6], s[6:]
    if metric == "accuracy":
        return float(hits.sum() / true.sum())
    if metric == "unweighted_average_recall":
        return float(np.mean(hits / true))
    return float(np.mean(2 * hits / (true + called)))


def linearised_twin(rows: pd.DataFrame, metric: str) -> tuple[float, float]:
    """Return value and linearised standard error, patient by patient, with a gradient by complex steps."""
    per_patient = [class_counts(own) for _, own in rows.groupby("unit_id")]
    total = np.sum(per_patient, axis=0)
    step = 1e-30
    gradient = np.array([_complex(metric, total, i, step) / step for i in range(len(total))])
    sizes = np.array([counts[3:6].sum() for counts in per_patient])
    m, worth = len(per_patient), sizes.sum() ** 2 / (sizes**2).sum()
    squares = sum(float(gradient @ counts) ** 2 for counts in per_patient)
    return _of_counts(metric, total), float(np.sqrt((m - 1) / m * (worth / (worth - 1)) ** 2 * squares))


def _complex(metric: str, total: np.ndarray, i: int, step: float) -> float:
    moved = total.astype(complex)
    moved[i] += 1j * step
    hits, true, called = moved[:3], moved[3:6], moved[6:]
    values = {
        "accuracy": hits.sum() / true.sum(),
        "unweighted_average_recall": (hits / true).mean(),
        "macro_f1": (2 * hits / (true + called)).mean(),
    }
    return float(values[metric].imag)


def each_group(totals: Totals) -> list[tuple[int, int, dict[str, str], str]]:
    """Return the groups that anybody is in."""
    return [
        (b, g, dict(group), sums.block.condition)
        for b, sums in enumerate(totals.blocks)
        for g, group in enumerate(sums.block.groups)
        if sums.n_units[g] > 0
    ]


@pytest.mark.parametrize("metric", list(BY_HAND))
def test_points_and_linearised_errors_are_those_of_all_patients_in_one_place(metric: str) -> None:
    measure = next(m for m in measures(LABELS) if m.name == metric)
    groups = each_group(TOTALS)
    assert len(groups) == 2 * (1 + 3 + 2 + 6)  # nobody is unlisted
    for b, g, group, condition in groups:
        rows = rows_of(condition, group)
        value, error = linearised_twin(rows, metric)
        found = pooled(measure, TOTALS.blocks[b])
        assert found.value[g] == pytest.approx(BY_HAND[metric](rows), abs=1e-12)
        assert found.value[g] == pytest.approx(value, abs=1e-12)
        assert found.standard_error[g] == pytest.approx(error, abs=1e-9)
        assert found.n_units[g] == rows["unit_id"].nunique()


def test_sums_of_three_sites_are_those_of_one_site_with_everybody() -> None:
    whole = totals_of({"north": EVERYBODY}, PLAN, floor=False)
    for one, other in zip(TOTALS.blocks, whole.blocks, strict=True):
        assert np.array_equal(one.vector(), other.vector())
    ours = {claim.finding.id: claim.finding.estimate for claim in federated_testimony(TOTALS).claims}
    theirs = {claim.finding.id: claim.finding.estimate for claim in federated_testimony(whole).claims}
    assert ours == theirs
    assert len(ours) == 2 * (3 + 3 * 3 + 2 * 3 + 6 + 3 * 5)


def _main_engine() -> Case:
    statistics = Statistics(n_resamples=2000, n_permutations=199)
    return case_of(EVERYBODY, ("accent", "age"), statistics=statistics)


def test_points_are_the_main_engines_and_intervals_are_near_it() -> None:
    found = [claim.finding for claim in PERFORMANCE.examine(_main_engine()).claims]
    told = {(f.metric, f.compared, tuple(f.groups.items())): f for f in found if f.condition == "TAV"}
    ours = [claim.finding for claim in federated_testimony(TOTALS).claims if claim.finding.condition == "TAV"]
    widths, gaps = [], 0
    for finding in ours:
        theirs = told.get((finding.metric, finding.compared, tuple(finding.groups.items())))
        if theirs is None:
            continue
        gaps += finding.compared is not None
        assert finding.estimate.value == pytest.approx(theirs.estimate.value, abs=1e-9)
        mine, other = finding.estimate.interval, theirs.estimate.interval
        assert mine is not None
        assert other is not None
        widths.append((mine.high - mine.low) / (other.high - other.low))
    assert len(widths) > 20
    assert gaps >= 3
    assert 0.85 < min(widths) <= max(widths) < 1.25, widths
    assert 0.97 < float(np.median(widths)) < 1.1


def test_the_gap_is_the_widest_difference_and_chance_is_beside_it() -> None:
    tables = three_hospitals(60, seed=7)
    totals = totals_of(tables, PLAN, floor=False)
    block = next(b for b in totals.blocks if b.block.features == ("accent",) and b.block.condition == "TAV")
    setting = GapSetting(block=block, statistics=PLAN.statistics, seed=1)
    gap = measured_gap("accuracy_difference", [measures(LABELS)[0]], setting)
    everybody = pd.concat(tables.values())
    everybody = everybody[everybody["condition"] == "TAV"]
    by_hand = [_accuracy(rows) for _, rows in everybody.groupby("accent")]
    assert gap.value == pytest.approx(max(by_hand) - min(by_hand), abs=1e-12)
    assert gap.left_out == ()
    null, test = gap.null_expectation(), gap.test()
    assert null is not None
    assert test is not None
    assert 0 < null.value < null.high < 0.2
    assert test.p_value > 0.05  # equal accents
    recalls = [rate for rate in rates(LABELS) if rate.name == "recall"]
    widest = measured_gap("equal_opportunity_difference_max", recalls, setting)
    spread = [np.ptp([_recall(rows, label) for _, rows in everybody.groupby("accent")]) for label in LABELS]
    assert widest.value == pytest.approx(max(spread), abs=1e-12)


def test_a_planted_gap_is_found_and_its_clean_twin_is_not() -> None:
    from tests.federated.pooled.conftest import SITES, hospital

    planted = {site: hospital(site, n_patients=50, seed=90 + i, rates={"Welsh": 0.45}) for i, site in enumerate(SITES)}
    found = {c.finding.id: c.finding for c in federated_testimony(totals_of(planted, PLAN, floor=False)).claims}
    gap = found["model/TAV/federated-audit/accuracy_difference/between accent"]
    assert gap.test is not None
    assert gap.test.p_value < 1e-4
    assert gap.lowest == "Welsh"
    assert gap.estimate.interval is not None
    assert gap.estimate.interval.low > 0.05
    clean = {c.finding.id: c.finding for c in federated_testimony(TOTALS).claims}
    silent = clean["model/TAV/federated-audit/accuracy_difference/between accent"]
    assert silent.test is not None
    assert silent.test.p_value > 0.05
    assert silent.estimate.interval is not None
    assert silent.estimate.interval.low == 0


def test_a_feature_of_rows_needs_products_between_groups() -> None:
    plan = plan_of(features={"room": ("quiet", "loud")}, of_rows=("room",), conditions=("TAV",), told="secure")
    totals = totals_of(TABLES, plan, floor=False)
    block = totals.blocks[1]
    assert block.block.joint
    tav = EVERYBODY[EVERYBODY["condition"] == "TAV"]
    both = np.zeros((9, 9))
    for _, rows in tav.groupby("unit_id"):
        both += np.outer(class_counts(rows[rows["room"] == "quiet"]), class_counts(rows[rows["room"] == "loud"]))
    assert np.array_equal(block.covered(0, 1), both)
    assert np.array_equal(block.covered(1, 0), both.T)
    gap = measured_gap(
        "accuracy_difference", [measures(LABELS)[0]], GapSetting(block=block, statistics=plan.statistics, seed=1)
    )
    interval = gap.interval(0.95)
    assert not isinstance(interval, str)
    assert interval.method == "simultaneous pairwise linearised t over patients"
    # by hand: the variance of the difference over patients, both rooms together
    totals_by_room = {room: class_counts(rows) for room, rows in tav.groupby("room")}
    parts = []
    for _, rows in tav.groupby("unit_id"):
        part = {}
        for room, whole in totals_by_room.items():
            own = class_counts(rows[rows["room"] == room])
            value = whole[:3].sum() / whole[3:6].sum()
            part[room] = (own[:3].sum() - value * own[3:6].sum()) / whole[3:6].sum()
        parts.append(part["quiet"] - part["loud"])
    pairs = gap.components[0].differences(0.05)
    assert pairs.standard_error[0] == pytest.approx(np.sqrt(np.sum(np.square(parts))), rel=0.03)
