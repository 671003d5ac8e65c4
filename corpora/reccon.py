"""RECCON: dialogues in which people marked, for every emotion, the words that caused it.

Poria et al. 2021 (Cognitive Computation). `dailydialog_train.json`, `_valid` and `_test` hold everyday dialogues, and
`iemocap_test.json` acted ones; of each turn that is not neutral, annotators named the turns and the spans of words
that caused the emotion. The spans are kept as `Utterance.cues`, also those of other turns (`Cue.utterance_id`).

* A cause is not what shows an emotion: "I passed!" causes joy and need not sound like it. So `evidence`, the modalities
  that carry an emotion, stays unknown.
* A cause that annotators found in no words ("b", latent) is no cue; it is counted. A few causes lie in later turns.
* Nobody is named: A and B are two people of one dialogue, so the unit is the dialogue. Some dialogues stand several
  times under different names, some of them in two splits; the same words are the same unit, so that nobody is judged
  on what was trained on.
* A handful of labels are spelt as other corpora spell them (`happy`, `excited`); what they were read as is said.
* There are no rationales. `rationales: spans` makes reference ones that do nothing but quote the marked spans.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import ConfigDict, Field, ValidationError

from affidavit.corpus import Corpus
from affidavit.digests import digest_of
from affidavit.errors import RowError, TableError
from affidavit.options import read_options
from affidavit.protocols import CorpusLoader, Progress
from affidavit.records import Record
from affidavit.utterances import Cue, Utterance
from affidavit.yaml_files import describe_validation_error
from corpora.labelling import Labelling, UnknownLabels, labelling
from corpora.listing import corpus_digest
from corpora.reccon_rationales import quoting_rationale

LICENCE: Final = "MIT (RECCON's annotations); DailyDialog's text is CC BY-NC-SA 4.0, IEMOCAP's under its own agreement"
Split = Literal["train", "valid", "test", "iemocap"]
FILES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "train": "dailydialog_train.json",
        "valid": "dailydialog_valid.json",
        "test": "dailydialog_test.json",
        "iemocap": "iemocap_test.json",
    }
)
EMOTIONS: Final = ("neutral", "happiness", "surprise", "anger", "sadness", "disgust", "fear")
SPELLINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "happy": "happiness",
        "happines": "happiness",
        "excited": "happiness",
        "sad": "sadness",
        "angry": "anger",
        "surprised": "surprise",
    }
)
LATENT: Final = "b"
"""In place of a turn's number: the cause lies in no words of the dialogue."""


class RecconOptions(Record):
    """What a plan may say of RECCON."""

    path: str
    """The folder with the JSON files, relative to the plan."""
    splits: tuple[Split, ...] = Field(default=(), max_length=4)
    """The splits to load; those of DailyDialog whose file is there where empty."""
    dialogues: int | None = Field(default=None, ge=1)
    """At most so many dialogues of each split, the first of its file; all where absent."""
    rationales: Literal["none", "spans"] = "none"
    """`spans`: reference rationales that quote the marked words, made by the loader."""
    labels: Mapping[str, str] = Field(default_factory=dict)
    """Label to another name; two may get the same."""
    unknown_labels: UnknownLabels = "refuse"


class _Turn(Record):
    """One turn as the files have it; what else stands there is not read."""

    model_config = ConfigDict(extra="ignore")

    turn: int
    speaker: str
    utterance: str
    emotion: str
    evidence: tuple[int | str, ...] = Field(default=(), alias="expanded emotion cause evidence")
    spans: tuple[str, ...] = Field(default=(), alias="expanded emotion cause span")


class RecconLoader:
    """Loads RECCON."""

    name = "reccon"
    options = RecconOptions

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Progress) -> Corpus:
        """Load the splits, dialogue by dialogue.

        Raises:
            PlanError: the options are at fault. TableError, RowError: the files are.
        """
        chosen = read_options(RecconOptions, options, of=f"corpus {self.name}")
        root = folder / chosen.path
        files = _files(root, chosen.splits)
        labels = labelling(
            EMOTIONS,
            of=f"corpus {self.name}",
            spellings=SPELLINGS,
            renamed=chosen.labels,
            unknown=chosen.unknown_labels,
        )
        reader = _Reader(labels=labels, rationales=chosen.rationales == "spans")
        utterances: list[Utterance] = []
        for split, path in files.items():
            dialogues = list(_dialogues(path).items())[: chosen.dialogues]
            for done, (name, turns) in enumerate(dialogues, start=1):
                where = f"{path.name}, dialogue {name}"
                utterances += reader.dialogue(f"{split}-{name}", _turns(turns, where=where), where=where)
                progress(f"reading {path.name}", done, len(dialogues))
        return Corpus(
            name=self.name,
            utterances=tuple(utterances),
            digest=corpus_digest(root, files.values(), []),
            licence=LICENCE,
            label_space=labels.label_space,
            assumptions=(*_told(chosen, list(files)), *reader.remarks(utterances)),
        )


def _files(root: Path, splits: Sequence[str]) -> dict[str, Path]:
    """Return split to file; those that are named must be there, and one at least."""
    paths = {split: root / name for split, name in FILES.items()}
    wanted = splits or [split for split in ("train", "valid", "test") if paths[split].is_file()]
    lacking = [paths[split].name for split in wanted if not paths[split].is_file()]
    if lacking or not wanted:
        raise TableError(
            "there is no such file of RECCON" if lacking else "there is no file of RECCON",
            slug="file-not-found",
            where=str(root),
            found=f"no {', '.join(lacking)}" if lacking else "none of them",
            allowed=", ".join(FILES.values()),
            remedy="name the folder that holds the original annotation, or other splits",
        )
    return {split: paths[split] for split in FILES if split in wanted}


def _dialogues(path: Path) -> dict[str, Any]:
    """Return the dialogues of a file by name."""
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise _not_reccon(path, " ".join(str(error).split())) from None
    if not isinstance(found, dict) or not found:
        raise _not_reccon(path, "nothing" if not found else type(found).__name__)
    return found


def _not_reccon(path: Path, found: str) -> TableError:
    return TableError(
        "this is no file of RECCON",
        slug="file-unreadable",
        where=str(path),
        found=found,
        allowed="a JSON object of dialogues by name",
        remedy="use data/original_annotation of the release, not its files for question answering or classification",
    )


def _turns(given: object, *, where: str) -> list[_Turn]:
    """Return the turns of a dialogue in order; the files wrap each dialogue in one more list."""
    parts = given if isinstance(given, list) else []
    rows = [row for part in parts for row in (part if isinstance(part, list) else [part])]
    turns: list[_Turn] = []
    for row in rows:
        try:
            turns.append(_Turn.model_validate(row))
        except ValidationError as error:
            raise _bad(where, len(turns) + 1, describe_validation_error(error)) from None
    if not turns or [turn.turn for turn in turns] != list(range(1, len(turns) + 1)):
        found = ", ".join(str(turn.turn) for turn in turns[:9])
        raise _bad(where, None, f"turns numbered {found}" if turns else "no turns")
    return turns


def _bad(where: str, turn: int | None, found: str) -> RowError:
    return RowError(
        "this is no annotated dialogue",
        slug="row-value",
        where=where if turn is None else f"{where}, turn {turn}",
        found=found,
        allowed="turns numbered from 1, each with turn, speaker, utterance and emotion, and with as many expanded "
        f"emotion cause spans as pieces of evidence: numbers of turns, or {LATENT}",
        remedy="keep the file as RECCON ships it",
    )


@dataclass(kw_only=True)
class _Reader:
    """Makes utterances of dialogues, and counts what there is to say of them."""

    labels: Labelling
    rationales: bool
    counts: Counter[str] = field(default_factory=Counter)
    spelt: Counter[tuple[str, str]] = field(default_factory=Counter)

    def dialogue(self, name: str, turns: Sequence[_Turn], *, where: str) -> list[Utterance]:
        """Return the utterances of a dialogue."""
        ids = [f"{name}-{turn.turn}" for turn in turns]
        unit = "words-" + digest_of([turn.utterance for turn in turns]).removeprefix("sha256:")[:16]
        found = []
        for turn in turns:
            at = f"{where}, turn {turn.turn}"
            label = self.labels.read(turn.emotion, where=at)
            cues = self._cues(turn, turns, ids, where=where)
            self.counts["dropped"] += label is None
            if turn.emotion.strip().lower() in SPELLINGS and label is not None:
                self.spelt[turn.emotion.strip(), label] += 1
            found.append(
                Utterance(
                    utterance_id=ids[turn.turn - 1],
                    speaker_id=f"{name}-{turn.speaker}",
                    unit_id=unit,
                    dialogue_id=name,
                    turn=turn.turn - 1,
                    text=turn.utterance,
                    label=label,
                    rationales=self._reference(label, cues, ids[: turn.turn]),
                    cues=cues,
                )
            )
        return found

    def _reference(self, label: str | None, cues: Sequence[Cue], ids: Sequence[str]) -> dict[str, str]:
        made = quoting_rationale(label, cues, ids) if self.rationales and label is not None else None
        return {} if made is None else {"explain": made}

    def _cues(self, turn: _Turn, turns: Sequence[_Turn], ids: Sequence[str], *, where: str) -> tuple[Cue, ...]:
        """Return the marked spans of a turn, each once."""
        if len(turn.evidence) != len(turn.spans):
            raise _bad(where, turn.turn, f"{len(turn.evidence)} pieces of evidence and {len(turn.spans)} spans")
        cues: dict[Cue, None] = {}
        for source, span in zip(turn.evidence, turn.spans, strict=True):
            if source == LATENT:
                self.counts["latent"] += 1
                continue
            number = int(source) if str(source).isdecimal() else 0
            if not 1 <= number <= len(turns):
                raise _bad(where, turn.turn, f"evidence {source!r} in a dialogue of {len(turns)} turns")
            quote = span.strip()
            if not quote or quote not in turns[number - 1].utterance:
                self.counts["lost"] += 1
                continue
            self.counts["own" if number == turn.turn else "later" if number > turn.turn else "earlier"] += 1
            elsewhere = None if number == turn.turn else ids[number - 1]
            cues[Cue(modality="text", quote=quote, utterance_id=elsewhere)] = None
        return tuple(cues)

    def remarks(self, utterances: Sequence[Utterance]) -> list[str]:
        """Say what was found, left out and read as something else."""
        n = self.counts
        marked = sum(bool(utterance.cues) for utterance in utterances)
        said = [
            f"{marked} of {len(utterances)} turns have marked causes: {n['own']} spans in the turn itself, "
            f"{n['earlier']} in earlier turns, {n['later']} in later ones"
        ]
        said += [f"{n['latent']} causes lie in no words and are no cues"] if n["latent"] else []
        said += [f"{n['lost']} spans are not in the turn that they are said to be of, and are left out"] * (
            n["lost"] > 0
        )
        said += [f"{old!r} is read as {new!r} ({count} turns)" for (old, new), count in sorted(self.spelt.items())]
        units = {u.dialogue_id: u.unit for u in utterances}
        again = len(units) - len(set(units.values()))
        said += [f"{again} dialogues repeat the words of another one; the same words are one unit"] * (again > 0)
        return [*said, *self._of_labels(len(utterances))]

    def _of_labels(self, total: int) -> list[str]:
        """Say which labels were renamed; a turn without a label stays, for the others' sake."""
        dropped = self.counts["dropped"]
        kept = [f"{dropped} of {total} turns have an unknown label; they are context and not judged"] * (dropped > 0)
        return self.labels.remarks(0, total) + kept


def _told(options: RecconOptions, splits: Sequence[str]) -> list[str]:
    said = [
        f"splits read: {', '.join(splits)}; a dialogue's name begins with its split",
        "the unit is the dialogue: A and B are nobody in particular",
        "cues are the words that caused an emotion, which need not be those that show it; evidence is not known",
        "there are no clips: there is text alone",
    ]
    if options.dialogues is not None:
        said.append(f"the first {options.dialogues} dialogues of each split were read")
    if options.rationales == "spans":
        said.append("reference rationales were made by the loader: they name the label and quote the marked words")
    return said


LOADER: Final[CorpusLoader] = RecconLoader()
