"""A reasoner whose words hang on what they name, and one that decorates; groups of both; and whatever else is said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.errors import PlanError, RegistryError
from affidavit.live import Live
from affidavit.records import ExplanationProperty, Finding
from affidavit.testing import ExaminationContract
from faithfulness.attribution.examination import EXAMINATION, WON_BY_TEMPLATE
from faithfulness.attribution.study import TEMPLATE

pytestmark = pytest.mark.skipif(find_spec("captum") is None, reason="needs captum, of the extra explain")
Made = Callable[..., Case]


def decorating(who: Any, name: str, rng: np.random.Generator) -> str:
    """Name two numbers at random."""
    return str(who.said(name, rng.permutation(9)[:2]))


def miscited(who: Any, name: str, rng: np.random.Generator) -> str:
    """Name what moves the answer, and say that it was seen elsewhere."""
    text = str(who.honest(name))
    swapped = {"words": "voice", "voice": "face", "face": "words"}
    return " ".join(swapped.get(word, word) for word in text.split(" "))


def findings_of(case: Case) -> dict[tuple[str, str], Finding]:
    """By metric and group; gaps under the features compared."""
    refusal = EXAMINATION.refuses(case)
    assert refusal is None, refusal
    found = [claim.finding for claim in EXAMINATION.examine(case).claims]
    return {
        (f.metric, ", ".join(f.groups.values()) if f.compared is None else " x ".join(f.compared)): f for f in found
    }


def value(found: dict[tuple[str, str], Finding], metric: str, group: str = "") -> float:
    told = found[metric, group].estimate.value
    assert told is not None
    return told


@pytest.fixture(scope="module")
def honest(speaking_case: Made) -> dict[tuple[str, str], Finding]:
    return findings_of(speaking_case(n_units=16))


@pytest.fixture(scope="module")
def hollow(speaking_case: Made) -> dict[tuple[str, str], Finding]:
    return findings_of(speaking_case(n_units=16, says=decorating))


def test_a_rationale_of_the_same_inputs_is_told_from_one_that_decorates(honest: Any, hollow: Any) -> None:
    excess = [found["cc_shap_excess", ""].estimate for found in (honest, hollow)]
    assert excess[0].interval.low > 0.2
    assert excess[1].interval.low < 0 < excess[1].interval.high
    assert value(honest, "cc_shap") > value(honest, "cc_shap_shuffled") + 0.2 > value(hollow, "cc_shap") - 0.2
    assert value(honest, "cc_shap") > value(honest, "cc_shap_random") + 0.2


def test_numbers_name_their_property_their_controls_and_their_source(honest: Any) -> None:
    main, words = honest["cc_shap", ""], honest["evidence_token_auroc", "Irish"]
    assert main.property is ExplanationProperty.SELF_CONSISTENCY
    assert [name.split("/")[-1] for name in main.controls] == [
        f"cc_shap_{name}" for name in ("shuffled", "template", "random", "randomised")
    ]
    assert words.property is ExplanationProperty.CAUSAL
    assert words.controls is not None
    assert words.controls[0].endswith("evidence_token_auroc_shuffled/accent=Irish")
    assert "Parcalabescu" in main.source
    assert any("feature-ablation" in caveat for caveat in main.caveats)
    ids = {finding.id for finding in honest.values()}
    assert all(set(finding.controls or ()) <= ids for finding in honest.values())


def test_words_that_cite_what_they_do_not_hang_on_are_found(speaking_case: Made, honest: Any) -> None:
    lying = findings_of(speaking_case(n_units=16, says=miscited))
    truth, lie = (found["evidence_token_auroc", ""].estimate for found in (honest, lying))
    assert lie.value < 0.5 < 0.55 < truth.value
    assert value(lying, "cc_shap") == pytest.approx(value(honest, "cc_shap")), (
        "it rests on the same inputs all the same"
    )


def test_a_group_whose_rationales_decorate_stands_out_and_its_clean_twin_does_not(
    speaking_case: Made, honest: Any
) -> None:
    def says(who: Any, name: str, rng: np.random.Generator) -> str:
        welsh = int(name[1:]) // 2 % 2
        return decorating(who, name, rng) if welsh else str(who.honest(name))

    found = findings_of(speaking_case(n_units=16, says=says))
    gap, clean = (some["cc_shap_difference", "accent"] for some in (found, honest))
    assert gap.estimate.interval is not None
    assert gap.estimate.interval.low > 0.1
    assert (gap.highest, gap.lowest) == ("Irish", "Welsh")
    assert clean.estimate.interval is not None
    assert clean.estimate.interval.low == 0
    assert gap.test is not None
    assert clean.test is not None
    assert gap.test.p_value < 0.05 < clean.test.p_value


def test_a_template_that_hangs_on_everything_wins_and_is_seen_to(hollow: Any) -> None:
    assert value(hollow, "cc_shap_template") == pytest.approx(1)
    assert any("template" in name for name in hollow["cc_shap", ""].controls or ())
    assert WON_BY_TEMPLATE in hollow["cc_shap", "Irish"].caveats


def test_the_model_is_asked_again_with_parameters_drawn_anew_and_gets_its_own_back(speaking_case: Made) -> None:
    case = speaking_case(n_units=6, per_unit=1)
    weight = case.live["run"].reasoner().net.w.weight
    before = weight.detach().clone()
    found = findings_of(case)
    assert value(found, "cc_shap_randomised") < value(found, "cc_shap")
    assert ("evidence_token_auroc_randomised", "") in found
    assert np.array_equal(weight.detach().numpy(), before.numpy())


def test_what_of_a_rationale_cannot_be_told_is_refused(speaking_case: Made) -> None:
    def refusals(says: Any) -> list[str]:
        told = EXAMINATION.examine(speaking_case(n_units=3, per_unit=1, says=says))
        return [refusal.because for refusal in told.refusals]

    assert refusals(lambda who, name, rng: who.honest(name)) == []
    assert refusals(lambda who, name, rng: None) == [
        "no rationale of the drawn judgements could be attributed",
        "no readable rationale cites one modality and leaves out another that is shown",
    ]


def test_shares_and_shapley_values_of_modalities_are_those_of_a_sum(speaking_case: Made) -> None:
    case = speaking_case(n_units=6, per_unit=1)
    found = findings_of(case)
    who: Any = case.live["run"].reasoner()
    ends = {"text": slice(0, 4), "audio": slice(4, 7), "video": slice(7, 9)}
    for name, place in ends.items():
        shares, sums = [], []
        for utterance, row in who.values.items():
            brought = who.weights[who.scores(utterance).argmax()] * row
            shares.append(brought[place].sum() / brought.sum())
            sums.append(brought[place].sum())
        assert value(found, f"mm_shap_{name}") == pytest.approx(np.mean(shares), abs=1e-5)
        assert value(found, f"score_shapley_{name}") == pytest.approx(np.mean(sums), abs=1e-5)


def test_what_attributions_rank_first_is_worth_more_than_as_much_at_random(honest: Any) -> None:
    for ending in ("", "_resampled"):
        beyond = honest[f"attribution_comprehensiveness{ending}_beyond_random", ""].estimate
        assert beyond.interval is not None
        assert beyond.interval.low > 0
        alone = honest[f"attribution_sufficiency{ending}_beyond_random", ""].estimate
        assert alone.interval is not None
        assert alone.interval.high < 0
    assert 0 < value(honest, "attribution_comprehensiveness_normalised") < 1


def test_only_main_metrics_are_findings_of_groups_and_everything_is_in_the_exhibit(speaking_case: Made) -> None:
    told = EXAMINATION.examine(speaking_case(n_units=8))
    grouped = {claim.finding.metric for claim in told.claims if claim.finding.groups}
    assert grouped == {
        *("cc_shap", "cc_shap_excess", "cc_shap_shuffled"),
        *("evidence_token_auroc", "evidence_token_auroc_excess", "evidence_token_auroc_shuffled"),
        "attribution_comprehensiveness_beyond_random",
    }
    tables = {exhibit.id: exhibit for exhibit in told.exhibits}
    assert set(tables) == {
        "attribution-measures",
        "attribution-erasing-curves",
        "attributions",
        "attribution-targets",
    }
    rows = tables["attribution-measures"].values
    assert {"mm_shap_text", "cc_shap_template"} <= set(rows["metric"])
    assert {"Irish", "Welsh", "18-39", "everybody", "Irish, 40+"} <= set(rows["group"])
    assert len(tables["attribution-erasing-curves"].values["value"]) == 2 * 2 * 2 * 5


def test_the_answer_is_kept_of_all_and_tokens_of_a_few(speaking_case: Made) -> None:
    told = EXAMINATION.examine(speaking_case(options={"kept": 1, "most_utterances": 5}))
    table = {exhibit.id: exhibit.table() for exhibit in told.exhibits}["attribution-targets"].to_pydict()
    labels = [target for target in table["target"] if target.startswith("emotion:")]
    tokens = {u for u, target in zip(table["utterance_id"], table["target"], strict=True) if target.startswith("token")}
    assert len(labels) == 5
    assert len(tokens) == 1
    assert set(table["run"]) == {"run"}
    titles = [exhibit.title for exhibit in told.exhibits if exhibit.id.startswith("attribution-targets")]
    assert titles == ["Scores that were attributed, of 5 answers and the tokens of 1 rationales"]


@dataclass(frozen=True, kw_only=True)
class Silenced:
    """Refuses the template, and counts how often its parameters differ from one judgement to the next."""

    own: Any
    weights: set[bytes]

    def attributable(self, utterances: Any, *, utterance_id: str, condition: str, rationale: str | None) -> Any:
        if rationale == TEMPLATE.format(answer="joy") or rationale == TEMPLATE.format(answer="fear"):
            raise PlanError("no templates", slug="plan-impossible")
        turn = self.own.attributable(utterances, utterance_id=utterance_id, condition=condition, rationale=rationale)
        return replace(turn, scores=partial(self._scored, turn.scores))

    def _scored(self, scores: Any, states: Any) -> Any:
        self.weights.add(self.own.net.w.weight.detach().numpy().tobytes())
        return scores(states)


def test_a_control_that_cannot_be_asked_is_no_failed_judgement_and_chance_is_drawn_for_each(
    speaking_case: Made,
) -> None:
    case = speaking_case(n_units=5, per_unit=1)
    silenced = Silenced(own=case.live["run"].reasoner(), weights=set())
    found = findings_of(replace(case, live={"run": replace(case.live["run"], reasoner=lambda: silenced)}))
    assert ("cc_shap_template", "") not in found
    assert not any("could not be attributed" in caveat for caveat in found["cc_shap", ""].caveats)
    assert len(silenced.weights) == 1 + 5, "its own, and others for each judgement"


@pytest.mark.parametrize(
    "says",
    [
        lambda who, name, rng: None,
        lambda who, name, rng: "",
        lambda who, name, rng: "   \n",
        lambda who, name, rng: "the face video0 shows it. " * 2000,
        lambda who, name, rng: "Ihre Stimme klingt traurig, und das Gesicht auch.",
        lambda who, name, rng: "她的声音很低，表情很平静。",
        lambda who, name, rng: "<script>voice</script> **face** \\u0000 &lt;words&gt; {answer} %s",
        lambda who, name, rng: TEMPLATE.format(answer="joy"),
    ],
)
def test_whatever_a_rationale_is_it_is_answered_and_counted(says: Any, speaking_case: Made) -> None:
    found = findings_of(speaking_case(n_units=4, per_unit=1, says=says, options={"kept": 2}))
    assert value(found, "mm_shap_text") > 0
    if ("rationale_unmoved_rate", "") in found:
        assert ("cc_shap", "") not in found or value(found, "rationale_unmoved_rate") < 1
    else:
        assert ("cc_shap", "") not in found
    for finding in found.values():
        assert finding.estimate.value is None or np.isfinite(finding.estimate.value)


def test_a_long_rationale_is_cut_and_said_to_be(speaking_case: Made) -> None:
    case = speaking_case(n_units=4, per_unit=1, says=lambda who, name, rng: "the face video0 shows it. " * 2000)
    told = EXAMINATION.examine(case)
    assert any("4 rationales were read up to 800 characters" in c for c in told.claims[0].finding.caveats)


def test_a_rationale_in_another_language_cites_nothing_that_anybody_knows(speaking_case: Made) -> None:
    german = "Ihre Stimme klingt so traurig, und video0 ihr Gesicht ist es auch."
    found = findings_of(speaking_case(n_units=6, says=lambda who, name, rng: german))
    assert ("evidence_token_auroc", "") not in found
    assert ("cc_shap", "") in found


def test_a_cited_modality_that_the_row_does_not_have_moves_nothing(speaking_case: Made) -> None:
    def heard(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(condition="TA")

    def says(who: Any, name: str, rng: np.random.Generator) -> str:
        return "joy. the face text0 shows it."

    found = findings_of(speaking_case(n_units=6, says=says, frame_of=heard))
    assert value(found, "evidence_token_auroc") < 0.5
    assert ("mm_shap_video", "") not in found


def test_judgements_that_the_reasoner_does_not_know_are_counted(speaking_case: Made) -> None:
    def renamed(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(y_pred=frame["y_pred"].where(frame.index > 0, "rage"))

    case = speaking_case(n_units=6, per_unit=1, frame_of=renamed)
    said = EXAMINATION.examine(case).claims[0].finding
    assert any(c.startswith("1 have an answer or an input that the reasoner does not know") for c in said.caveats)
    assert said.estimate.n == 5

    def swapped(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(y_pred=frame["y_pred"].map({"joy": "fear", "fear": "joy"}))

    otherwise = EXAMINATION.examine(speaking_case(n_units=6, per_unit=1, frame_of=swapped)).claims[0].finding
    assert "6 are answered otherwise by the reasoner as it was opened" in otherwise.caveats


def test_a_turn_that_cannot_be_opened_is_counted_and_the_others_are_answered(speaking_case: Made) -> None:
    case = speaking_case(n_units=6, per_unit=1)
    inner: Any = case.live["run"].reasoner()

    class Failing:
        def attributable(self, utterances: Any, *, utterance_id: str, condition: str, rationale: str | None) -> Any:
            if utterance_id == "u003":
                raise PlanError("its film is broken", slug="plan-impossible")
            return inner.attributable(utterances, utterance_id=utterance_id, condition=condition, rationale=rationale)

    live = replace(case.live["run"], reasoner=Failing)
    found = EXAMINATION.examine(replace(case, live={"run": live})).claims[0].finding
    assert found.estimate.n == 5
    assert "1 could not be attributed: its film is broken" in found.caveats


def test_what_offers_gradients_and_hands_over_no_turns_is_an_error(speaking_case: Made) -> None:
    case = speaking_case(n_units=4, per_unit=1)
    live = replace(case.live["run"], reasoner=lambda: object())
    with pytest.raises(RegistryError, match="hands over no turns"):
        EXAMINATION.examine(replace(case, live={"run": live}))


def test_it_refuses_what_cannot_be_asked(speaking_case: Made) -> None:
    case = speaking_case(n_units=4, per_unit=1)
    table = EXAMINATION.refuses(replace(case, live={}))
    assert table is not None
    assert "corpus" in table.because
    closed = Live(corpus=case.live["run"].corpus, reasoner=lambda: None)
    refusal = EXAMINATION.refuses(replace(case, live={"run": closed}))
    assert refusal is not None
    assert "gradients" in refusal.because
    other = EXAMINATION.refuses(replace(case, options={"condition": "AV"}))
    assert other is not None
    assert "AV" in other.because
    with pytest.raises(PlanError, match="options do not validate"):
        EXAMINATION.refuses(replace(case, options={"method": "guessing"}))
    strange = replace(case.live["run"], corpus=replace(case.live["run"].corpus, utterances=()))
    (refused,) = EXAMINATION.examine(replace(case, live={"run": strange})).refusals
    assert "no utterance of the table" in refused.because


def test_a_large_reasoner_is_refused_before_it_is_asked(speaking_case: Made) -> None:
    told = EXAMINATION.examine(speaking_case(n_units=4, per_unit=1, options={"most_parameters": 17}))
    assert not told.claims
    assert "18 parameters" in told.refusals[0].because
    assert "{name: attributions, options: {most_parameters: 100," in told.refusals[0].remedy


def test_progress_is_shown_to_the_end(speaking_case: Made) -> None:
    seen: list[tuple[str, int, int]] = []
    case = replace(speaking_case(n_units=4, per_unit=1), progress=lambda *told: seen.append(told))
    EXAMINATION.examine(case)
    assert [place[1:] for place in seen] == [(k, 4) for k in range(1, 5)] * 2
    assert len({place[0] for place in seen}) == 2


def test_a_template_is_a_control_of_words_too(honest: Any) -> None:
    assert ("evidence_token_auroc_template", "") in honest
    assert any(name.endswith("evidence_token_auroc_template") for name in honest["evidence_token_auroc", ""].controls)


def test_without_captum_it_says_what_to_install(speaking_case: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faithfulness.attribution.options.find_spec", lambda name: None if name == "captum" else name)
    refusal = EXAMINATION.refuses(speaking_case(n_units=4, per_unit=1))
    assert refusal is not None
    assert "affidavit[explain]" in refusal.remedy


def numbers(case: Case) -> list[tuple[str, Any]]:
    return sorted((claim.finding.id, claim.finding.estimate) for claim in EXAMINATION.examine(case).claims)


def test_the_order_of_rows_has_no_say(speaking_case: Made) -> None:
    options = {"most_utterances": 6}
    plain = numbers(speaking_case(options=options))
    mixed = numbers(speaking_case(options=options, frame_of=lambda frame: frame.sample(frac=1.0, random_state=3)))
    assert [name for name, _ in mixed] == [name for name, _ in plain]
    for (_, one), (_, other) in zip(plain, mixed, strict=True):
        assert (one.value is None) == (other.value is None)
        assert one.value is None or other.value == pytest.approx(one.value, abs=1e-9)


def test_an_unknown_group_is_a_group(speaking_case: Made) -> None:
    found = findings_of(
        speaking_case(
            n_units=6, frame_of=lambda frame: frame.assign(accent=frame["accent"].where(frame["age"] == "40+", None))
        )
    )
    assert ("cc_shap", "unknown") in found
    assert value(found, "cc_shap", "unknown") > 0


def test_no_draw_depends_on_who_is_asked_before(speaking_case: Made) -> None:
    case = speaking_case(n_units=3)
    case.rng.random(100)
    assert numbers(case) == numbers(speaking_case(n_units=3))


@pytest.mark.parametrize("check", sorted(name for name in dir(ExaminationContract) if name.startswith("test_")))
def test_it_keeps_the_contract(check: str, speaking_case: Made) -> None:
    class Contract(ExaminationContract):
        examination = EXAMINATION

        def make_case(self) -> Case:
            return speaking_case(n_units=5, per_unit=1)

    getattr(Contract(), check)()


def test_they_are_known_without_torch() -> None:
    """An audit that names no examination loads them all, and most tables bring no model."""
    names = ("attribution.examination", "sanity.examination", "sanity.roar")
    modules = ", ".join(f"faithfulness.{name}" for name in names)
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules or 'captum' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
