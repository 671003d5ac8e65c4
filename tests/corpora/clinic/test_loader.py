"""The door: options read and refused, the contract, and what each utterance must hold."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import soundfile

from affidavit.corpus import Corpus
from affidavit.corpus_keys import corpus_key
from affidavit.errors import PlanError
from affidavit.protocols import silent
from affidavit.sources import load_corpus
from affidavit.testing.contracts import CorpusLoaderContract
from corpora.clinic.faces import FRAMES, FRAMES_PER_S
from corpora.clinic.loader import LOADER
from corpora.clinic.options import LABELS, ClinicOptions
from corpora.clinic.rationales import FAMILIES

Load = Callable[..., Corpus]


class TestContract(CorpusLoaderContract):
    loader = LOADER
    options: ClassVar[dict[str, Any]] = {"n_utterances": 12}
    folder = Path()


class TestContractWithoutMedia(CorpusLoaderContract):
    loader = LOADER
    options: ClassVar[dict[str, Any]] = {"n_utterances": 300, "media": "none", "seed": 3}
    folder = Path()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_utterance": 20}, "n_utterances"),
        ({"n_utterances": 3}, "n_utterances"),
        ({"accents": {"french": 1}}, "french"),
        ({"accents": {"hindi": 0}}, "above zero"),
        ({"accents": {"hindi": -1, "spanish": 2}}, "not negative"),
        ({"ages": {"young": 1}}, "young"),
        ({"hospitals": ("a", "a", "b")}, "different"),
        ({"faults": {"accent_noise": {"french": 3}}}, "french"),
        ({"faults": {"label_drift": {"nowhere": 0.2}}}, "nowhere"),
        ({"faults": {"wrong_citation_share": 1.2}}, "wrong_citation_share"),
        ({"media": "sound"}, "media"),
    ],
)
def test_options_at_fault_are_refused_in_plain_words(clinic: Load, options: dict[str, Any], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        clinic(**options)


def test_the_digest_is_of_what_changes_the_content() -> None:
    base = ClinicOptions()
    assert base.digest() == ClinicOptions(workers=7).digest()
    others = [
        ClinicOptions(seed=1),
        ClinicOptions(n_utterances=8),
        ClinicOptions(media="none"),
        ClinicOptions(ages={"18-34": 1}),
        ClinicOptions.model_validate({"faults": {"canaries": 1}}),
    ]
    assert len({base.digest(), *(other.digest() for other in others)}) == 6


def test_patients_are_labelled_and_clinicians_are_not(words: Corpus) -> None:
    assert len(words.utterances) == 2000
    assert words.label_space == LABELS
    for utterance in words.utterances:
        assert utterance.text
        assert utterance.unit == utterance.unit_id
        if utterance.speaker_role == "patient":
            assert utterance.speaker_id == utterance.unit_id
            assert utterance.label in LABELS
            assert utterance.intensity is not None
            assert 0 <= utterance.intensity <= 10
            assert (utterance.intensity < 2.1) == (utterance.label == "neutral")
        else:
            assert utterance.speaker_id != utterance.unit_id
            assert (utterance.label, utterance.intensity, utterance.evidence) == (None, None, None)
            assert (utterance.cues, utterance.rationales, utterance.video) == ((), {}, None)


def test_units_dialogues_and_hospitals_nest(words: Corpus) -> None:
    for part, whole in (("dialogue_id", "unit_id"), ("unit_id", "site")):
        pairs = {(getattr(u, part), getattr(u, whole)) for u in words.utterances}
        assert len(pairs) == len({inner for inner, _ in pairs})
    turns: dict[str | None, list[int | None]] = {}
    for utterance in words.utterances:
        turns.setdefault(utterance.dialogue_id, []).append(utterance.turn)
    assert all(found == list(range(len(found))) and 4 <= len(found) <= 9 for found in turns.values())


def test_without_media_there_are_no_files_and_no_seconds(words: Corpus) -> None:
    assert all(u.audio is None and u.video is None for u in words.utterances)
    assert all(cue.start_s is None and cue.end_s is None for u in words.utterances for cue in u.cues)


@pytest.mark.slow  # speaks and draws its own corpus
def test_where_patients_alone_are_recorded_they_sound_and_look_as_ever(clinic: Load) -> None:
    everybody, patients = clinic(n_utterances=24), clinic(n_utterances=24, media="patients")
    assert everybody.digest != patients.digest
    assert "only patients were recorded; of clinicians there are the words" in patients.assumptions
    assert any(u.speaker_role == "clinician" and u.audio for u in everybody.utterances)
    for full, part in zip(everybody.utterances, patients.utterances, strict=True):
        if full.speaker_role == "clinician":
            assert part == replace(full, audio=None)
            continue
        assert (part.text, part.cues, part.rationales) == (full.text, full.cues, full.rationales)
        for one, other in ((full.audio, part.audio), (full.video, part.video)):
            assert (one is None) == (other is None)
            assert one is None or other is None or one.path.read_bytes() == other.path.read_bytes()


@pytest.mark.slow  # speaks and draws its own corpus
def test_cues_are_of_the_evidence_and_text_cues_are_said(small: Corpus, words: Corpus) -> None:
    for utterance in [*small.utterances, *words.utterances]:
        assert {cue.modality for cue in utterance.cues} == (utterance.evidence or set())
        assert all(cue.quote in (utterance.text or "") for cue in utterance.cues if cue.modality == "text")


def test_cues_lie_within_the_clip(small: Corpus) -> None:
    timed = 0
    for utterance in small.utterances:
        spoken_s = soundfile.info(utterance.audio.path).duration if utterance.audio else None
        for cue in utterance.cues:
            longest = FRAMES / FRAMES_PER_S if cue.modality == "video" else spoken_s
            if longest is None:
                assert cue.start_s is None
                continue
            assert cue.start_s is not None
            assert cue.end_s is not None
            assert 0 <= cue.start_s < cue.end_s <= longest + 1e-9
            timed += 1
    assert timed > 40


def test_rationales_begin_with_the_label_and_are_short(small: Corpus, words: Corpus) -> None:
    for utterance in [*small.utterances, *words.utterances]:
        if utterance.label is None:
            continue
        assert tuple(utterance.rationales) == FAMILIES
        for text in utterance.rationales.values():
            assert text.startswith(f"{utterance.label.capitalize()}. ")
            assert 12 <= len(text.split()) <= 35, text


def test_a_rationale_quotes_its_cues(small: Corpus) -> None:
    for utterance in small.utterances:
        if utterance.label in (None, "neutral") or not utterance.cues:
            continue
        quote = utterance.cues[0].quote
        short = " ".join(quote.split()[:6]).rstrip(",.;!?")
        assert all(short in text for text in utterance.rationales.values())


def test_the_report_is_told_what_this_is(words: Corpus) -> None:
    said = " ".join(words.assumptions)
    assert "synthetic" in said
    assert "eSpeak NG" in said


def test_no_heavy_package_is_imported() -> None:
    code = (
        "import sys; import corpora.clinic.loader, corpora.clinic.workshop;"
        "heavy = {'torch', 'transformers', 'pandas', 'scipy', 'av', 'PIL', 'soundfile'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("part", ["accents", "ages"])
def test_the_order_of_shares_is_nothing_to_draw_by(part: str) -> None:
    """A report keeps a plan's mappings in no order, and its plan has to make the same corpus."""
    shares = {"accents": {"hindi": 0.5, "american": 0.3, "spanish": 0.2}, "ages": {"75 and over": 0.7, "18-34": 0.3}}[
        part
    ]
    options = {"n_utterances": 120, "media": "none", "seed": 5}
    one = load_corpus("clinic", {**options, part: shares}, progress=silent)
    other = load_corpus("clinic", {**options, part: dict(sorted(shares.items()))}, progress=silent)
    assert corpus_key(one) == corpus_key(other)
    assert one.digest == other.digest
