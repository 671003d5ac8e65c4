"""The control map: a status for each requirement, by planted reports and dossiers."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from affidavit.disclosure.legend import RULE
from affidavit.records import Estimate, Exhibit, ExhibitColumn, Refusal, Verdict
from affidavit.report import AuditReport
from reports.law.applicability import Applies
from reports.law.control_map import Kind, Material, Reference, Row, Status, control_map
from reports.law.pack import shipped_packs
from reports.law.scope import observed_in
from reports.law.testimony import Testimony, gate

WHO = {"by": "A. Example", "role": "head of clinic", "date": "2026-11-20"}
PERFORMANCE = {"examination": "performance", "metric": "accuracy"}
BIAS = {"examination": "equalized-odds", "metric": "equalized_odds_difference_max"}
Planted = Callable[..., AuditReport]
Signed = Callable[..., Testimony]


def rows_of(report: AuditReport, testimony: Testimony, today: datetime.date) -> dict[str, Row]:
    decision = gate(testimony, today=today, observed=observed_in(report))
    material = Material(report=report, testimony=testimony, decision=decision, today=today)
    return {row.requirement.id: row for _, rows in control_map(shipped_packs(), material) for row in rows}


@pytest.fixture
def rows(today: datetime.date, signed: Signed) -> Callable[..., dict[str, Row]]:
    def of(report: AuditReport, testimony: Testimony | None = None) -> dict[str, Row]:
        return rows_of(report, signed() if testimony is None else testimony, today)

    return of


Rows = Callable[..., dict[str, Row]]
ACCURACY, ODDS = "eu-ai-act.art-15.1", "eu-ai-act.art-10.2-g"


def test_every_requirement_has_one_row(planted: Planted, rows: Rows) -> None:
    assert set(rows(planted())) == {one.id for pack in shipped_packs() for one in pack.requirements}


def test_a_passed_criterion_meets(planted: Planted, rows: Rows) -> None:
    row = rows(planted(PERFORMANCE | {"held": True, "verdict": Verdict.PASS}))[ACCURACY]
    assert (row.status, row.gap, row.supplied_by) == (Status.MET, "", "")
    assert row.evidence == (Reference(kind=Kind.FINDING, id="planted/0"),)


def test_a_failed_criterion_speaks_against_it(planted: Planted, rows: Rows) -> None:
    row = rows(
        planted(
            PERFORMANCE | {"held": True, "verdict": Verdict.PASS}, PERFORMANCE | {"held": True, "verdict": Verdict.FAIL}
        )
    )[ACCURACY]
    assert row.status is Status.AGAINST
    assert row.gap == "1 finding held against a criterion failed: planted/1"
    assert row.supplied_by == "the provider"


def test_where_only_telling_is_asked_a_failure_is_named_and_no_failure(planted: Planted, rows: Rows) -> None:
    row = rows(planted(PERFORMANCE | {"held": True, "verdict": Verdict.FAIL}))["eu-ai-act.art-15.3"]
    assert row.status is Status.MET
    assert row.gap == "1 finding held against a criterion failed: planted/0"


def test_a_failure_speaks_against_it_whatever_else_is_missing(planted: Planted, rows: Rows, signed: Signed) -> None:
    failed = planted({"examination": "representation", "held": True, "verdict": Verdict.FAIL})
    assert rows(failed, signed(intended_purpose=None))["eu-ai-act.art-10.3"].status is Status.AGAINST


def test_an_inconclusive_criterion_decides_nothing(planted: Planted, rows: Rows) -> None:
    row = rows(
        planted(
            PERFORMANCE | {"held": True, "verdict": Verdict.PASS},
            PERFORMANCE | {"held": True, "verdict": Verdict.INCONCLUSIVE},
        )
    )[ACCURACY]
    assert row.status is Status.UNDECIDED
    assert "could not be decided: planted/1" in row.gap


def test_evidence_without_a_criterion_decides_nothing(planted: Planted, rows: Rows) -> None:
    row = rows(planted(BIAS))[ODDS]
    assert row.status is Status.UNDECIDED
    assert row.gap == "no criterion of a policy was held against this evidence"


def test_no_evidence_is_missing_and_says_what_would_be(planted: Planted, rows: Rows) -> None:
    row = rows(planted())[ODDS]
    assert row.status is Status.MISSING
    assert "not measured: none of demographic-parity" in row.gap
    assert row.supplied_by == "the provider"


def test_an_undefined_value_is_no_evidence(planted: Planted, rows: Rows) -> None:
    undefined = Estimate(value=None, why_no_interval="no rows", n=0, n_clusters=0)
    row = rows(planted(BIAS | {"estimate": undefined}))[ODDS]
    assert (row.status, row.evidence) == (Status.MISSING, ())
    assert row.gap == "every value that was measured is undefined"


def test_a_refusal_says_why_nothing_was_measured(planted: Planted, rows: Rows) -> None:
    refusal = Refusal(examination="equalized-odds", because="there are no labels", remedy="bring labels")
    row = rows(planted(refusals=(refusal,)))[ODDS]
    assert row.gap == "equalized-odds could not answer: there are no labels; bring labels"


def test_a_metric_by_name_is_evidence_too(planted: Planted, rows: Rows) -> None:
    gap = {"examination": "somebody-else-s", "metric": "accuracy_difference"}
    assert rows(planted(gap))[ODDS].evidence == (Reference(kind=Kind.FINDING, id="planted/0"),)


def test_exhibits_that_findings_cite_are_evidence(planted: Planted, rows: Rows) -> None:
    exhibit = Exhibit(
        id="class-rates", title="Rates", examination="equalized-odds", columns=(), n_rows=0, digest="d",
        releasable=True, rows=(),
    )  # fmt: skip
    report = planted(BIAS | {"exhibits": ("class-rates", "gone")}, exhibits=(exhibit,))
    assert Reference(kind=Kind.EXHIBIT, id="class-rates") in rows(report)[ODDS].evidence


def test_statements_meet_what_asks_for_statements(planted: Planted, rows: Rows) -> None:
    row = rows(planted())["eu-ai-act.art-14.4"]
    assert row.status is Status.MET
    assert {reference.id for reference in row.evidence} == {"oversight_person", "oversight_means"}


def test_a_missing_statement_is_named(planted: Planted, rows: Rows, signed: Signed) -> None:
    row = rows(planted(), signed(oversight_means=None))["eu-ai-act.art-14.4"]
    assert row.status is Status.STATEMENT_MISSING
    assert row.gap == "nobody answered: oversight_means"


def test_an_unsigned_statement_is_none(planted: Planted, rows: Rows, signed: Signed) -> None:
    row = rows(planted(), Testimony(dossier=signed().dossier))["eu-ai-act.art-14.4"]
    assert row.status is Status.STATEMENT_MISSING
    assert "not under a verified signature" in row.gap


def test_the_ban_follows_the_gate(planted: Planted, rows: Rows, signed: Signed) -> None:
    ban = "eu-ai-act.art-5.1-f"
    assert rows(planted())[ban].status is Status.MET
    prohibited = rows(planted(), signed(subjects={"subjects": ["clinicians"], **WHO}))[ban]
    assert prohibited.status is Status.AGAINST
    assert "the scope gate says prohibited" in prohibited.gap
    assert rows(planted(), signed(exception=None))[ban].status is Status.STATEMENT_MISSING


def test_judged_clinicians_reach_the_map(planted: Planted, rows: Rows) -> None:
    report = planted(PERFORMANCE | {"groups": {"speaker_role": "clinician"}})
    assert rows(report)["eu-ai-act.art-5.1-f"].status is Status.AGAINST


def test_what_does_not_apply_says_why(planted: Planted, rows: Rows, signed: Signed) -> None:
    told = rows(planted())
    assert told["hipaa.cms.cells"].status is Status.NOT_APPLICABLE
    assert told["hipaa.cms.cells"].applicability.why == "not used in us"
    assert told["gdpr.art-22.1"].applicability.why == "no automated decision"
    row = rows(planted(), signed(places={"places": ["us"], **WHO}))[ACCURACY]
    assert (row.status, row.applicability.applies) == (Status.NOT_APPLICABLE, Applies.NO)


def test_text_alone_is_no_high_risk_emotion_recognition(planted: Planted, rows: Rows, signed: Signed) -> None:
    report = planted(PERFORMANCE)
    data = report.data[0].model_copy(update={"conditions": ("T",)})
    text = signed(modalities={"modalities": ["text"], **WHO}, biometric={"biometric": False, **WHO})
    told = rows(report.model_copy(update={"data": (data,)}), text)
    assert told[ACCURACY].applicability.why == "emotions are inferred from no biometric data"
    assert told["gdpr.art-9.1"].applicability.applies is Applies.YES


def test_what_nobody_answered_is_unknown_and_no_no(planted: Planted, rows: Rows, signed: Signed) -> None:
    row = rows(planted(), signed(circumstances=None))["gdpr.art-22.1"]
    assert row.applicability.applies is Applies.UNKNOWN
    assert row.gap.startswith("whether it applies is not known: nobody answered circumstances")
    nobody = rows(planted(), Testimony())
    assert nobody["nist-ai-rmf.measure.2-1"].applicability.applies is Applies.YES
    assert nobody[ACCURACY].applicability.applies is Applies.UNKNOWN


def test_one_condition_that_fails_is_enough_for_no(planted: Planted, rows: Rows, signed: Signed) -> None:
    told = rows(planted(), signed(places={"places": ["us"], **WHO}, circumstances=None))
    assert told["gdpr.art-22.1"].applicability.applies is Applies.NO


def test_what_binds_later_says_when(planted: Planted, signed: Signed) -> None:
    def due(day: str) -> str:
        return rows_of(planted(), signed(), datetime.date.fromisoformat(day))[ACCURACY].due

    assert due("2027-12-01") == "binds from 2027-12-02"
    assert due("2027-12-02") == ""


def test_a_policy_that_was_not_fixed_beforehand_leaves_a_gap(planted: Planted, rows: Rows) -> None:
    report = planted(PERFORMANCE | {"held": True, "verdict": Verdict.PASS})
    assert report.policy is not None
    told = {
        frozen: rows(
            report.model_copy(update={"policy": report.policy.model_copy(update={"frozen_before_results": frozen})})
        )["eu-ai-act.art-9.8"]
        for frozen in (True, False)
    }
    assert told[True].status is Status.MET
    assert told[False].status is Status.MISSING
    assert "frozen-criteria" in told[False].gap


def rule_exhibit(floor: str) -> Exhibit:
    columns = tuple(ExhibitColumn(name=name, type="text", description=name) for name in ("setting", "value"))
    return Exhibit(
        id=RULE, title="The rule", examination="release", columns=columns, n_rows=1, digest="d", releasable=True,
        rows=(("floor", floor),),
    )  # fmt: skip


@pytest.mark.parametrize(("floor", "status"), [("11", Status.MET), ("10", Status.MISSING), ("", Status.MISSING)])
def test_small_cells_need_a_release_that_withholds_them(
    planted: Planted, rows: Rows, signed: Signed, floor: str, status: Status
) -> None:
    american = signed(
        places={"places": ["us"], **WHO}, circumstances={"circumstances": {"cms-data": True}, **WHO}
    )  # fmt: skip
    assert rows(planted(exhibits=(rule_exhibit(floor),)), american)["hipaa.cms.cells"].status is status
    assert rows(planted(), american)["hipaa.cms.cells"].status is Status.MISSING


def test_a_release_of_ours_is_one_that_withholds_them(today: datetime.date, signed: Signed) -> None:
    from affidavit.disclosure.release import RELEASE
    from affidavit.testing.tables import small_report
    from reports.law.parts import PARTS

    report = small_report()
    assert not PARTS["release"](report)
    assert PARTS["release"](RELEASE.release(report))


def test_what_nothing_answers_is_missing(planted: Planted, rows: Rows) -> None:
    row = rows(planted(PERFORMANCE))["nist-ai-rmf.measure.2-12"]
    assert (row.status, row.evidence) == (Status.MISSING, ())
    assert "not measured here" in row.gap


def test_every_status_can_be_reached(planted: Planted, rows: Rows, signed: Signed) -> None:
    report = planted(PERFORMANCE | {"held": True, "verdict": Verdict.FAIL}, BIAS)
    reached = {row.status for row in rows(report, signed(monitoring=None)).values()}
    assert reached == set(Status)


def test_a_gap_always_says_who_must_supply_it(full: AuditReport, rows: Rows, signed: Signed) -> None:
    for testimony in (signed(), signed(retention=None), Testimony()):
        for row in rows(full, testimony).values():
            assert bool(row.gap) == bool(row.supplied_by)
            if row.status in {Status.MISSING, Status.STATEMENT_MISSING, Status.AGAINST, Status.UNDECIDED}:
                assert row.gap, row.requirement.id


def test_the_same_material_gives_the_same_map(full: AuditReport, rows: Rows) -> None:
    assert rows(full) == rows(full)


def test_kinds_of_evidence_stay_apart(planted: Planted, rows: Rows) -> None:
    told: dict[str, Any] = dict.fromkeys(Kind, 0)
    for row in rows(planted(PERFORMANCE)).values():
        for reference in row.evidence:
            told[reference.kind] += 1
    assert told[Kind.SECTION] > 0
    assert told[Kind.STATEMENT] > 0


def test_what_only_frames_others_asks_nothing(planted: Planted, rows: Rows) -> None:
    row = rows(planted())["eu-ai-act.art-3.39"]
    assert (row.status, row.applicability.applies, row.gap) == (Status.NOT_APPLICABLE, Applies.YES, "")
