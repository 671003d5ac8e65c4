"""What the clinic says was measured is what its rationales rest on, with and without sound."""

from __future__ import annotations

from collections import defaultdict

from affidavit.corpus import Corpus
from affidavit.measured_cues import MeasuredCue, measured_cues
from affidavit.utterances import Utterance
from corpora.clinic.faces import ACTION_UNITS

SAID = {
    **{("pitch", 1): "raised pitch", ("pitch", -1): "lowered pitch"},
    **{("range", 1): "lively pitch", ("range", -1): "flat pitch"},
    **{("rate", 1): "fast speech", ("rate", -1): "slow speech"},
    **{("level", 1): "high volume", ("level", -1): "low volume"},
    **{("tremor", 1): "trembling tone", ("creak", 1): "creaky tone"},
}


def by_utterance(corpus: Corpus) -> dict[str, list[MeasuredCue]]:
    assert corpus.measurements is not None
    found: dict[str, list[MeasuredCue]] = defaultdict(list)
    for cue in measured_cues(corpus.measurements):
        found[cue.utterance_id].append(cue)
    return found


def holds(utterance: Utterance, measured: list[MeasuredCue]) -> bool:
    """Whether every cue of voice and face that is quoted was measured."""
    told = {SAID.get((cue.cue, cue.direction), f"({cue.cue})") for cue in measured if cue.direction}
    quotes = [cue.quote for cue in utterance.cues if cue.modality != "text"]
    rest = {"even voice", "relaxed face"}
    return all(quote in told | rest or any(unit in quote for unit in told) for quote in quotes)


def test_every_quoted_cue_was_measured(words: Corpus, small: Corpus) -> None:
    for corpus in (words, small):
        found = by_utterance(corpus)
        patients = [u for u in corpus.utterances if u.label]
        assert patients
        assert all(holds(utterance, found[utterance.utterance_id]) for utterance in patients)


def test_modalities_without_evidence_were_measured_and_are_at_rest(words: Corpus) -> None:
    found = by_utterance(words)
    for utterance in words.utterances:
        if utterance.label is None or utterance.evidence is None:
            continue
        for aspect, modality in (("face", "video"), ("tone", "audio")):
            own = [cue for cue in found[utterance.utterance_id] if cue.aspect == aspect]
            assert bool(own) == utterance.consent[modality]
            if modality not in utterance.evidence:
                assert not any(cue.direction for cue in own), utterance.utterance_id


def test_every_action_unit_is_measured_and_clinicians_are_not(words: Corpus) -> None:
    found = by_utterance(words)
    patients = {u.utterance_id: u for u in words.utterances if u.label}
    assert set(found) <= set(patients)
    seen = next(u for u in patients.values() if u.consent["video"])
    assert [cue.cue for cue in found[seen.utterance_id] if cue.aspect == "face"] == list(ACTION_UNITS)
