"""CREMA-D's crowd as a reasoner: each clip was judged from the voice, from the face, and from both.

Cao et al. 2014, IEEE Transactions on Affective Computing 5(4). `tabulatedVotes.csv` has one row a clip and a
presentation; the crowd's answer is the plurality of its votes, the reference is the emotion that the actor was asked
to act. That is an intention, not a truth: a clip may fail to show what was asked for.

What the files hold, and what is done about it:

* The row name's column has a blank header. Its first digit is the presentation: 1 voice, 2 face, 3 both.
* A voice carries the words of one of twelve fixed sentences; they are meant to be neutral, and there is no condition T.
* Ties are listed in the order of the alphabet (`N:S`). About one row in fifteen is one, and more of the voices than
  of the faces. See `CremaDOptions.ties`.
* A mean response of -1 says that nobody chose that emotion. It is missing, and never a strength.
* The `...Norm` columns hold NA where a rater used one value throughout. They are not read.
* Only one sentence was acted at three intensities (LO, MD, HI), and neutral at none: clips are not balanced.
* A few takes are missing, so actors differ slightly in how many clips they have.
* An unknown race is spelt `Unknown`. Some races and the Hispanic actors are fewer than eleven.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa
from pydantic import Field

from affidavit.corpus import Corpus
from affidavit.digests import digest_of, file_digest
from affidavit.options import read_options
from affidavit.protocols import CorpusLoader, Progress
from affidavit.records import Record
from affidavit.utterances import Utterance
from corpora.crema_d_actors import FEATURES, Actor, read_actors, unlisted
from corpora.crema_d_votes import EMOTIONS, PRESENTATIONS, Rating, read_ratings

VOTES: Final = "tabulatedVotes.csv"
DEMOGRAPHICS: Final = "VideoDemographics.csv"
LICENCE: Final = "ODbL 1.0"


class CremaDOptions(Record):
    """What a plan may say of the CREMA-D votes."""

    path: str
    """The folder with `tabulatedVotes.csv` and `VideoDemographics.csv`, relative to the plan."""
    age_bands: tuple[float, ...] = Field(default=(30, 45), min_length=1)
    """Cut points of `age_band`. These make thirds of 21, 22 and 17 among the actors 1001-1060, each above the floor of
    eleven units; a cut at 60 would leave a band of four."""
    ties: Literal["exclude", "split", "first"] = "exclude"
    """What a crowd without a plurality said.

    `exclude`: nothing; the row is left out and counted, so each row is one clip and one answer. Tied clips are hard
    ones, so accuracy is flattered, by one to two points, and more where ties are common.
    `split`: each tied emotion, in a row of its own of weight 1/k, numbered by `repeat`: exactly the mean of a fair
    random choice, at the price of weights and of rows that are no repetitions.
    `first`: the first in the file's order, which is the alphabet's: it makes anger of half of anger and sadness.
    """


class CremaDLoader:
    """Loads the crowd's votes."""

    name = "crema-d-votes"
    options = CremaDOptions

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Progress) -> Corpus:
        """Load clips as utterances and the crowd's judgements as `recorded`, reasoner `crowd`.

        Raises:
            PlanError: the options are at fault. TableError, ColumnError, RowError: the files are.
        """
        chosen = read_options(CremaDOptions, options, of=f"corpus {self.name}")
        votes, demographics = (folder / chosen.path / file for file in (VOTES, DEMOGRAPHICS))
        actors = read_actors(demographics, cuts=chosen.age_bands)
        ratings, remarks = read_ratings(votes)
        progress(f"reading {VOTES}", len(ratings), len(ratings))
        return Corpus(
            name=self.name,
            utterances=_utterances(ratings, actors),
            digest=digest_of({file.name: file_digest(file) for file in (votes, demographics)}),
            licence=LICENCE,
            label_space=tuple(EMOTIONS.values()),
            recorded=_recorded(ratings, actors, chosen.ties),
            assumptions=(*_SAID, *remarks, *_counted(ratings, chosen), *unlisted(_rated(ratings), actors)),
        )


_SAID: Final = (
    "the reference is the emotion that the actor was asked to act, which is an intention and not a truth",
    "the crowd's answer is the plurality of its votes; soft_ columns are its shares of votes",
    "condition A is the voice with the words of a fixed sentence in it; there is no condition T",
    "intensity is the mean strength (0 to 100) given by those who chose the plurality's emotion",
    "an utterance's soft label is the audio-visual share of votes; its intensity the mean audio-visual strength of "
    "the intended emotion, missing where nobody chose it (-1 in the file)",
)


def _rated(ratings: Sequence[Rating]) -> list[str]:
    return list(dict.fromkeys(rating.actor for rating in ratings))


def _utterances(ratings: Sequence[Rating], actors: Mapping[str, Actor]) -> tuple[Utterance, ...]:
    """Return one utterance a clip, in the order of the file."""
    both = {rating.clip: rating for rating in ratings if rating.condition == "AV"}
    clips = {rating.clip: rating for rating in ratings}
    return tuple(
        Utterance(
            utterance_id=clip,
            speaker_id=rating.actor,
            label=rating.intended,
            soft_label={} if clip not in both else both[clip].shares,
            intensity=None if clip not in both else both[clip].strength(rating.intended),
            sensitive=Actor.of(actors, rating.actor).sensitive(),
        )
        for clip, rating in clips.items()
    )


def _answers(rating: Rating, ties: str) -> tuple[str, ...]:
    """Return the emotions that a row of ratings becomes, one row each."""
    tied = rating.plurality
    if len(tied) == 1 or ties == "split":
        return tied
    return tied[:1] if ties == "first" else ()


def _recorded(ratings: Sequence[Rating], actors: Mapping[str, Actor], ties: str) -> pa.Table:
    rows = [(r, answer, i) for r in ratings for i, answer in enumerate(_answers(r, ties))]
    people = [Actor.of(actors, r.actor) for r, _, _ in rows]
    columns: dict[str, Any] = {
        "utterance_id": [r.clip for r, _, _ in rows],
        "condition": [r.condition for r, _, _ in rows],
        "reasoner": ["crowd"] * len(rows),
        "speaker_id": [r.actor for r, _, _ in rows],
        "y_true": [r.intended for r, _, _ in rows],
        "y_pred": [answer for _, answer, _ in rows],
        "intensity": pa.array([r.strength(answer) for r, answer, _ in rows], pa.float64()),
        "intended_level": [r.level for r, _, _ in rows],
        "sentence": [r.sentence for r, _, _ in rows],
        "n_votes": [r.n_votes for r, _, _ in rows],
    }
    columns |= {f"soft_{emotion}": [r.shares[emotion] for r, _, _ in rows] for emotion in EMOTIONS.values()}
    columns |= {f"group_{feature}": [person.sensitive()[feature] for person in people] for feature in FEATURES}
    columns["group_age"] = pa.array([person.age for person in people], pa.float64())
    if ties == "split":
        columns["weight"] = [1.0 / len(r.plurality) for r, _, _ in rows]
        columns["repeat"] = [i for _, _, i in rows]
    return pa.table(columns)


def _counted(ratings: Sequence[Rating], options: CremaDOptions) -> list[str]:
    """Say for each presentation how many rows there are, how many are ties, and what became of those."""
    done = {
        "exclude": "and are left out",
        "split": "and are split evenly among the tied emotions, by weight; repeat numbers those, not repetitions",
        "first": "and went to the first emotion in the file's order, the alphabet's",
    }[options.ties]
    said = [f"age_band cuts age at {', '.join(f'{cut:g}' for cut in options.age_bands)} years"]
    for condition in PRESENTATIONS.values():
        shown = [rating for rating in ratings if rating.condition == condition]
        tied = [rating for rating in shown if len(rating.plurality) > 1]
        among = sum(rating.intended in rating.plurality for rating in tied)
        if tied:
            said.append(
                f"{condition}: {len(tied)} of {len(shown)} rows have no plurality {done}; the intended emotion is "
                f"among the tied ones in {among}"
            )
    return said


LOADER: Final[CorpusLoader] = CremaDLoader()
