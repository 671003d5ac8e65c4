"""Where the evidence of a run comes from, aspect by aspect.

First the table that the plan names, then what came with the corpus, then the corpus's own sound and words: the first
that has an aspect speaks for it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import Field

from affidavit.case import Case
from affidavit.corpus import Corpus
from affidavit.digests import file_digest
from affidavit.errors import MissingPartError
from affidavit.measured_cues import ASPECTS, NOTICED
from affidavit.protocols import Progress
from affidavit.tables import RawTable
from faithfulness.grounding.evidence import Evidence, Spoken, evidence_of
from faithfulness.grounding.judged import Judged
from faithfulness.grounding.rows import EvidenceRow, open_evidence, rows_of_measurements, rows_of_table
from faithfulness.grounding.spoken import spoken_in
from faithfulness.grounding.transcripts import SHARE
from faithfulness.grounding.vocabulary import MOST_OWN
from faithfulness.grounding.voices import FEWEST_CLIPS, TOLERANCE, measured_voices
from faithfulness.twins import MatchingOptions

MEASURED: Final = "a voice changes from " + ", ".join(
    f"{NOTICED[cue, unit]:g} {unit} of {cue}"
    for cue, unit in (("pitch", "st"), ("range", "ln"), ("rate", "ln"), ("level", "dB"))
)
QUOTING: Final = f"a quotation is found where {SHARE:.0%} of its words stand together"


LISTED: Final = "lists what was seen: what it does not name counts as not there; rows with present = 0 would tell"


class GroundingOptions(MatchingOptions):
    """What cue grounding can be told in a plan."""

    evidence: str | None = None
    """A table of measured cues: `utterance_id`, `aspect`, `cue`, and `present` or `value` with `unit`."""
    fewest_clips: int = Field(default=FEWEST_CLIPS, ge=3)
    """Clips of a speaker from which on it is known what is usual for them."""
    utterance: str | None = None
    """Tell every cue of this utterance's rationales (exhibit `cue-grounding-utterance`), and no number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """The table of evidence that the plan names; empty where it names none."""

    rows: tuple[EvidenceRow, ...] = ()
    digest: str | None = None

    def remarks(self, utterances: Sequence[str]) -> list[str]:
        """Say which table spoke, and of how many of the judged utterances."""
        if not self.rows:
            return []
        named = {row.utterance_id for row in self.rows}
        held = sum(name in named for name in utterances)
        aspects = _listed({row.aspect for row in self.rows})
        return [
            f"evidence of {aspects}: the table of the plan ({self.digest or 'held in memory'})",
            f"the table of the plan has rows of {held:,} of {len(utterances):,} judged utterances",
        ]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sourced:
    """Evidence, and what has to be said of it."""

    evidence: Evidence
    remarks: tuple[str, ...]


def evidence_file(case: Case, options: GroundingOptions) -> RawTable | None:
    """Return the table that the plan names, opened; None where it names none.

    Raises:
        InputError: it does not open, or lacks a column.
    """
    return None if options.evidence is None else open_evidence(case.folder / Path(options.evidence))


def supplied(case: Case, options: GroundingOptions) -> Supply:
    """Return that table, read.

    Raises:
        InputError: the table cannot be read.
    """
    raw = evidence_file(case, options)
    if raw is None:
        return Supply()
    return Supply(rows=tuple(rows_of_table(raw)), digest=None if raw.path is None else file_digest(raw.path))


def sourced(
    judged: Judged, supply: Supply, corpus: Corpus | None, options: GroundingOptions, progress: Progress
) -> Sourced:
    """Return the evidence of the judged utterances."""
    held, remarks = list(supply.rows), supply.remarks(judged.utterances)
    named = {row.aspect for row in supply.rows}
    spoken = Spoken()
    if corpus is not None:
        came = [] if corpus.measurements is None else rows_of_measurements(corpus.measurements)
        brought = [row for row in came if row.aspect not in named]
        held += brought
        if brought:
            remarks.append(f"evidence of {_listed({row.aspect for row in brought})}: measurements of the corpus")
            remarks += [MEASURED] if any(row.aspect == "tone" for row in brought) else []
        named |= {row.aspect for row in brought}
        if "tone" not in named:
            heard, said = _heard(judged, corpus, options, progress)
            held += heard
            remarks += said
        spoken = spoken_in(corpus)
    evidence = evidence_of(judged.utterances, held, spoken)
    if evidence.lists:
        remarks.append(f"evidence of {_listed(set(evidence.lists))} {LISTED}")
    if evidence.n_not_held:
        remarks.append(f"{evidence.n_not_held:,} cues in the table's own words are more than {MOST_OWN}, and not read")
    if evidence.said:
        remarks.append(QUOTING)
    return Sourced(evidence=evidence, remarks=tuple(remarks))


def _heard(
    judged: Judged, corpus: Corpus, options: GroundingOptions, progress: Progress
) -> tuple[list[EvidenceRow], list[str]]:
    """Measure the voices of whoever was judged, over all their clips."""
    wanted = set(judged.utterances)
    speakers = {each.speaker_id or each.utterance_id for each in corpus.utterances if each.utterance_id in wanted}
    own = [each for each in corpus.utterances if (each.speaker_id or each.utterance_id) in speakers]
    if not any(each.audio for each in own):
        return [], []
    try:
        voices = measured_voices(own, fewest_clips=options.fewest_clips, progress=progress)
    except MissingPartError as error:
        return [], [f"voices were not measured: {error.what}"]
    remarks = ["evidence of tone: the sound of the corpus, beside the median of the speaker's other clips", TOLERANCE]
    if voices.n_unreadable:
        remarks.append(f"{voices.n_unreadable:,} clips could not be played: their tone is unknown")
    if voices.n_without_usual:
        few = f"of speakers with fewer than {options.fewest_clips}: what is usual for them is unknown"
        remarks.append(f"{voices.n_without_usual:,} clips are {few}")
    return list(voices.rows), remarks


def _listed(aspects: set[str]) -> str:
    return ", ".join(aspect for aspect in ASPECTS if aspect in aspects)
