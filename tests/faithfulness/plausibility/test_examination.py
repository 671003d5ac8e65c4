"""Plausibility: evidence that is pointed at is found, what points elsewhere is no better than its controls."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from affidavit.case import Case
from affidavit.errors import MissingPartError, PlanError
from affidavit.examinations import Testimony
from affidavit.protocols import silent
from affidavit.records import ExplanationProperty, Finding
from affidavit.testing import ExaminationContract
from affidavit.utterances import Cue, Utterance
from corpora.reccon import LOADER
from faithfulness.plausibility import attributed, rationales
from faithfulness.plausibility.attributed import stretched
from faithfulness.plausibility.examination import EXAMINATION, NAMED
from faithfulness.plausibility.passages import words_of
from tests.faithfulness.plausibility.conftest import BY, FELT, WORDS, WordReader, case, corpus, quoting

GRADIENTS = frozenset({"gradients"})


def examined(of: Case) -> Testimony:
    assert EXAMINATION.refuses(of) is None
    return EXAMINATION.examine(of)


def found(of: Case) -> dict[str, Finding]:
    """Return the findings of everybody by metric."""
    return {
        claim.finding.metric: claim.finding
        for claim in examined(of).claims
        if not claim.finding.groups and not claim.finding.compared
    }


def value(finding: Finding) -> float:
    assert finding.estimate.value is not None
    return finding.estimate.value


def test_rationales_that_quote_the_evidence_agree_with_it() -> None:
    told = found(case(corpus()))
    # Of the last turn the word is marked in the turn before, and the rationale's quotation is found in the last one.
    assert value(told["evidence_token_f1"]) == pytest.approx(0.75)
    assert value(told["evidence_token_precision"]) == pytest.approx(0.75)
    assert value(told["evidence_iou_f1"]) == pytest.approx(0.75)
    assert value(told["misquotation_rate"]) == 0
    controls = [
        name
        for name in told
        if name.startswith("evidence_token_f1_") and not name.endswith(("_corrected", "_beyond_shuffled"))
    ]
    assert len(controls) == 4
    assert all(value(told[name]) < 0.4 for name in controls)
    assert told["evidence_token_f1"].controls == tuple(told[name].id for name in controls)
    assert told["evidence_token_f1"].property is ExplanationProperty.PLAUSIBILITY
    assert (told["evidence_token_f1"].estimate.n, told["evidence_token_f1"].estimate.n_clusters) == (144, 36)


def test_the_controls_are_those_of_slow_twins() -> None:
    marked = corpus(6)
    turns = {u.utterance_id: u for u in marked.utterances}
    random, template, first = [], [], []
    for u in marked.utterances:
        number = int(u.utterance_id[-1])
        before = [turns[f"{u.dialogue_id}-{i}"] for i in range(number + 1)]
        n_words = sum(len(words_of(str(turn.text))) for turn in before)
        k = g = 1
        random.append(2 * (k * g / n_words) / (k + g))
        template.append(2 * g / (n_words + g))
        sentence = words_of(str(u.text).split(".", maxsplit=1)[0])
        hit = number < 3
        first.append(2 * hit / (len(sentence) + g))
    told = found(case(marked))
    assert value(told["evidence_token_f1_random"]) == pytest.approx(np.mean(random))
    assert value(told["evidence_token_f1_template"]) == pytest.approx(np.mean(template))
    assert value(told["evidence_token_f1_first_sentence"]) == pytest.approx(np.mean(first))


def test_rationales_that_quote_other_words_are_no_better_than_chance() -> None:
    def beside_the_point(utterance: Utterance) -> str:
        words = [w for w, _, _ in words_of(str(utterance.text)) if w not in FELT.values()]
        return f'The words say "{words[len(words) // 2]}".'

    told = found(case(corpus(), beside_the_point))
    assert value(told["evidence_token_f1"]) == 0
    corrected = told["evidence_token_f1_corrected"]
    assert corrected.estimate.interval is not None
    assert corrected.estimate.interval.high < 0
    assert any("pointing at every word" in said for said in told["evidence_token_f1"].caveats)


def test_a_rationale_that_quotes_everything_is_its_own_control() -> None:
    told = found(case(corpus(), lambda u: f'The words say "{u.text}".', scope="turn"))
    assert value(told["evidence_token_f1"]) == pytest.approx(value(told["evidence_token_f1_template"]))
    assert value(told["evidence_token_recall"]) == 1
    assert any("pointing at every word" in said for said in told["evidence_token_f1"].caveats)


def test_places_that_are_always_the_same_earn_nothing_beyond_the_shuffled_control() -> None:
    def first_words(utterance: Utterance) -> str:
        return f'The words say "{" ".join(str(utterance.text).split()[:3])}".'

    told = found(case(corpus(60), first_words))
    beyond = told["evidence_token_f1_beyond_shuffled"].estimate
    assert beyond.value == pytest.approx(0.0, abs=0.02)
    assert value(found(case(corpus(60)))["evidence_token_f1_beyond_shuffled"]) > 0.4


def test_a_group_whose_rationales_point_elsewhere_is_found_and_the_clean_twin_is_silent() -> None:
    def not_for_the_old(utterance: Utterance) -> str:
        return 'The words say "so it was".' if utterance.sensitive["age"] == "40+" else quoting(utterance)

    def gap(of: Case) -> Finding:
        (one,) = (c.finding for c in examined(of).claims if c.finding.compared == ("age",))
        return one

    planted, clean = gap(case(corpus(), not_for_the_old)), gap(case(corpus()))
    assert planted.lowest == "40+"
    assert planted.test is not None
    assert planted.test.p_value < 0.01
    assert clean.test is None or clean.test.p_value > 0.05


def test_invented_quotations_are_counted() -> None:
    told = found(case(corpus(), lambda u: 'She says "I never was so happy" and "so it was".'))
    assert value(told["misquotation_rate"]) == pytest.approx(0.5)


def test_cues_of_judgements_point_too() -> None:
    def cues(utterance: Utterance) -> tuple[Cue, ...]:
        return (Cue(modality="text", quote=FELT[str(utterance.label)]), Cue(modality="audio", quote="so it was"))

    told = found(case(corpus(), lambda u: "It shows.", cues=cues))
    assert value(told["evidence_token_f1"]) == pytest.approx(0.75)


def test_who_says_nothing_takes_no_part_and_is_counted() -> None:
    told = found(case(corpus(), lambda u: None if u.turn == 0 else quoting(u)))
    assert told["evidence_token_f1"].estimate.n == 108
    assert "36 judgements of turns with marked words have no rationale" in told["evidence_token_f1"].caveats


def test_only_conditions_that_show_the_words_are_told_of() -> None:
    testimony = examined(case(corpus(12), conditions=("T", "A", "TA", "T/transcript-errors=0.2")))
    assert {claim.finding.condition for claim in testimony.claims} == {"T", "TA"}


HOSTILE = (
    '"' * 5000,
    "\u4ed6\u7b11\u4e86\u3002" * 500,
    "<b>" * 3000 + '"so it was"',
    "The face smiles and the voice breaks.",
    '{"reason": "so it was"}',
    "\x00",
    "a" * 100_000,
)


def test_hostile_rationales_are_judged_like_others() -> None:
    told = found(case(corpus(), lambda u: HOSTILE[int(u.utterance_id[1:-2]) % len(HOSTILE)]))
    assert told["evidence_token_f1"].estimate.n == 144
    assert value(told["evidence_token_f1"]) == 0


def test_hostile_corpora_are_read() -> None:
    plain = corpus(12)
    odd = [
        replace(u, text=None, cues=(Cue(modality="text", quote="passed"),)) if i % 5 == 0 else u
        for i, u in enumerate(plain.utterances)
    ]
    odd[1] = replace(odd[1], cues=(Cue(modality="text", quote="passed", utterance_id="elsewhere"),))
    odd[2] = replace(odd[2], consent={"text": False})
    told = found(case(replace(plain, utterances=tuple(odd))))
    assert 0 < told["evidence_token_f1"].estimate.n < 48


@pytest.mark.parametrize(
    ("of", "because"),
    [
        (lambda: case(corpus(6), conditions=("A",)), "no condition shows the words"),
        (lambda: case(corpus(6), lambda u: None), "no rationales, and no attributions either"),
        (lambda: case(corpus(6), most_rows=5), "at most 5 are read"),
        (lambda: replace(case(corpus(6)), live={}), "it needs the corpus"),
    ],
)
def test_what_cannot_be_asked_is_refused(of: object, because: str) -> None:
    refusal = EXAMINATION.refuses(of())  # type: ignore[operator]
    assert refusal is not None
    assert because in refusal.because
    assert refusal.remedy


def test_a_corpus_without_marks_is_refused() -> None:
    plain = corpus(6)
    unmarked = replace(plain, utterances=tuple(replace(u, cues=()) for u in plain.utterances))
    refusal = EXAMINATION.refuses(case(unmarked))
    assert refusal is not None
    assert "marks no words" in refusal.because


def test_silence_in_every_marked_turn_is_a_refusal_of_the_run() -> None:
    testimony = examined(case(corpus(6), lambda u: " "))
    assert not testimony.claims
    assert [refusal.run for refusal in testimony.refusals] == ["run"]


def test_options_are_checked() -> None:
    with pytest.raises(PlanError, match="did you mean 'scope'"):
        EXAMINATION.refuses(case(corpus(6), scop="turn"))


def test_the_order_of_rows_changes_nothing() -> None:
    marked = corpus(12)
    plain = examined(case(marked))
    order = np.random.default_rng(0).permutation(len(marked.utterances))
    moved = examined(case(replace(marked, utterances=tuple(marked.utterances[i] for i in order))))
    assert [c.finding.estimate for c in plain.claims] == [c.finding.estimate for c in moved.claims]


class TestContract(ExaminationContract):
    """The public suite, of rationales alone."""

    examination = EXAMINATION

    def make_case(self) -> Case:
        return case(corpus(24))


def live(reader: WordReader, n_dialogues: int = 24, **options: object) -> Case:
    return case(corpus(n_dialogues), offers=GRADIENTS, reasoner=reader, **{"steps": 2, "attributed": 60, **options})


def test_attributions_of_a_reader_of_the_marked_words_find_them() -> None:
    pytest.importorskip("captum")
    told = found(live(WordReader()))
    assert value(told["attribution_auprc"]) == pytest.approx(1.0)
    for control in ("random", "shuffled", "randomised"):
        assert value(told[f"attribution_auprc_{control}"]) < 0.6
    assert told["attribution_auprc"].estimate.n == 60
    assert any("60 of 72 turns" in said for said in told["attribution_auprc"].caveats)


def test_attributions_of_a_reader_of_other_words_do_not() -> None:
    pytest.importorskip("captum")
    told = found(live(WordReader(weighed={"so": 5.0, "it": 5.0, "was": 5.0} | dict.fromkeys(FELT.values(), -5.0))))
    beyond = told["attribution_auprc_beyond_random"]
    assert beyond.estimate.interval is not None
    assert beyond.estimate.interval.high < 0


def test_the_model_is_as_it_was_and_each_turn_is_asked_once_and_once_drawn_anew() -> None:
    pytest.importorskip("captum")
    reader = WordReader()
    before = reader.module.weights.detach().clone()
    examined(live(reader, attributed=7))
    assert bool((reader.module.weights == before).all())
    counts = [reader.asked.count(name) for name in set(reader.asked)]
    assert len(counts) == 7
    assert sorted(counts)[:-1] == [2] * 6, "the first one is asked once more, for its model"


def test_attributions_without_rationales_are_an_answer() -> None:
    pytest.importorskip("captum")
    marked = corpus(12)
    of = case(marked, lambda u: None, offers=GRADIENTS, reasoner=WordReader(), steps=2, attributed=60)
    testimony = examined(of)
    assert {c.finding.metric for c in testimony.claims} >= {"attribution_auprc"}
    assert [refusal.because for refusal in testimony.refusals] == ["no turn with marked words has a rationale"]


def test_a_reader_without_text_is_refused_in_words() -> None:
    pytest.importorskip("captum")
    testimony = examined(live(WordReader(modality="audio"), 6))
    assert "in no judged turn" in testimony.refusals[0].because


def test_a_missing_package_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*args: object, **kwargs: object) -> None:
        raise MissingPartError("the package 'captum' is not installed", slug="part-missing", remedy="install it")

    monkeypatch.setattr(attributed.Asking, "plain", missing)
    testimony = examined(live(WordReader(), 6))
    assert testimony.claims, "rationales are told of all the same"
    assert "captum" in testimony.refusals[0].because


def test_the_model_is_asked_again_only_where_the_plan_says_of_how_many_turns() -> None:
    reader = WordReader()
    testimony = examined(case(corpus(6), offers=GRADIENTS, reasoner=reader))
    assert "attribution_auprc" not in {claim.finding.metric for claim in testimony.claims}
    assert reader.asked == []
    (refusal,) = testimony.refusals
    assert "none were asked for" in refusal.because
    assert "option attributed" in refusal.remedy
    silent_run = EXAMINATION.refuses(case(corpus(6), lambda u: None, offers=GRADIENTS, reasoner=reader))
    assert silent_run is not None
    assert "option attributed of this examination" in silent_run.remedy


def test_of_groups_there_are_f1_its_controls_and_one_gap_a_family_and_the_rest_is_in_the_exhibit() -> None:
    pytest.importorskip("captum")
    testimony = examined(live(WordReader(), attributed=24))
    of_groups = {c.finding.metric for c in testimony.claims if c.finding.groups}
    assert of_groups == {statistic.name for statistic in rationales.MAIN}
    gaps = [(c.finding.metric, c.finding.compared) for c in testimony.claims if c.finding.compared]
    assert gaps == [(f"{rationales.CORRECTED}_difference", family) for family in (("accent",), ("age",), BY)]
    (table,) = testimony.exhibits
    told = {
        (metric, group) for metric, group in zip(table.values["metric"], table.values["group"], strict=True) if group
    }
    assert {metric for metric, _ in told} == {s.name for s in NAMED}
    assert len(testimony.claims) < 0.6 * len(table.values["metric"])


def test_groups_that_talk_longer_are_not_said_to_be_explained_worse() -> None:
    def at_random(utterance: Utterance) -> str:
        words = [word for word, _, _ in words_of(str(utterance.text))]
        start = int(np.random.default_rng(zlib.crc32(str(utterance.text).encode())).integers(len(words) - 2))
        return f'The words say "{" ".join(words[start : start + 2])}".'

    rng = np.random.default_rng(5)
    plain = corpus(96, seed=5)
    longer = [
        replace(u, text=" ".join(rng.choice(WORDS, size=25)) + f" {u.text}") if u.sensitive["age"] == "40+" else u
        for u in plain.utterances
    ]
    testimony = examined(case(replace(plain, utterances=tuple(longer)), at_random, scope="turn"))
    told = {
        (c.finding.metric, c.finding.groups.get("age")): c.finding
        for c in testimony.claims
        if set(c.finding.groups) <= {"age"} and not c.finding.compared
    }
    young = told["evidence_token_f1", "18-39"].estimate.interval
    assert young is not None
    assert young.low > value(told["evidence_token_f1", "40+"]), "F1 itself tells lengths apart"
    (gap,) = (c.finding for c in testimony.claims if c.finding.compared == ("age",))
    assert gap.metric == "evidence_token_f1_corrected_difference"
    assert gap.test is None or gap.test.p_value > 0.05
    corrected = told["evidence_token_f1_corrected", None].estimate.interval
    assert corrected is not None
    assert corrected.low < 0 < corrected.high


def test_f1_corrected_for_chance_is_that_of_slow_twins() -> None:
    marked = corpus(6)
    over, under = 0.0, 0.0
    for u in marked.utterances:
        n_words = len(words_of(str(u.text)))
        random = 2 * (1 * 1 / n_words) / 2
        if u.turn != 3:  # its mark lies elsewhere
            over, under = over + 1 - random, under + 1 - random
    told = found(case(marked, scope="turn"))
    assert value(told["evidence_token_f1_corrected"]) == pytest.approx(over / under) == pytest.approx(1.0)
    over, under = 0.0, 0.0
    for u in marked.utterances:
        if u.turn != 3:
            random = 2 * (3 * 1 / len(words_of(str(u.text)))) / 4
            over, under = over - random, under + 1 - random
    told = found(case(marked, lambda u: 'It says "so it was".', scope="turn"))
    assert value(told["evidence_token_f1_corrected"]) == pytest.approx(over / under)


def test_the_quoted_name_of_an_answer_is_no_quotation() -> None:
    def named(utterance: Utterance) -> str:
        return f'The answer is "{str(utterance.label).capitalize()}." {quoting(utterance)} Not "pity".'

    told = found(case(corpus(), named))
    assert value(told["misquotation_rate"]) == pytest.approx(0.5), "of the word that was said, and of pity"


def test_stretching_keeps_the_course() -> None:
    assert stretched(np.array([1.0, 2.0, 3.0]), 3).tolist() == [1.0, 2.0, 3.0]
    assert stretched(np.array([1.0, 2.0, 3.0, 4.0]), 2).tolist() == [2.0, 4.0]


@pytest.mark.real
def test_reference_rationales_of_reccon_beat_every_control(real_data: Path) -> None:
    options = {"path": str(real_data / "reccon"), "splits": ["valid"], "rationales": "spans"}
    marked = LOADER.load(options, folder=Path(), progress=silent)
    told = found(case(marked, lambda u: u.rationales.get("explain")))
    assert value(told["evidence_token_f1"]) > 0.7
    assert value(told["misquotation_rate"]) < 0.01
    for control in ("random", "shuffled", "template", "first_sentence"):
        assert value(told[f"evidence_token_f1_{control}"]) < 0.5
