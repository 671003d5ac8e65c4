"""The plan of the clinic has the shares that it claims, and its turns hang together."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from corpora.clinic.options import LABELS, ClinicOptions
from corpora.clinic.people import DECLINES_VIDEO, UNKNOWN_ACCENT, patient
from corpora.clinic.plot import LENGTHS, SHARES, Beat, Plot, plots

LARGE = ClinicOptions(n_utterances=24_000, media="none")


@pytest.fixture(scope="module")
def dialogues() -> list[Plot]:
    return plots(LARGE)


@pytest.fixture(scope="module")
def beats(dialogues: list[Plot]) -> list[Beat]:
    return [beat for plot in dialogues for beat in plot.beats]


def near(share: float, n: int, expected: float, slack: float = 0.0) -> bool:
    """Within four standard errors of a binomial; `slack` for shares that the plan itself gives as about."""
    return abs(share - expected) <= 4 * float(np.sqrt(expected * (1 - expected) / n)) + slack


@pytest.mark.parametrize("n", [*range(4, 40), 101, 997])
def test_the_number_of_utterances_is_exact(n: int) -> None:
    made = plots(ClinicOptions(n_utterances=n))
    assert sum(plot.n_turns for plot in made) == n
    assert all(plot.n_turns in LENGTHS for plot in made)


def test_labels_have_their_shares(beats: list[Beat]) -> None:
    counts = Counter(beat.label for beat in beats)
    # turns of one dialogue are alike, so the effective number is smaller
    assert all(
        near(counts[label] / len(beats), len(beats) // 2, share) for label, share in zip(LABELS, SHARES, strict=True)
    )


def test_evidence_has_its_shares(beats: list[Beat]) -> None:
    moved = [beat for beat in beats if beat.label != "neutral"]
    sizes = Counter(len(beat.order) for beat in moved)
    for size, share in ((1, 0.55), (2, 0.25), (3, 0.12), (0, 0.08)):
        # those who declined a modality have one instead of two or three, and the share of none is calibrated
        assert near(sizes[size] / len(moved), len(moved), share, slack=0.012), (size, sizes[size] / len(moved))


def test_each_modality_is_as_often_the_only_one(beats: list[Beat]) -> None:
    single = Counter(beat.order[0] for beat in beats if beat.label != "neutral" and len(beat.order) == 1)
    n = sum(single.values())
    assert all(near(count / n, n, 1 / 3, slack=0.02) for count in single.values())
    assert len(single) == 3


def test_an_emotion_persists(dialogues: list[Plot]) -> None:
    pairs = [(a.label, b.label) for plot in dialogues for a, b in zip(plot.beats, plot.beats[1:], strict=False)]
    assert near(sum(a == b for a, b in pairs) / len(pairs), len(pairs), 0.55)


def test_an_elliptical_turn_leans_on_evidence(dialogues: list[Plot]) -> None:
    found = 0
    for plot in dialogues:
        assert not plot.beats or not plot.beats[0].elliptical
        for before, beat in zip(plot.beats, plot.beats[1:], strict=False):
            assert beat.elliptical == (not beat.order)
            if beat.elliptical:
                found += 1
                assert before.evidence
                assert before.label == beat.label != "neutral"
    assert found > 100


def test_only_what_was_agreed_to_carries_evidence(dialogues: list[Plot]) -> None:
    declined = [plot for plot in dialogues if len(plot.patient.modalities()) < 3]
    assert declined
    assert all(beat.evidence <= set(plot.patient.modalities()) for plot in declined for beat in plot.beats)


def test_what_carries_nothing_shows_nothing(beats: list[Beat]) -> None:
    for beat in beats:
        for modality in ("text", "audio", "video"):
            label, intensity = beat.shown(modality)
            if modality not in beat.order:
                assert (label, intensity) == ("neutral", 0.0)
            else:
                assert label == beat.label
                assert intensity <= beat.intensity


def test_polite_words_cover_emotions_and_are_said_by_the_calm(beats: list[Beat]) -> None:
    covered = [beat for beat in beats if beat.label != "neutral" and beat.order and "text" not in beat.order]
    calm = [beat for beat in beats if beat.label == "neutral"]
    assert near(sum(beat.masked for beat in covered) / len(covered), len(covered), 0.15)
    assert near(sum(beat.masked for beat in calm) / len(calm), len(calm), 0.15)
    assert not any(beat.masked and "text" in beat.order for beat in beats if beat.label != "neutral")


def test_a_dialogue_belongs_to_one_patient_of_one_hospital(dialogues: list[Plot]) -> None:
    hospitals: dict[str, set[str]] = {}
    for plot in dialogues:
        hospitals.setdefault(plot.patient.speaker_id, set()).add(plot.patient.hospital)
        assert plot.clinician.hospital == plot.patient.hospital
    assert all(len(sites) == 1 for sites in hospitals.values())
    assert len({plot.dialogue_id for plot in dialogues}) == len(dialogues)


def test_two_thousand_utterances_have_a_hundred_patients_a_hospital() -> None:
    for seed in range(4):
        made = plots(ClinicOptions(seed=seed))
        patients = {plot.patient.speaker_id: plot.patient.hospital for plot in made}
        assert min(Counter(patients.values()).values()) >= 100, (seed, Counter(patients.values()))


def test_patients_have_the_shares_of_the_options() -> None:
    people = [patient(i, LARGE) for i in range(6000)]
    n = len(people)
    assert all(near(sum(p.accent == a for p in people) / n, n, s) for a, s in LARGE.accents.items())
    assert all(near(sum(p.age == a for p in people) / n, n, s) for a, s in LARGE.ages.items())
    assert near(sum("accent" not in p.sensitive() for p in people) / n, n, UNKNOWN_ACCENT)
    assert near(sum(not p.consent["video"] for p in people) / n, n, DECLINES_VIDEO)


def test_shares_of_zero_leave_a_level_out() -> None:
    only = ClinicOptions(accents={"hindi": 3, "spanish": 0})
    assert {patient(i, only).accent for i in range(50)} == {"hindi"}
