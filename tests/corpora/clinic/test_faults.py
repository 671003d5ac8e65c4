"""Each fault is found in the data with its size, and not in the clean twin, which differs in nothing else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.utterances import Utterance
from corpora.clinic.faults import RARE, planted, reserve_canaries
from corpora.clinic.options import ClinicOptions
from corpora.clinic.rationales import NOUNS

Load = Callable[..., Corpus]


def cited(utterance: Utterance) -> set[str]:
    """The modalities that the rationale of family `evidence` gives as evidence, read from its words."""
    text = utterance.rationales["evidence"].split(". ", 1)[1]
    claims = " ".join(
        part for part in re.split(r"(?<=[.])\s", text) if "neutral" not in part and "only polite" not in part
    )
    if claims.startswith("No modality of this turn"):
        return set()
    plain = {"text": "plain words", "audio": "even voice", "video": "relaxed face"}
    return {m for m, noun in NOUNS.items() if re.search(rf"[Tt]he [a-z, ]*\b{noun}\b", claims) or plain[m] in claims}


def changed(first: Corpus, second: Corpus, *fields: str) -> set[str]:
    pairs = zip(first.utterances, second.utterances, strict=True)
    return {a.utterance_id for a, b in pairs if any(getattr(a, name) != getattr(b, name) for name in fields)}


ALL = ("text", "label", "intensity", "rationales", "cues", "evidence", "sensitive", "site", "unit_id", "consent")


def test_the_clean_corpus_cites_what_is_evidence(words: Corpus) -> None:
    assert "no fault is planted" in words.assumptions
    for utterance in words.utterances:
        if utterance.evidence is not None:
            assert cited(utterance) == utterance.evidence, utterance.rationales["evidence"]


def test_wrong_citations_have_their_share_and_leave_the_truth(words: Corpus, clinic: Load) -> None:
    options: dict[str, Any] = {"media": "none", "faults": {"wrong_citation_share": 0.3}}
    faulty = clinic(**options)
    wrong = planted(ClinicOptions.model_validate(options)).miscited
    eligible = [
        u for u in words.utterances if u.evidence and u.evidence < {m for m, agreed in u.consent.items() if agreed}
    ]
    assert len(wrong) == round(0.3 * len(eligible))
    assert changed(words, faulty, "rationales") == set(wrong)
    assert not changed(words, faulty, *(set(ALL) - {"rationales"}))
    for utterance in faulty.utterances:
        if utterance.utterance_id in wrong:
            assert utterance.evidence is not None
            assert cited(utterance) == {wrong[utterance.utterance_id]}
            assert not cited(utterance) & utterance.evidence
    assert any("a share of 0.3" in said for said in faulty.assumptions)


def test_labels_drift_at_one_site_alone(words: Corpus, clinic: Load) -> None:
    options: dict[str, Any] = {"media": "none", "faults": {"label_drift": {"harbour": 0.4}}}
    faulty = clinic(**options)
    drifted = planted(ClinicOptions.model_validate(options)).drifted
    sad = [u for u in words.utterances if u.label == "sadness" and u.site == "harbour"]
    assert len(drifted) == round(0.4 * len(sad))
    assert changed(words, faulty, "label") == set(drifted) <= {u.utterance_id for u in sad}
    assert not changed(words, faulty, *(set(ALL) - {"rationales", "label"}))
    counts = Counter(drifted.values())
    assert set(counts) == {"neutral", "fear"}
    assert abs(counts["neutral"] - counts["fear"]) <= 1
    for utterance in faulty.utterances:
        if utterance.label:
            assert all(text.startswith(f"{utterance.label.capitalize()}. ") for text in utterance.rationales.values())
    assert any("at harbour a share of 0.4 of sadness" in said for said in faulty.assumptions)


def test_canaries_are_said_as_often_as_asked_for(words: Corpus, clinic: Load) -> None:
    options: dict[str, Any] = {"media": "none", "faults": {"canaries": 5, "canary_repeats": 4}}
    faulty = clinic(**options)
    canaries = planted(ClinicOptions.model_validate(options)).canaries
    said = Counter(u.text for u in faulty.utterances)
    assert len(canaries) == len({canary.text for canary in canaries}) == 5
    assert all(said[canary.text] == 4 == len(canary.utterance_ids) for canary in canaries)
    hosts = {u.utterance_id: u for u in faulty.utterances}
    for canary in canaries:
        assert {hosts[name].label for name in canary.utterance_ids} == {canary.label}
        assert len({hosts[name].unit_id for name in canary.utterance_ids}) == 4
        assert any(canary.text in line and canary.utterance_ids[0] in line for line in faulty.assumptions)
    places = {name for canary in canaries for name in canary.utterance_ids}
    assert changed(words, faulty, "text") == places
    assert not changed(words, faulty, "sensitive", "site", "unit_id", "consent")
    pattern = re.compile(rf"\b({'|'.join(RARE)})\b")
    assert not any(pattern.search(u.text or "") for u in words.utterances)


def test_reserve_canaries_are_alike_and_never_said(clinic: Load) -> None:
    options: dict[str, Any] = {"media": "none", "n_utterances": 400, "faults": {"canaries": 5}}
    reserve = reserve_canaries(ClinicOptions.model_validate(options))
    said = {u.text for u in clinic(**options).utterances}
    assert len(reserve) == 5
    assert not {canary.text for canary in reserve} & said


def test_too_many_canaries_are_refused(clinic: Load) -> None:
    with pytest.raises(PlanError, match="not enough patients"):
        clinic(n_utterances=20, media="none", faults={"canaries": 9, "canary_repeats": 9})


@pytest.mark.slow  # speaks and draws its own corpus
def test_an_accent_s_sound_has_noise_of_the_level_asked_for_and_no_other_s(clinic: Load) -> None:
    options: dict[str, Any] = {"n_utterances": 24, "accents": {"hindi": 3, "american": 1}}
    clean, noisy = clinic(**options), clinic(**options, faults={"accent_noise": {"hindi": 3.0}})
    degraded = 0
    for a, b in zip(clean.utterances, noisy.utterances, strict=True):
        assert (a.audio is None) == (b.audio is None)
        assert a.cues == b.cues
        assert a.rationales == b.rationales
        assert a.video is None or b.video is None or a.video.path.read_bytes() == b.video.path.read_bytes()
        if a.audio is None or b.audio is None:
            continue
        if a.sensitive.get("accent") == "hindi" and a.speaker_role == "patient":
            degraded += 1
            assert measured_snr(a.audio.path, b.audio.path) == pytest.approx(3.0, abs=0.3)
        elif "accent" in a.sensitive or a.speaker_role == "clinician":
            assert a.audio.path.read_bytes() == b.audio.path.read_bytes()
    assert degraded >= 3
    assert any("hindi has noise at 3 dB" in said for said in noisy.assumptions)
    assert not any("noise" in said for said in clean.assumptions)


def measured_snr(clean: Path, noisy: Path) -> float:
    """The signal-to-noise ratio of a clip against its clean twin, whatever its scale."""
    signal, mixed = soundfile.read(clean)[0], soundfile.read(noisy)[0]
    scale = float(signal @ mixed / (signal @ signal))
    rest = mixed - scale * signal
    return 10 * float(np.log10(scale**2 * (signal @ signal) / (rest @ rest)))
