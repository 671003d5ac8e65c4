"""Reads `tabulatedVotes.csv` of CREMA-D: who voted for what, of which clip, in which presentation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from affidavit.errors import RowError
from affidavit.tables import open_table
from corpora.cells import Cells, read_cells, require_columns

PRESENTATIONS: Final[Mapping[str, str]] = MappingProxyType({"1": "A", "2": "V", "3": "AV"})
"""First digit of the row name to condition."""
EMOTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {"A": "anger", "D": "disgust", "F": "fear", "H": "happy", "N": "neutral", "S": "sad"}
)
"""Column of votes to label, in the order of the file."""
_INTENDED: Final = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
_CLIP: Final = re.compile(r"(\d{4})_([A-Z]{3})_([A-Z]{3})_(LO|MD|HI|XX?)")
_STRENGTHS: Final = {
    emotion: f"mean{word}Resp"
    for emotion, word in zip(EMOTIONS.values(), ("Anger", "Disgust", "Fear", "Happy", "Neutral", "Sad"), strict=True)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """What the crowd said of one clip in one presentation."""

    clip: str
    condition: str
    actor: str
    sentence: str
    intended: str
    level: str
    """`LO`, `MD`, `HI`, or `XX` where no intensity was asked for."""
    votes: Mapping[str, int]
    strengths: Mapping[str, float | None]
    """Mean response (0 to 100) of those who chose the emotion; None where nobody did."""

    @property
    def n_votes(self) -> int:
        """How many people voted."""
        return sum(self.votes.values())

    @property
    def shares(self) -> dict[str, float]:
        """Share of votes for each emotion; they sum to one."""
        return {emotion: n / self.n_votes for emotion, n in self.votes.items()}

    @property
    def plurality(self) -> tuple[str, ...]:
        """The emotions with the most votes: several where they tie."""
        most = max(self.votes.values())
        return tuple(emotion for emotion, n in self.votes.items() if n == most)

    def strength(self, emotion: str) -> float | None:
        """Return the mean response for an emotion, None where nobody chose it."""
        return self.strengths[emotion]


def read_ratings(path: Path) -> tuple[list[Rating], tuple[str, ...]]:
    """Return the rows of a votes file, and remarks on those that are left out or contradict themselves.

    Raises:
        TableError, ColumnError: it is not a votes file. RowError: a row names no presentation, clip or number, or
            stands twice.
    """
    raw = open_table(path)
    require_columns(raw, [*EMOTIONS, "fileName", *_STRENGTHS.values()])
    cells = read_cells(raw)
    clips = [_required(text, row, "fileName", cells) for row, text in enumerate(cells.texts("fileName"))]
    conditions = _conditions(cells, raw.columns[0])
    votes = {emotion: _counts(cells, column) for column, emotion in EMOTIONS.items()}
    strengths = {emotion: _strengths(cells, column) for emotion, column in _STRENGTHS.items()}
    ratings = [
        _rating(
            clip,
            conditions[row],
            {emotion: counts[row] for emotion, counts in votes.items()},
            {emotion: values[row] for emotion, values in strengths.items()},
            where=cells.at(row),
        )
        for row, clip in enumerate(clips)
    ]
    _refuse_twice(ratings, cells)
    return [rating for rating in ratings if rating.n_votes], (*raw.assumptions, *_remarks(ratings, cells))


def _conditions(cells: Cells, row_names: str) -> list[str]:
    names = [_required(text, row, "the row name", cells) for row, text in enumerate(cells.texts(row_names))]
    for row, name in enumerate(names):
        if name[0] not in PRESENTATIONS or not (name.isdigit() and len(name) == 6):
            raise RowError(
                "the row name does not say how the clip was presented",
                slug="row-value",
                where=cells.at(row),
                found=repr(name),
                allowed="six digits, the first of them 1 (voice), 2 (face) or 3 (both)",
                remedy="keep the first column, whose header is blank, as the corpus ships it",
            )
    return [PRESENTATIONS[name[0]] for name in names]


def _rating(
    clip: str, condition: str, votes: Mapping[str, int], strengths: Mapping[str, float | None], *, where: str
) -> Rating:
    match = _CLIP.fullmatch(clip)
    if match is None or match[3] not in _INTENDED:
        raise RowError(
            "the clip's name does not read",
            slug="row-value",
            where=where,
            found=repr(clip),
            allowed=f"actor_sentence_emotion_level, emotion one of {', '.join(_INTENDED)}",
            remedy="keep fileName as the corpus ships it, without a suffix",
        )
    return Rating(
        clip=clip,
        condition=condition,
        actor=match[1],
        sentence=match[2],
        intended=_INTENDED[match[3]],
        level="XX" if match[4] == "X" else match[4],
        votes=votes,
        strengths=strengths,
    )


def _counts(cells: Cells, column: str) -> list[int]:
    counts = cells.numbers(column)
    for row, count in enumerate(counts):
        if count is None or count < 0 or not count.is_integer():
            raise RowError(
                f"{column} is not a count of votes",
                slug="row-value",
                where=cells.at(row),
                found="nothing" if count is None else f"{count:g}",
                allowed="a whole number from 0",
                remedy="correct the count or drop the row",
            )
    return [int(count) for count in counts if count is not None]


def _strengths(cells: Cells, column: str) -> list[float | None]:
    return [None if value is None or value < 0 else value for value in cells.numbers(column)]


def _required(text: str | None, row: int, what: str, cells: Cells) -> str:
    if text is None:
        raise RowError(
            f"{what} is missing",
            slug="row-id-missing",
            where=cells.at(row),
            found="nothing",
            remedy="keep the row as the corpus ships it",
        )
    return text


def _refuse_twice(ratings: Sequence[Rating], cells: Cells) -> None:
    first: dict[tuple[str, str], int] = {}
    for row, rating in enumerate(ratings):
        key = (rating.clip, rating.condition)
        if key in first:
            raise RowError(
                "two rows rate the same clip in the same presentation",
                slug="row-duplicate",
                where=f"{cells.where}, rows {first[key] + 1} and {row + 1}",
                found=" ".join(key),
                allowed="one row for each clip and presentation",
                remedy="drop one, or add up their votes",
            )
        first[key] = row


def _remarks(ratings: Sequence[Rating], cells: Cells) -> tuple[str, ...]:
    """Count rows that hold no votes, or whose summary columns say something else than their votes."""
    counts = {
        "{} rows hold no votes and are left out": sum(not rating.n_votes for rating in ratings),
        "{} rows state another emoVote than their votes give; the votes were taken": _other_plurality(ratings, cells),
        "{} rows state another numResponses than their votes sum to; the votes were taken": _other_sum(ratings, cells),
        "{} clips were not rated in all three presentations": _half_rated(ratings),
    }
    return tuple(text.format(n) for text, n in counts.items() if n)


def _other_plurality(ratings: Sequence[Rating], cells: Cells) -> int:
    if "emoVote" not in cells.table.column_names:
        return 0
    letters = {emotion: letter for letter, emotion in EMOTIONS.items()}
    counted = [":".join(letters[emotion] for emotion in rating.plurality) for rating in ratings]
    stated = cells.texts("emoVote")
    return sum(a != b for a, b, rating in zip(stated, counted, ratings, strict=True) if rating.n_votes)


def _other_sum(ratings: Sequence[Rating], cells: Cells) -> int:
    if "numResponses" not in cells.table.column_names:
        return 0
    stated = cells.numbers("numResponses")
    return sum(n is not None and n != rating.n_votes for n, rating in zip(stated, ratings, strict=True))


def _half_rated(ratings: Sequence[Rating]) -> int:
    seen: dict[str, set[str]] = {}
    for rating in ratings:
        seen.setdefault(rating.clip, set()).add(rating.condition)
    return sum(len(conditions) < len(PRESENTATIONS) for conditions in seen.values())
