from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import affidavit as af
from affidavit.conditions import modality_subsets
from affidavit.errors import PlanError
from affidavit.plan import Choice, Execution
from affidavit.records import Finding
from affidavit.registry import Door, load
from affidavit.testing import case_of, predictions_frame
from affidavit.testing.tables import FAST
from audit.rationales.described import EXAMINATION


def findings(frame: pd.DataFrame) -> dict[tuple[str, str], Finding]:
    claims = EXAMINATION.examine(case_of(frame)).claims
    return {
        (c.finding.metric, c.finding.condition): c.finding
        for c in claims
        if not c.finding.groups and not c.finding.compared
    }


def test_counts_words_and_citations() -> None:
    frame = predictions_frame(conditions=("TAV", "T"))
    frame["rationale"] = ["Her voice trembles.", "The eyes are lowered", None, "What she said, and her tone"] * (
        len(frame) // 4
    )
    found = findings(frame)
    assert found["rationale_rate", "TAV"].estimate.value == pytest.approx(0.75)
    assert found["rationale_words", "TAV"].estimate.value == pytest.approx((3 + 4 + 6) / 3)
    assert found["cites_audio_rate", "TAV"].estimate.value == pytest.approx(2 / 3)
    assert found["cites_video_rate", "TAV"].estimate.value == pytest.approx(1 / 3)
    assert found["cites_text_rate", "TAV"].estimate.value == pytest.approx(1 / 3)


def test_a_citation_of_what_was_not_shown_is_found_and_its_clean_twin_is_silent() -> None:
    frame = predictions_frame(conditions=("TAV", "A"))
    clean = findings(frame)
    assert ("cites_absent_modality_rate", "TAV") not in clean
    assert clean["cites_absent_modality_rate", "A"].estimate.value == 0
    planted = frame.copy()
    lying = (frame["condition"] == "A") & (frame.index % 5 == 0)
    planted.loc[lying, "rationale"] = "her face is tense"
    found = findings(planted)["cites_absent_modality_rate", "A"]
    assert found.estimate.value == pytest.approx(lying.sum() / (frame["condition"] == "A").sum())
    assert found.estimate.interval is not None
    assert found.estimate.interval.low > 0


def test_a_word_inside_another_is_no_citation() -> None:
    frame = predictions_frame(conditions=("TAV",)).assign(rationale="an interface of surfaces, invoiced atonement")
    assert findings(frame)["cites_video_rate", "TAV"].estimate.value == 0
    assert findings(frame)["cites_audio_rate", "TAV"].estimate.value == 0


def test_what_cannot_be_read_is_no_silence() -> None:
    """Welsh speakers are answered in German every other time: not a word of it is in the means, and that is said."""
    frame = predictions_frame(conditions=("TAV",)).assign(rationale="The voice trembles, and so it is fear of it.")
    german = (frame["accent"] == "Welsh") & (np.arange(len(frame)) % 2 == 0)
    frame.loc[german, "rationale"] = "Die Stimme zittert, und der Blick ist gesenkt."
    claims = EXAMINATION.examine(case_of(frame, by=("accent",))).claims
    welsh = {c.finding.metric: c.finding for c in claims if c.finding.groups == {"accent": "Welsh"}}
    assert welsh["rationale_rate"].estimate.value == 1
    assert welsh["rationale_rate"].caveats == ()
    assert welsh["cites_audio_rate"].estimate.value == 1
    assert welsh["cites_audio_rate"].estimate.n == (frame["accent"] == "Welsh").sum() - german.sum()
    assert welsh["rationale_words"].caveats == (
        "50.0% of the rationales cannot be read: not English, or nothing but a quotation",
    )
    assert welsh["cites_audio_rate"].caveats == (
        "50.0% of the rationales cannot be read: neither English nor Chinese, or nothing but a quotation",
    )
    gap = next(c.finding for c in claims if c.finding.metric == "cites_audio_rate_difference")
    assert gap.estimate.value == 0
    assert "rationales that cannot be read are left out" in gap.caveats
    irish = [c.finding for c in claims if c.finding.groups == {"accent": "Irish"}]
    assert all(finding.caveats == () for finding in irish)


def test_chinese_rationales_cite_and_their_words_are_not_counted() -> None:
    frame = predictions_frame(conditions=("TAV",)).assign(rationale="她的声音在颤抖，表情很悲伤。")
    found = findings(frame)
    assert found["cites_audio_rate", "TAV"].estimate.value == 1
    assert found["cites_text_rate", "TAV"].estimate.value == 0
    assert found["cites_audio_rate", "TAV"].caveats == ()
    assert found["rationale_words", "TAV"].estimate.value is None
    assert found["rationale_words", "TAV"].caveats[0].startswith("100.0% of the rationales cannot be read: not English")


@pytest.mark.parametrize("text", ["그녀의 목소리가 떨린다", '{"rationale": "The voice is sad because it trembles."}'])
def test_a_condition_whose_rationales_cannot_be_read_has_their_rate_alone(text: str) -> None:
    frame = predictions_frame(conditions=("TAV", "A"))
    frame.loc[frame["condition"] == "A", "rationale"] = text
    testimony = EXAMINATION.examine(case_of(frame))
    (refusal,) = testimony.refusals
    assert "no rationale under A can be read" in refusal.because
    assert {c.finding.metric for c in testimony.claims if c.finding.condition == "A"} == {
        "rationale_rate",
        "rationale_rate_difference",
    }


@pytest.mark.parametrize("units", [True, False])
def test_weights_weigh_rationales(units: bool) -> None:
    frame = predictions_frame() if units else predictions_frame().drop(columns="speaker_id")
    frame["rationale"] = np.where(frame.index % 3 == 0, None, "the voice trembles")
    frame["weight"] = frame.index % 2 + 0.5
    here = frame[frame["condition"] == "TAV"]
    expected = here.loc[here["rationale"].notna(), "weight"].sum() / here["weight"].sum()
    rate = findings(frame)["rationale_rate", "TAV"].estimate
    assert rate.value == pytest.approx(expected)
    assert rate.interval is not None
    assert rate.interval.method == "logit t over units", "not the interval of a plain proportion"


ALL = tuple(str(condition) for condition in modality_subsets())
PLAN = af.AuditPlan.model_validate({"runs": {"r": {"table": "t"}}, "statistics": FAST.model_dump()})


def silent_but_for(frame: pd.DataFrame, *conditions: str) -> pd.DataFrame:
    """Return the table as somebody leaves it who asked for rationales under a few conditions only."""
    return frame.assign(rationale=frame["rationale"].where(frame["condition"].isin(conditions)))


def test_conditions_without_a_rationale_are_named_once_and_their_twin_is_silent() -> None:
    frame = predictions_frame(conditions=ALL, n_speakers=12)
    whole = EXAMINATION.examine(case_of(frame))
    assert whole.refusals == ()
    assert {claim.finding.condition for claim in whole.claims} == set(ALL)
    part = EXAMINATION.examine(case_of(silent_but_for(frame, "TAV", "A")))
    (refusal,) = part.refusals
    assert (refusal.examination, refusal.run) == ("rationales", "run")
    assert refusal.because == "no row has a rationale under TA, TV, AV, T, V"
    kept = [claim.finding for claim in whole.claims if claim.finding.condition in ("TAV", "A")]
    assert [claim.finding for claim in part.claims] == kept, "what is said of the others does not change"


def test_a_single_rationale_makes_a_condition_one_that_is_assessed() -> None:
    frame = silent_but_for(predictions_frame(n_speakers=12), "TAV")
    silent = frame["condition"] == "A"
    frame.loc[silent, "rationale"] = np.where(frame[silent].index % 2, "", "  ")
    assert EXAMINATION.examine(case_of(frame)).refusals[0].because == "no row has a rationale under A"
    frame.loc[frame.index[silent][0], "rationale"] = "the voice trembles"
    testimony = EXAMINATION.examine(case_of(frame))
    assert testimony.refusals == ()
    assert findings(frame)["rationale_rate", "A"].estimate.value == pytest.approx(1 / silent.sum())
    levels = {c.finding.groups["accent"] for c in testimony.claims if set(c.finding.groups) == {"accent"}}
    assert levels == set(frame["accent"]), "a group without a rationale keeps its rows"


def test_a_rationale_that_weighs_nothing_is_still_there() -> None:
    frame = silent_but_for(predictions_frame(n_speakers=12), "TAV").assign(weight=1.0)
    first = frame.index[frame["condition"] == "A"][0]
    frame.loc[first, ["rationale", "weight"]] = "the voice trembles", 0.0
    assert EXAMINATION.examine(case_of(frame)).refusals == ()


def test_a_report_gives_such_conditions_one_line() -> None:
    frame = predictions_frame(conditions=ALL, n_speakers=12)
    pages = {}
    plan = PLAN.model_copy(update={"examinations": (Choice(name="performance"), Choice(name="rationales"))})
    for name, table in (("whole", frame), ("part", silent_but_for(frame, "TAV"))):
        report = af.audit(table, by="accent", plan=plan)
        pages[name] = load(Door.RENDERERS, "md").render(report).decode()
    rows = [line for line in pages["part"].splitlines() if "no row has a rationale under TA, TV, AV, T, A, V" in line]
    assert len(rows) == 1
    assert "no row has a rationale" not in pages["whole"]
    told = {name: page.partition("## Explanations")[2].partition("## Privacy")[0] for name, page in pages.items()}
    assert 0 < len(told["part"]) < 0.8 * len(told["whole"])


def test_a_table_that_is_streamed_has_the_same_silent_conditions(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    silent_but_for(predictions_frame(n_speakers=120), "TAV").to_parquet(path, index=False)
    streaming = PLAN.model_copy(update={"execution": Execution(memory_rows=0, batch_rows=1024)})
    held, streamed = (af.audit(path, by="accent", plan=plan) for plan in (PLAN, streaming))
    assert "no row has a rationale under A" in {refusal.because for refusal in held.refusals}
    assert streamed.claims_digest == held.claims_digest


def test_a_table_without_any_rationale_in_its_column_is_refused_in_words() -> None:
    plan = PLAN.model_copy(update={"examinations": (Choice(name="rationales"),)})
    with pytest.raises(PlanError, match="no row has a rationale under TAV, A"):
        af.audit(silent_but_for(predictions_frame(n_speakers=12)), by="accent", plan=plan)
