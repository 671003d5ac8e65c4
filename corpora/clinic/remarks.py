"""What the report has to say of the clinic: what it is made of, and which faults were planted, with their sizes."""

from __future__ import annotations

from typing import Final

from corpora.clinic.faults import DRIFTING, DRIFTS_TO, Planted
from corpora.clinic.options import ClinicOptions

ALWAYS: Final = (
    "this is a synthetic corpus: no patient, clinician, dialogue or hospital exists",
    "the voice is eSpeak NG, a formant synthesiser; accents are its voices, emotions are its pitch, rate and level",
    "faces are drawn from action units; words come from a grammar",
    "an elliptical turn carries no evidence of its own: its emotion is that of the patient's turn before",
    "neutral is told by all modalities together, for each of them also looks neutral where another carries an emotion",
)

UNRECORDED: Final = {
    "none": "no sound and no pictures were made; voice and face are described in rationales as planned",
    "patients": "only patients were recorded; of clinicians there are the words",
}


def remarks(options: ClinicOptions, planted: Planted) -> tuple[str, ...]:
    """Return the assumptions of the corpus."""
    faults = options.faults
    said = list(ALWAYS)
    if options.media != "full":
        said.append(UNRECORDED[options.media])
    for accent, snr_db in sorted(faults.accent_noise.items()):
        said.append(f"planted: the sound of patients with the accent {accent} has noise at {snr_db:g} dB")
    if planted.canaries:
        said.append(f"planted: {len(planted.canaries)} canaries, {faults.canary_repeats} times each")
    for canary in planted.canaries:
        said.append(f"planted canary, {canary.label}: {canary.text} In {', '.join(canary.utterance_ids)}")
    if planted.miscited:
        said.append(
            f"planted: the rationales of {len(planted.miscited)} turns cite a modality without evidence, a share of "
            f"{faults.wrong_citation_share:g} of the turns that have one; cues and evidence stay true"
        )
    for site, share in sorted(faults.label_drift.items()):
        said.append(
            f"planted: at {site} a share of {share:g} of {DRIFTING} is labelled {' or '.join(DRIFTS_TO)}; cues, "
            f"evidence and intensity stay true"
        )
    if len(said) == len(ALWAYS) + (options.media != "full"):
        said.append("no fault is planted")
    return tuple(said)
