"""SEED-VII: twenty people watched eighty films meant to rouse seven emotions, under EEG and eye tracking.

Jiang et al. 2025, IEEE Transactions on Affective Computing. What the release holds, and what is done about it:

* `emotion_label_and_stimuli_order.xlsx`: four sessions of twenty films, a row of film numbers above a row of emotions.
  One utterance is one person watching one film; its label is the emotion that the film was chosen for, not a report.
* `continuous_labels/<person>.mat`: how strongly the person says to have felt it, over time, from 0 to 1. Its mean is
  the intensity.
* `EEG_raw`, `EEG_preprocessed`, `EEG_features`, `EYE_raw`, `EYE_features`: not read. No modality of this house carries
  them, and they are listed to learn who took part.
* Nobody speaks, nothing is said, and no face was filmed: there is no text, no sound and no video of the person. The
  films themselves are not in the release. A reasoner over text, sound and video has nothing here to judge; the corpus
  serves recorded judgements, and tables of labels and people.
* Age and sex of single persons are not in the label files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from affidavit.corpus import Corpus
from affidavit.errors import RowError, TableError
from affidavit.options import read_options
from affidavit.protocols import CorpusLoader, Progress
from affidavit.raw_tables import unreadable
from affidavit.records import Record
from affidavit.utterances import Utterance
from corpora.grids import Row, read_grid
from corpora.labelling import UnknownLabels, labelling
from corpora.listing import Listing, corpus_digest, list_media, require_folder

LICENCE: Final = "SEED licence agreement (BCMI laboratory, SJTU): academic research only, no redistribution"
EMOTIONS: Final = ("anger", "disgust", "fear", "happy", "neutral", "sad", "surprise")
SHEET: Final = "emotion_label_and_stimuli_order.xlsx"
RECORDINGS: Final = ("EEG_preprocessed", "EEG_features", "EYE_features", "continuous_labels")
"""Folders with one file a person, named by the person's number."""
FILMS: Final = 80


class SeedVIIOptions(Record):
    """What a plan may say of SEED-VII."""

    path: str
    """The folder with `emotion_label_and_stimuli_order.xlsx`, relative to the plan."""
    labels: Mapping[str, str] = Field(default_factory=dict)
    """Label to another name; two may get the same."""
    unknown_labels: UnknownLabels = "refuse"


class SeedVIILoader:
    """Loads SEED-VII."""

    name = "seed-vii"
    options = SeedVIIOptions

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Progress) -> Corpus:
        """Load one utterance for each person and film, without media.

        Raises:
            PlanError: the options are at fault. TableError, RowError: the files are.
        """
        chosen = read_options(SeedVIIOptions, options, of=f"corpus {self.name}")
        root = folder / chosen.path
        require_folder(root)
        labels = labelling(EMOTIONS, of=f"corpus {self.name}", renamed=chosen.labels, unknown=chosen.unknown_labels)
        films = read_films(root / SHEET)
        recordings = [list_media(root, (".mat",), below=[kind]) for kind in RECORDINGS]
        people = _people(root, recordings)
        shown = [(film, label) for film in films if (label := labels.read(film.emotion, where=film.where)) is not None]
        strengths = {person: _strengths(root / "continuous_labels" / f"{person}.mat") for person in people}
        utterances = tuple(
            _utterance(person, film, label, strengths[person]) for person in people for film, label in shown
        )
        progress("reading labels", len(utterances), len(utterances))
        continuous = sorted((root / "continuous_labels").glob("*.mat"))
        return Corpus(
            name=self.name,
            utterances=utterances,
            digest=corpus_digest(root, [root / SHEET, *continuous], recordings),
            licence=LICENCE,
            label_space=labels.label_space,
            assumptions=(
                *_SAID,
                f"{len(people)} people, {len(films)} films",
                *labels.remarks(len(films) - len(shown), len(films)),
                *_unrated(utterances),
            ),
        )


_SAID: Final = (
    "there is no speech, no text and no video of a face: nothing that a reasoner over those could judge",
    "EEG_features and EYE_features lie beside the labels and are not read",
    "the label is the emotion that a film was chosen for, which is an intention and not a report",
    "the speaker is the person who watches, and says nothing; a dialogue is a session",
    "intensity is the mean of the person's own continuous rating, from 0 to 1",
    "the corpus digest covers names and sizes of recordings, not their content",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """One film of the order of stimuli."""

    number: int
    session: int
    position: int
    """In the session, from 1."""
    emotion: str | None
    where: str


def read_films(path: Path) -> list[Film]:
    """Return the films in the order of the sheet: each row of emotions with the row of numbers above it.

    Raises:
        TableError: it is no such sheet. RowError: a number is missing or stands twice.
    """
    films: list[Film] = []
    numbers: Row = []
    session = 0
    for at, row in enumerate(read_grid(path), start=1):
        if not _names_emotions(row):
            numbers = row if any(row[1:]) else numbers
            continue
        session += 1
        for column, emotion in enumerate(row[1:], start=1):
            number = numbers[column] if column < len(numbers) else None
            if emotion is None and number is None:
                continue
            where = f"{path.name}, row {at}, column {column + 1}"
            films.append(
                Film(number=_number(number, where), session=session, position=column, emotion=emotion, where=where)
            )
    _require_films(films, path)
    return films


def _names_emotions(row: Row) -> bool:
    words = [cell.lower() for cell in row[1:] if cell is not None]
    return 2 * sum(word in EMOTIONS for word in words) > len(words)


def _number(cell: str | None, where: str) -> int:
    match = re.search(r"(\d{1,3})\D*$", cell or "")
    if match is None:
        raise RowError(
            "there is no film number above the emotion",
            slug="row-value",
            where=where,
            found="nothing" if cell is None else repr(cell),
            allowed=f"1 to {FILMS}",
            remedy="keep the sheet as the corpus ships it",
        )
    return int(match[1])


def _require_films(films: Sequence[Film], path: Path) -> None:
    if not films:
        raise TableError(
            "there are no rows of emotions",
            slug="file-empty",
            where=path.name,
            allowed=f"rows of {', '.join(EMOTIONS)}, each below a row of film numbers",
            remedy="keep the sheet as the corpus ships it",
        )
    first: dict[int, Film] = {}
    for film in films:
        if film.number in first:
            raise RowError(
                "two cells have the same film",
                slug="row-duplicate",
                where=f"{first[film.number].where} and {film.where}",
                found=str(film.number),
                remedy="keep the sheet as the corpus ships it",
            )
        first[film.number] = film


def _people(root: Path, recordings: Sequence[Listing]) -> list[str]:
    people = sorted({stem for each in recordings for stem in each.stems if stem.isdecimal()}, key=int)
    if not people:
        raise TableError(
            "there are no recordings, so nobody knows who took part",
            slug="file-not-found",
            where=str(root),
            allowed=", ".join(f"{folder}/1.mat" for folder in RECORDINGS),
            remedy="put one of these folders of the release there; continuous_labels suffices",
        )
    return people


def _strengths(path: Path) -> dict[int, float]:
    """Return film to the mean of a person's continuous rating; nothing where there is no file."""
    if not path.is_file():
        return {}
    import numpy as np
    from scipy.io import loadmat

    try:
        ratings = loadmat(path)
    except Exception as error:  # scipy raises whatever the bytes lead it to
        raise unreadable(path, error) from None
    means: dict[int, float] = {}
    for key, values in ratings.items():
        if not key.startswith("__") and (match := re.search(r"(\d+)$", key)):
            rating = np.asarray(values, dtype=np.float64).ravel()
            if rating.size == 0 or not np.isfinite(rating).all() or rating.min() < 0 or rating.max() > 1:
                raise RowError(
                    "the continuous rating is out of its range",
                    slug="row-value",
                    where=f"continuous_labels/{path.name}, {key}",
                    found="nothing" if rating.size == 0 else f"{rating.min():g} to {rating.max():g}",
                    allowed="0 to 1",
                    remedy="keep the file as the corpus ships it",
                )
            means[int(match[1])] = float(rating.mean())
    return means


def _utterance(person: str, film: Film, label: str, strengths: Mapping[int, float]) -> Utterance:
    return Utterance(
        utterance_id=f"{person}-{film.number}",
        speaker_id=person,
        dialogue_id=f"{person}-session{film.session}",
        turn=film.position,
        label=label,
        intensity=strengths.get(film.number),
    )


def _unrated(utterances: Sequence[Utterance]) -> list[str]:
    unrated = sum(utterance.intensity is None for utterance in utterances)
    return [f"{unrated} of {len(utterances)} viewings have no continuous rating"] if unrated else []


LOADER: Final[CorpusLoader] = SeedVIILoader()
