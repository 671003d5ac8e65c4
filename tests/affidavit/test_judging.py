import re
from pathlib import Path

import pytest

import affidavit as af
from affidavit.corpus import Corpus
from affidavit.errors import MediaError, PlanError, RowError
from affidavit.judgements import asked_conditions, available, to_judge
from affidavit.utterances import Judgement, MediaSpan, Utterance

LABELS = ("joy", "sadness")


def utterance(i: int, *, text: str | None = "so glad", **fields: object) -> Utterance:
    given: dict[str, object] = {
        "speaker_id": f"s{i % 3}",
        "audio": MediaSpan(path=Path(f"{i}.wav")),
        "label": LABELS[i % 2],
        "sensitive": {"accent": "northern" if i % 3 else "southern"},
        **fields,
    }
    return Utterance(utterance_id=f"u{i}", text=text, **given)  # type: ignore[arg-type]


def corpus(*utterances: Utterance) -> Corpus:
    return Corpus(name="small", utterances=utterances, digest="sha256:0", licence="none", label_space=LABELS)


def says_joy(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
    return Judgement(label="joy", probabilities={"joy": 0.75, "sadness": 0.25}, rationale=f"by {modalities}")


def test_every_utterance_under_every_condition_that_it_allows() -> None:
    table = af.judge(says_joy, corpus(*(utterance(i) for i in range(6))), by=["accent"])
    assert table.conditions == ("TA", "T", "A")  # nobody has a face
    assert table.n_rows == 18
    assert table.n_units == 3
    assert table.levels["group_accent"] == ("northern", "southern")


def test_the_function_sees_only_what_it_may() -> None:
    seen: list[Utterance] = []

    def looks(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        seen.append(utterance)
        return Judgement(label="joy")

    truth = utterance(0, rationales={"explain": "Joy."}, evidence=frozenset({"text"}), soft_label={"joy": 1.0})
    af.judge(looks, corpus(truth), conditions=["T", "A"])
    assert [(u.text is not None, u.audio is not None) for u in seen] == [(True, False), (False, True)]
    for shown in seen:
        assert shown.label is None
        assert not shown.rationales
        assert not shown.soft_label
        assert shown.evidence is None


def test_each_call_has_a_seed_of_its_own_that_repeats() -> None:
    seeds: list[int] = []

    def draws(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        seeds.append(seed)
        return Judgement(label="joy")

    for _ in range(2):
        af.judge(draws, corpus(utterance(0), utterance(1)), seed=3)
    first, second = seeds[:6], seeds[6:]
    assert first == second
    assert len(set(first)) == 6


def test_what_was_declined_is_never_shown() -> None:
    declined = utterance(0, consent={"audio": False})
    assert available(declined) == {"T"}
    table = af.judge(says_joy, corpus(declined, utterance(1)))
    assert any("no consent to audio" in said for said in table.assumptions)
    because = table.side_tables["unjudged"]["because"].to_pylist()
    assert because.count("no consent to audio") == 4  # of TAV, TA, AV and A
    assert because.count("no video") == 6


def test_a_file_that_does_not_play_is_counted_and_named_and_the_run_goes_on() -> None:
    def hears(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        if utterance.utterance_id == "u1" and "audio" in modalities:
            raise MediaError("the file does not play", slug="media-unreadable", where="1.wav")
        return Judgement(label="joy")

    table = af.judge(hears, corpus(*(utterance(i) for i in range(3))), conditions=["A"])
    assert table.n_rows == 2
    assert any("1 of 3 judgements" in said for said in table.assumptions)
    assert any("1.wav: the file does not play" in said for said in table.assumptions)


def test_any_other_error_is_the_callers_own() -> None:
    def breaks(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        af.judge(breaks, corpus(utterance(0)))


def test_a_label_outside_the_space_is_named() -> None:
    def strange(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        return Judgement(label="envy")

    with pytest.raises(RowError, match=re.escape("y_pred lies outside the label space")):
        af.judge(strange, corpus(utterance(0)))


def test_conditions_that_nobody_can_be_judged_under_are_refused() -> None:
    with pytest.raises(PlanError, match="no utterance has"):
        asked_conditions(["V"], [utterance(0)])
    with pytest.raises(PlanError, match="degraded"):
        af.judge(says_joy, corpus(utterance(0)), conditions=["TA/noise=10dB"])


def test_turns_without_a_label_are_context() -> None:
    clinician = utterance(1, label=None)
    assert to_judge([utterance(0), clinician]) == (utterance(0),)
    assert to_judge([clinician]) == (clinician,)


def test_cues_keep_the_key_of_their_judgement() -> None:
    def cites(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        return Judgement(label="joy", cues=(af.Cue(modality="text", quote="glad", start_s=0.1, end_s=0.4),))

    cues = af.judge(cites, corpus(utterance(0)), conditions=["T"]).side_tables["cues"].to_pylist()
    assert cues == [
        {
            "utterance_id": "u0",
            "condition": "T",
            "instruction": None,
            "modality": "text",
            "quote": "glad",
            "start_s": 0.1,
            "end_s": 0.4,
        }
    ]
