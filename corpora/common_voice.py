"""A recogniser's transcripts of Common Voice, counted into word errors by accent, age and gender.

Ardila et al. 2020 (LREC) for the corpus. The table is `cv-valid-dev.csv` of its first version with a column
`generated_text`, the output of a recogniser that the file does not name.

What the file holds, and what is done about it:

* Nearly two thirds of the rows say nothing of age, gender or accent. They are the group `unknown`, and never dropped.
* There are no speakers. Rows are the units, though one person may have read many: intervals may be too narrow. Seven
  accents have six rows or fewer, and may be one person each.
* The same sentences were read many times: rows share their words, and so their difficulty.
* References are lower case and transcripts upper case, both without punctuation: case must be folded.
* Some references keep an opening quotation mark on a word (`'word`), or lack their beginning, and transcripts hold
  stray apostrophes: those are stripped at the ends of words.
* A clip of zero seconds has an empty transcript: all its words are deletions.
* Levels are spelt as the corpus spells them (`fourties`, `southatlandtic`).
* The table reader takes a cell that reads `NA`, `null` or `nan` for a missing one, so a transcript of that one word
  would count as empty. There is none here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from affidavit.corpus import Corpus
from affidavit.digests import file_digest
from affidavit.options import read_options
from affidavit.protocols import CorpusLoader, Progress
from affidavit.records import Record
from affidavit.schema import UNKNOWN
from affidavit.tables import RawTable, open_table
from affidavit.utterances import Utterance
from corpora.cells import Cells, read_cells, require_columns, require_ids
from corpora.word_errors import Normalisation, word_errors

FILE: Final = "cv-valid-dev.csv"
FEATURES: Final = ("age", "gender", "accent")
LICENCE: Final = "CC0 1.0"


class CommonVoiceOptions(Record):
    """What a plan may say of the transcripts."""

    path: str
    """`cv-valid-dev.csv`, another table with the same columns, or the folder of the first; relative to the plan."""
    normalisation: Normalisation = Normalisation()


class CommonVoiceLoader:
    """Loads a recogniser's transcripts."""

    name = "common-voice-asr"
    options = CommonVoiceOptions

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Progress) -> Corpus:
        """Load clips as utterances and word errors as `recorded`, reasoner `recogniser`, condition `A`.

        Raises:
            PlanError: the options are at fault. TableError, ColumnError, RowError: the file is.
        """
        chosen = read_options(CommonVoiceOptions, options, of=f"corpus {self.name}")
        path = folder / chosen.path
        path = path / FILE if path.is_dir() else path
        raw = open_table(path)
        require_columns(raw, ["filename", "text", "generated_text"])
        cells = read_cells(raw)
        clips = _clips(cells, raw, chosen.normalisation)
        progress("counting word errors", len(clips), len(clips))
        return Corpus(
            name=self.name,
            utterances=tuple(clip.utterance for clip in clips),
            digest=file_digest(path),
            licence=LICENCE,
            recorded=_recorded([clip for clip in clips if clip.words], _features(raw)),
            assumptions=(*raw.assumptions, *_assumptions(clips, cells, raw, chosen.normalisation)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clip:
    utterance: Utterance
    words: int
    errors: int
    heard: int
    """Words of the transcript."""


def _features(raw: RawTable) -> list[str]:
    return [feature for feature in FEATURES if feature in raw.columns]


def _clips(cells: Cells, raw: RawTable, normalisation: Normalisation) -> list[_Clip]:
    ids = require_ids(cells.texts("filename"), where=cells.where, what="filename")
    texts, transcripts = cells.texts("text"), cells.texts("generated_text")
    levels = {feature: cells.levels(feature) for feature in _features(raw)}
    said = [normalisation.words(text or "") for text in texts]
    heard = [normalisation.words(text or "") for text in transcripts]
    return [
        _Clip(
            utterance=Utterance(
                utterance_id=ids[row],
                text=texts[row],
                sensitive={feature: values[row] for feature, values in levels.items()},
            ),
            words=len(said[row]),
            errors=word_errors(said[row], heard[row]),
            heard=len(heard[row]),
        )
        for row in range(cells.n_rows)
    ]


def _recorded(clips: Sequence[_Clip], features: Sequence[str]) -> pa.Table:
    columns: dict[str, Any] = {
        "utterance_id": pa.array([clip.utterance.utterance_id for clip in clips], pa.string()),
        "condition": pa.array(["A"] * len(clips), pa.string()),
        "reasoner": pa.array(["recogniser"] * len(clips), pa.string()),
        "word_errors": pa.array([clip.errors for clip in clips], pa.int64()),
        "words": pa.array([clip.words for clip in clips], pa.int64()),
    }
    for feature in features:
        levels = [clip.utterance.sensitive[feature] for clip in clips]
        columns[f"group_{feature}"] = pa.array(levels, pa.string())
    return pa.table(columns)


def _assumptions(clips: Sequence[_Clip], cells: Cells, raw: RawTable, normalisation: Normalisation) -> list[str]:
    n, features = len(clips), _features(raw)
    texts = {clip.utterance.text for clip in clips}
    counts = {
        "{} of {} references hold no words and are left out": sum(not clip.words for clip in clips),
        "{} of {} transcripts are empty: all words are deletions": sum(c.words > 0 and c.heard == 0 for c in clips),
        "{} of {} clips last zero seconds, and count like the others": _silent_clips(cells, raw),
        "{} of {} rows repeat a sentence that another row has: rows share their words": n - len(texts),
    }
    counts |= {
        f"{{}} of {{}} rows say nothing of {feature} and are the group {UNKNOWN}": sum(
            clip.utterance.sensitive[feature] == UNKNOWN for clip in clips
        )
        for feature in features
    }
    return [
        "the recogniser is not named in the file",
        "no speaker ids: rows are units, though one person may have read several; intervals may be too narrow",
        f"words are compared after normalisation: {normalisation.described()}",
        *(text.format(count, n) for text, count in counts.items() if count),
        *(f"there is no column {feature}" for feature in FEATURES if feature not in features),
    ]


def _silent_clips(cells: Cells, raw: RawTable) -> int:
    return sum(seconds == 0 for seconds in cells.numbers("duration")) if "duration" in raw.columns else 0


LOADER: Final[CorpusLoader] = CommonVoiceLoader()
