import pytest

import affidavit as af
from affidavit.errors import ColumnError, PlanError
from affidavit.plan import Choice
from affidavit.testing import predictions_frame
from affidavit.testing.tables import FAST

PLAN = af.AuditPlan.model_validate(
    {"runs": {"r": {"table": "t"}}, "statistics": FAST.model_dump(), "examinations": ["performance"]}
)


def test_one_feature_may_be_a_plain_string() -> None:
    frame = predictions_frame(n_speakers=12)
    assert (
        af.audit(frame, by="accent", plan=PLAN).claims_digest == af.audit(frame, by=["accent"], plan=PLAN).claims_digest
    )


def test_python_arguments_are_refused_as_plainly_as_flags() -> None:
    frame = predictions_frame(n_speakers=12)
    with pytest.raises(PlanError, match="twice"):
        af.audit(frame, by=["accent", "accent"], plan=PLAN)
    with pytest.raises(ColumnError, match="dialect"):
        af.audit(frame, by="dialect", plan=PLAN)


def test_the_summary_says_who_is_worst_off_and_what_chance_gives() -> None:
    report = af.audit(predictions_frame(), by="accent", plan=PLAN)
    sentence = next(text for text in report.summary if "by accent" in text)
    assert "lowest for" in sentence
    assert "chance alone gives" in sentence
    assert report.summary[-1] == "No decision: no policy was given."


def test_without_labels_the_summary_names_the_label_whose_rate_differs() -> None:
    plan = PLAN.model_copy(update={"examinations": (Choice(name="demographic-parity"),), "labelled": False})
    report = af.audit(predictions_frame(), by="accent", plan=plan)
    assert any("widest gap in selection rate of" in text for text in report.summary)


def test_the_order_in_which_features_are_named_changes_nothing() -> None:
    frame = predictions_frame(n_speakers=12)
    first, second = (af.audit(frame, by=by, plan=PLAN) for by in (["age", "accent"], ["accent", "age"]))
    assert first.claims_digest == second.claims_digest
