"""The clinic on the stand: rationales that cite the wrong modality are found, and their clean twin is silent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.corpus import Corpus
from affidavit.examinations import Testimony
from affidavit.live import Live
from affidavit.protocols import silent
from affidavit.records import Finding
from affidavit.testing import case_of
from corpora.clinic.loader import LOADER

Findings = Callable[[Case], Mapping[tuple[str, str], Finding]]


def clinic(**options: Any) -> Corpus:
    return LOADER.load(options, folder=Path(), progress=silent)


def case(corpus: Corpus, family: str = "temporal", **options: Any) -> Case:
    """Return a case in which the corpus's own rationales are judged beside the corpus."""
    patients = [utterance for utterance in corpus.utterances if utterance.label]
    frame = pd.DataFrame(
        {
            "utterance_id": [u.utterance_id for u in patients],
            "unit_id": [u.unit for u in patients],
            "condition": "TAV",
            "y_pred": [u.label for u in patients],
            "rationale": [u.rationales[family] for u in patients],
            "sex": [u.sensitive["sex"] for u in patients],
        }
    )
    live = Live(corpus=corpus, reasoner=lambda: None)
    return replace(case_of(frame, ("sex",), options=options), live={"run": live})


def rate(told: Mapping[tuple[str, str], Finding], metric: str = "unsupported_cue_rate") -> float:
    value = told[metric, "everybody"].estimate.value
    assert value is not None
    return value


@pytest.mark.parametrize("family", ["temporal", "evidence", "evolution"])
def test_wrong_citations_raise_the_unsupported_rate_and_the_clean_twin_is_silent(
    family: str, findings: Findings
) -> None:
    options: dict[str, Any] = {"n_utterances": 300, "media": "none"}
    clean = findings(case(clinic(**options), family))
    faulty = findings(case(clinic(**options, faults={"wrong_citation_share": 0.5}), family))
    assert rate(clean) == 0.0
    assert rate(clean, "unknown_cue_share") < 0.1
    interval = faulty["unsupported_cue_rate", "everybody"].estimate.interval
    assert interval is not None
    assert interval.low > 0.1
    assert rate(faulty, "contradicted_cue_rate") > 0.05
    assert rate(clean, "unsupported_cue_rate_shuffled") > 0.3, "the control knows nothing of its own utterance"


def test_the_rate_rises_with_the_share_of_wrong_citations(findings: Findings) -> None:
    shares = (0.0, 0.3, 0.9)
    rates = [
        rate(findings(case(clinic(n_utterances=250, media="none", faults={"wrong_citation_share": share}))))
        for share in shares
    ]
    assert rates == sorted(rates)
    assert rates[-1] > 2 * rates[1] > 0


def test_a_group_whose_rationales_are_made_up_is_found(findings: Findings) -> None:
    corpus = clinic(n_utterances=600, media="none")
    wrong = clinic(n_utterances=600, media="none", faults={"wrong_citation_share": 1.0})
    told = {u.utterance_id: u.rationales for u in wrong.utterances}
    mixed = tuple(
        replace(u, rationales=told[u.utterance_id]) if u.sensitive.get("sex") == "male" else u
        for u in corpus.utterances
    )
    gap = findings(case(replace(corpus, utterances=mixed)))["unsupported_cue_rate_difference", "gap"]
    assert gap.highest == "male"
    assert gap.estimate.interval is not None
    assert gap.estimate.interval.low > 0.1


def test_a_table_of_the_plan_speaks_before_the_corpus(tmp_path: Path, findings: Findings) -> None:
    corpus = clinic(n_utterances=120, media="none")
    rows = [(u.utterance_id, "face", "none") for u in corpus.utterances if u.label]
    pd.DataFrame(rows, columns=["utterance_id", "aspect", "cue"]).to_csv(tmp_path / "e.csv", index=False)
    told = findings(case(corpus, evidence=str(tmp_path / "e.csv")))
    assert 0 < rate(told, "unsupported_cue_rate_face") < 1, "only faces at rest are borne out"
    assert rate(told, "unsupported_cue_rate_tone") == 0.0
    caveats = told["unsupported_cue_rate", "everybody"].caveats
    assert any(caveat.startswith("evidence of face: the table of the plan (sha256:") for caveat in caveats)
    assert f"rows of {len(rows)} of {len(rows)} judged utterances" in " ".join(caveats)
    assert "evidence of tone: measurements of the corpus" in caveats


def heard(n_utterances: int, fewest_clips: int) -> Case:
    """Return a case of a clinic whose sound is all that is known of voices."""
    pytest.importorskip("espeakng_loader")
    corpus = clinic(n_utterances=n_utterances)
    return case(replace(corpus, measurements=None), fewest_clips=fewest_clips)


def test_a_corpus_that_measured_nothing_is_heard(testify: Callable[[Case], Testimony]) -> None:
    testimony = testify(heard(16, fewest_clips=4))
    caveats = " ".join(testimony.claims[0].finding.caveats)
    assert "beside the median of the speaker's other clips" in caveats
    assert "of speakers with fewer than 4" in caveats
    assert any("nobody measured the face" in refusal.because for refusal in testimony.refusals)


@pytest.mark.slow
def test_true_rationales_are_borne_out_by_sound_alone_more_than_those_of_others(findings: Findings) -> None:
    told = findings(heard(300, fewest_clips=3))
    assert rate(told, "unsupported_cue_rate_tone") < 0.5 < rate(told, "unsupported_cue_rate_shuffled")
    excess = told["cue_precision_excess", "everybody"].estimate.interval
    assert excess is not None
    assert excess.low > 0.2
