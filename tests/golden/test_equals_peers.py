"""Values on COMPAS equal those of AIF360 0.6.1 and Aequitas 1.1.0, as written down in compas.json by peers.py."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from affidavit.plan import AuditPlan, Choice, RunSource, Statistics
from affidavit.report import AuditReport
from affidavit.run import audit
from affidavit.testing import case_of
from audit.differential_fairness.examination import EXAMINATION as DIFFERENTIAL_FAIRNESS
from audit.groups.inequality import EXAMINATION as INEQUALITY

pytestmark = pytest.mark.real
PEERS: dict[str, Any] = json.loads((Path(__file__).parent / "compas.json").read_text(encoding="utf-8"))
AIF360: dict[str, float] = PEERS["aif360"]
BY = ("age_cat", "race", "sex")
FAST = Statistics(n_resamples=100, n_permutations=99, compared_units=2)
NAMES = {"tpr": "recall", "fpr": "false_positive_rate", "pprev": "selection_rate", "prev": "base_rate"}


@pytest.fixture(scope="module")
def frame(real_data: Path) -> pd.DataFrame:
    """COMPAS with our column names; rows are people."""
    frame = pd.read_csv(real_data / "compas" / "compas_for_aequitas.csv")
    names = {"entity_id": "utterance_id", "label_value": "y_true", "score": "y_pred"}
    renamed = frame.rename(columns=names)
    return renamed.assign(y_true=renamed["y_true"].astype(int), y_pred=renamed["y_pred"].astype(int))


@pytest.fixture(scope="module")
def report(frame: pd.DataFrame) -> AuditReport:
    examinations = tuple(Choice(name=name) for name in ("performance", "demographic-parity", "equalized-odds"))
    plan = AuditPlan(runs={"r": RunSource(table="t")}, statistics=FAST, examinations=examinations, depth=1)
    return audit(frame, by=BY, plan=plan)


def exhibit(report: AuditReport, name: str) -> pd.DataFrame:
    found = next(e for e in report.exhibits if e.id == name)
    if found.rows is None:
        raise AssertionError(f"{name} is not inline")
    return pd.DataFrame(found.rows, columns=[column.name for column in found.columns])


@pytest.mark.parametrize("attribute", BY)
def test_rates_of_every_group_equal_aequitas(report: AuditReport, attribute: str) -> None:
    rates = pd.concat([exhibit(report, "selection-rates"), exhibit(report, "class-rates")])
    mine = rates[(rates["features"] == attribute) & (rates["class"] == "1")]
    compared = 0
    for level, theirs in PEERS["aequitas"][attribute].items():
        for name, rate in NAMES.items():
            value = mine[(mine["group"] == level) & (mine["rate"] == rate)]["value"].item()
            assert value == pytest.approx(theirs[name], abs=1e-11)
            compared += 1
    assert compared >= 8


def gap(report: AuditReport, metric: str, feature: str = "sex") -> float:
    finding = next(f for f in report.findings if f.metric == metric and f.compared == (feature,))
    assert finding.estimate.value is not None
    return finding.estimate.value


def test_gaps_between_two_groups_equal_aif360(report: AuditReport) -> None:
    parity = AIF360["statistical_parity_difference"]
    assert gap(report, "demographic_parity_difference_max") == pytest.approx(abs(parity), abs=1e-11)
    assert gap(report, "demographic_parity_total_variation") == pytest.approx(abs(parity), abs=1e-11)
    rates = exhibit(report, "selection-rates").query("features == 'sex' and rate == 'selection_rate'")
    women, men = (rates[(rates["group"] == g) & (rates["class"] == "1")]["value"].item() for g in ("Female", "Male"))
    assert women / men == pytest.approx(AIF360["disparate_impact_ratio"], abs=1e-11)
    odds = exhibit(report, "class-rates").query("features == 'sex'")
    apart = {}
    for rate in ("recall", "false_positive_rate"):
        here = odds[(odds["class"] == "1") & (odds["rate"] == rate)].set_index("group")["value"]
        apart[rate] = here["Female"] - here["Male"]
    assert apart["recall"] == pytest.approx(AIF360["equal_opportunity_difference"], abs=1e-11)
    average = (abs(apart["recall"]) + abs(apart["false_positive_rate"])) / 2
    assert average == pytest.approx(AIF360["average_odds_error"], abs=1e-11)
    # for two labels, the widest of recall and its mirror image: what the strict form is, row by row
    assert gap(report, "equalized_odds_strict") == pytest.approx(max(map(abs, apart.values())), abs=1e-11)


def test_inequality_equals_aif360(frame: pd.DataFrame) -> None:
    claims = INEQUALITY.examine(case_of(frame, BY, statistics=FAST)).claims
    found = {(c.finding.metric, c.finding.compared, tuple(c.finding.groups)): c.finding.estimate.value for c in claims}
    assert found["generalized_entropy", None, ()] == pytest.approx(AIF360["generalized_entropy"], abs=1e-11)
    assert found["theil_index", None, ()] == pytest.approx(AIF360["theil_index"], abs=1e-11)
    between = found["generalized_entropy_between", ("race",), ()]
    assert between == pytest.approx(AIF360["generalized_entropy_between_races"], abs=1e-11)


def test_differential_fairness_equals_aif360(frame: pd.DataFrame) -> None:
    """AIF360 spreads its concentration of one over the labels: alpha is a half for two of them."""
    claims = DIFFERENTIAL_FAIRNESS.examine(case_of(frame, ("race",), options={"alpha": 0.5}, statistics=FAST)).claims
    found = {c.finding.metric: c.finding.estimate.value for c in claims if c.finding.compared == ("race",)}
    assert found["differential_fairness_epsilon"] == pytest.approx(AIF360["smoothed_edf_race"], abs=1e-11)
    of_labels = AIF360["smoothed_edf_race_of_labels"]
    assert found["differential_fairness_epsilon_labels"] == pytest.approx(of_labels, abs=1e-11)
