r"""Reads the two kinds of text file of an IEMOCAP dialogue: what the evaluators said of each turn, and its words.

An evaluation is a block: a line of times, turn, label and means of valence, activation and dominance, then one line an
evaluator (`C-E2:\tAnger; Frustration;\t(comment)`), and lines of dimensions (`A-E1:`). `C-F1` and `C-M1` are the actors
themselves, and are not counted as evaluators.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from affidavit.errors import RowError, TableError

CODES: Final = MappingProxyType(
    {
        "ang": "anger",
        "hap": "happiness",
        "sad": "sadness",
        "neu": "neutral",
        "exc": "excitement",
        "fru": "frustration",
        "fea": "fear",
        "sur": "surprise",
        "dis": "disgust",
        "oth": "other",
    }
)
"""Code of the agreed label to its name."""
NO_AGREEMENT: Final = "xxx"
_WORDS: Final = MappingProxyType(
    {
        "anger": "anger",
        "happiness": "happiness",
        "sadness": "sadness",
        "neutral": "neutral",
        "neutral state": "neutral",
        "excited": "excitement",
        "frustration": "frustration",
        "fear": "fear",
        "surprise": "surprise",
        "disgust": "disgust",
        "other": "other",
    }
)
"""An evaluator's word, in lower case, to the label's name."""
_HEAD: Final = re.compile(r"\[(\d+\.?\d*)\s*-\s*(\d+\.?\d*)\]\s+(Ses\d\d[FM]_\S+_([FM])\d+)\s+(\w+)\s+\[([^\]]*)\]")
_LOOKS_LIKE_HEAD: Final = re.compile(r"\[\s*\d")
_VOTE: Final = re.compile(r"C-E\d+:\s*([^\t(]*)")
_SAID: Final = re.compile(r"(\S+)\s+\[\s*\d[^\]]*\]:\s*(.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What the evaluators said of one turn."""

    turn: str
    """Its name, as in `Ses01F_impro01_M003`."""
    sex: str
    """`F` or `M`: who speaks, which is not the letter after the session."""
    start_s: float
    end_s: float
    code: str
    """The agreed label's code, or `xxx` where most evaluators did not agree."""
    valence: float
    activation: float
    dominance: float
    """Means of ratings from 1 to 5."""
    votes: tuple[tuple[str, ...], ...]
    """The labels that each evaluator named; several where one named several."""
    where: str

    @property
    def speaker(self) -> str:
        """The session and who of its two actors speaks, as in `Ses01M`."""
        return f"{self.turn[:5]}{self.sex}"

    @property
    def shares(self) -> dict[str, float]:
        """Share of votes of each label; each evaluator has one vote, split evenly where they named several."""
        shares: dict[str, float] = {}
        for named in self.votes:
            for label in named:
                shares[label] = shares.get(label, 0.0) + 1.0 / (len(named) * len(self.votes))
        return shares


def read_evaluations(path: Path) -> list[Evaluation]:
    """Return the turns of one file of `dialog/EmoEvaluation`, in the order of their times.

    Raises:
        TableError: the file holds no turns. RowError: a line does not read, a label is unknown, or a turn stands twice.
    """
    blocks: list[tuple[str, re.Match[str], list[str]]] = []
    for number, line in enumerate(_lines(path), start=1):
        where = f"{path.name}, line {number}"
        if match := _HEAD.match(line):
            blocks.append((where, match, []))
        elif _LOOKS_LIKE_HEAD.match(line):
            raise _unread(where, line, "[start - end], turn, label, [valence, activation, dominance], by tabs")
        elif blocks:
            blocks[-1][2].append(f"{where}\n{line}")
    if not blocks:
        raise TableError(
            "there are no turns in this file",
            slug="file-empty",
            where=str(path),
            allowed="blocks that begin with [start - end] and the name of a turn",
            remedy="take files that are no evaluations out of dialog/EmoEvaluation",
        )
    read = [_evaluation(where, match, lines) for where, match, lines in blocks]
    for before, after in zip(sorted(read, key=_turn), sorted(read, key=_turn)[1:], strict=False):
        if before.turn == after.turn:
            raise RowError(
                "a turn is evaluated twice",
                slug="row-duplicate",
                where=f"{before.where} and {after.where}",
                found=before.turn,
                remedy="keep one block a turn",
            )
    return sorted(read, key=lambda evaluation: (evaluation.start_s, evaluation.turn))


def read_words(path: Path) -> dict[str, str]:
    """Return turn to words from one file of `dialog/transcriptions`; lines that name no turn are passed over."""
    found = (_SAID.match(line) for line in _lines(path))
    return {match[1]: match[2].strip() for match in found if match is not None and match[1].startswith("Ses")}


def _turn(evaluation: Evaluation) -> str:
    return evaluation.turn


def _evaluation(where: str, match: re.Match[str], lines: list[str]) -> Evaluation:
    start, end, code = float(match[1]), float(match[2]), match[5].lower()
    means = [part.strip() for part in match[6].split(",")]
    if code != NO_AGREEMENT and code not in CODES:
        raise RowError(
            "the label is unknown",
            slug="row-label",
            where=where,
            found=repr(match[5]),
            allowed=", ".join([*CODES, NO_AGREEMENT]),
            remedy="keep the file as the corpus ships it",
        )
    if end <= start or len(means) != 3 or not all(re.fullmatch(r"\d+\.?\d*", mean) for mean in means):
        raise _unread(where, match[0], "start < end, and three means such as [2.5000, 2.5000, 2.5000]")
    valence, activation, dominance = (float(mean) for mean in means)
    return Evaluation(
        turn=match[3],
        sex=match[4],
        start_s=start,
        end_s=end,
        code=code,
        valence=valence,
        activation=activation,
        dominance=dominance,
        votes=tuple(named for line in lines if (named := _vote(line))),
        where=where,
    )


def _vote(placed: str) -> tuple[str, ...]:
    """Return the labels that an evaluator's line names, each once; nothing for lines of other kinds."""
    where, line = placed.split("\n", 1)
    match = _VOTE.match(line)
    words = [] if match is None else [word.strip().lower() for word in match[1].split(";") if word.strip()]
    if strange := [word for word in words if word not in _WORDS]:
        raise RowError(
            "an evaluator's label is unknown",
            slug="row-label",
            where=where,
            found=repr(strange[0]),
            allowed=", ".join(_WORDS),
            remedy="keep the file as the corpus ships it",
        )
    return tuple(dict.fromkeys(_WORDS[word] for word in words))


def _lines(path: Path) -> list[str]:
    """Return the lines of a text; those that are not UTF-8 are Latin-1, in which every byte is a letter."""
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        return content.decode("latin-1").splitlines()


def _unread(where: str, line: str, allowed: str) -> RowError:
    return RowError(
        "the line of a turn does not read",
        slug="row-value",
        where=where,
        found=repr(line.strip()[:80]),
        allowed=allowed,
        remedy="keep the file as the corpus ships it",
    )
