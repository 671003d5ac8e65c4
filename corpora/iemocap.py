"""IEMOCAP: ten actors in five sessions of two, in scripted and improvised dialogues, rated turn by turn.

Busso et al. 2008, Language Resources and Evaluation 42. The layout is that of `IEMOCAP_full_release`.

* The label is what most evaluators agreed on. `labels_of: four` is anger, happiness with excitement, neutral and
  sadness, as most of the literature has it; `six` keeps excitement apart and adds frustration; `all` has all ten.
  Turns without agreement (`xxx`), and of other labels, are left out and counted, or kept without a label
  (`others: unlabelled`).
* Soft labels are shares of the evaluators' votes, without those of the actors about themselves.
* The speaker is the actor, `Ses01F`: the letter after the turn's last bar, not that in the dialogue's name, which says
  whose face was recorded by motion capture.
* Both actors of a session share every dialogue. A split by speaker alone puts a dialogue on both sides: the session
  is the unit that keeps them apart (`unit: session`), at the price of five units.
* A video shows both actors side by side; its span is the turn's.
* Actors' ages and origins are not in the release.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from affidavit.corpus import Corpus
from affidavit.errors import TableError
from affidavit.options import read_options
from affidavit.protocols import CorpusLoader, Progress
from affidavit.records import Record
from affidavit.utterances import MediaSpan, Utterance
from corpora.iemocap_evaluation import CODES, NO_AGREEMENT, Evaluation, read_evaluations, read_words
from corpora.listing import Listing, Media, MediaFile, corpus_digest, list_media, require_folder, require_media

LICENCE: Final = (
    "IEMOCAP release licence of the SAIL laboratory (USC): research use by the signatory, no redistribution"
)
FOUR: Final = ("anger", "happiness", "neutral", "sadness")
SIX: Final = ("anger", "excitement", "frustration", "happiness", "neutral", "sadness")
_SPACES: Final = MappingProxyType({"four": FOUR, "six": SIX, "all": tuple(sorted(CODES.values()))})
_SEX: Final = {"F": "female", "M": "male"}


class IemocapOptions(Record):
    """What a plan may say of IEMOCAP."""

    path: str
    """The folder with `Session1` to `Session5` (some of them suffice), relative to the plan."""
    labels_of: Literal["four", "six", "all"] = "four"
    others: Literal["drop", "unlabelled"] = "drop"
    """What becomes of turns whose label is not among those: left out and counted, or kept without one, for the
    sake of the dialogue."""
    unit: Literal["speaker", "session"] = "speaker"
    intensity: Literal["activation", "valence", "dominance", "none"] = "activation"
    """Whose mean rating (1 to 5) is the intensity."""
    media: Media = "check"
    """Whether every turn must have its sound; video is taken where it is there."""


class IemocapLoader:
    """Loads IEMOCAP."""

    name = "iemocap"
    options = IemocapOptions

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Progress) -> Corpus:
        """Load the turns of every dialogue, in the order of their times.

        Raises:
            PlanError: the options are at fault. TableError, RowError: the files are.
        """
        chosen = read_options(IemocapOptions, options, of=f"corpus {self.name}")
        root = folder / chosen.path
        dialogues = _dialogues(root)
        sound = list_media(root, (".wav",), below=["Session*/sentences/wav"])
        video = list_media(root, (".avi", ".mp4"), below=["Session*/dialog/avi"])
        reader = _Reader(options=chosen, sound=sound, video=video)
        turns = [(path.stem, number, turn) for path in dialogues for number, turn in enumerate(read_evaluations(path))]
        words = {turn: text for path in _transcriptions(root) for turn, text in read_words(path).items()}
        made = [reader.utterance(name, number, turn, words) for name, number, turn in turns]
        utterances = tuple(utterance for utterance in made if utterance is not None)
        found = {utterance.utterance_id: sound.find(utterance.utterance_id, (".wav",)) for utterance in utterances}
        said = require_media(found, where=root.name, root=root, media=chosen.media)
        progress("reading evaluations", len(utterances), len(utterances))
        return Corpus(
            name=self.name,
            utterances=utterances,
            digest=corpus_digest(root, [*dialogues, *_transcriptions(root)], [sound, video]),
            licence=LICENCE,
            label_space=_SPACES[chosen.labels_of],
            assumptions=(*_told(chosen, sound), *said, *_counted(utterances, [turn for *_, turn in turns], chosen)),
        )


def _dialogues(root: Path) -> list[Path]:
    """Return the evaluations of all sessions; the folders below them hold each evaluator's own sheets."""
    require_folder(root)
    found = sorted(path for path in root.glob("Session*/dialog/EmoEvaluation/Ses*.txt") if path.is_file())
    if not found:
        raise TableError(
            "there are no evaluations",
            slug="file-not-found",
            where=str(root),
            allowed="Session1/dialog/EmoEvaluation/Ses01F_impro01.txt, and so on",
            remedy="name the folder that holds Session1 to Session5",
        )
    return found


def _transcriptions(root: Path) -> list[Path]:
    return sorted(path for path in root.glob("Session*/dialog/transcriptions/Ses*.txt") if path.is_file())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    options: IemocapOptions
    sound: Listing
    video: Listing

    def utterance(self, dialogue: str, number: int, turn: Evaluation, words: Mapping[str, str]) -> Utterance | None:
        label = self._label(CODES.get(turn.code, NO_AGREEMENT))
        if label is None and self.options.others == "drop":
            return None
        sound = self.sound.find(turn.turn, (".wav",))
        return Utterance(
            utterance_id=turn.turn,
            speaker_id=turn.speaker,
            unit_id=turn.turn[:5] if self.options.unit == "session" else None,
            dialogue_id=dialogue,
            turn=number,
            text=words.get(turn.turn) or None,
            audio=None if sound is None else MediaSpan(path=sound.path),
            video=_cut(self.video.find(dialogue, (".avi", ".mp4")), turn),
            label=label,
            soft_label=self._soft(turn.shares),
            intensity=None if self.options.intensity == "none" else getattr(turn, self.options.intensity),
            sensitive={"sex": _SEX[turn.sex]},
        )

    def _label(self, label: str) -> str | None:
        merged = "happiness" if label == "excitement" and self.options.labels_of == "four" else label
        return merged if merged in _SPACES[self.options.labels_of] else None

    def _soft(self, shares: Mapping[str, float]) -> dict[str, float]:
        """Return the shares of votes among the labels there are, summing to one; nothing where no vote is for them."""
        merged: dict[str, float] = {}
        for label, share in shares.items():
            if (name := self._label(label)) is not None:
                merged[name] = merged.get(name, 0.0) + share
        total = sum(merged.values())
        return {label: merged.get(label, 0.0) / total for label in _SPACES[self.options.labels_of]} if total else {}


def _cut(file: MediaFile | None, turn: Evaluation) -> MediaSpan | None:
    return None if file is None else MediaSpan(path=file.path, start_s=turn.start_s, end_s=turn.end_s)


def _told(options: IemocapOptions, sound: Listing) -> list[str]:
    said = [
        "the label is what most evaluators agreed on; soft labels are shares of their votes, without the actors' own",
        "the speaker is the letter after the last bar of the turn's name",
    ]
    if options.labels_of == "four":
        said.append("excitement is counted as happiness")
    if options.labels_of != "all":
        said.append("votes for labels outside of the label space are left out of soft labels, the rest scaled to one")
    if options.unit == "speaker":
        said.append("both actors of a session share its dialogues: only a split by session keeps them apart")
    if options.intensity != "none":
        said.append(f"intensity is the evaluators' mean {options.intensity}, from 1 to 5")
    said.append("the corpus digest covers names and sizes of media, not their content")
    return [*said, *sound.remarks()]


def _counted(utterances: Sequence[Utterance], turns: Sequence[Evaluation], options: IemocapOptions) -> list[str]:
    space, said = _SPACES[options.labels_of], []
    merged = ("excitement",) if options.labels_of == "four" else ()
    codes = Counter(CODES.get(turn.code, "no agreement") for turn in turns)
    left = {label: n for label, n in sorted(codes.items()) if label not in space and label not in merged}
    if left:
        done = "are left out" if options.others == "drop" else "have no label"
        listed = ", ".join(f"{label} {n}" for label, n in left.items())
        said.append(f"{sum(left.values())} of {len(turns)} turns {done}: {listed}")
    silent = sum(utterance.text is None for utterance in utterances)
    said += [f"{silent} of {len(utterances)} turns have no transcription"] if silent else []
    unseen = sum(utterance.video is None for utterance in utterances)
    return said + ([f"{unseen} of {len(utterances)} turns have no video"] if unseen else [])


LOADER: Final[CorpusLoader] = IemocapLoader()
