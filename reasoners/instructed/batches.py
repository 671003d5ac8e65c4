"""Rows of utterances as tensors, `[patient, utterance, ...]`; the patient is dimension 0 of everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affidavit.conditions import MODALITIES
from affidavit.splits import dialogue_of, dialogues
from affidavit.utterances import Utterance
from reasoners.instructed.config import ModelConfig
from reasoners.instructed.inputs import Perceived, senses_of
from reasoners.instructed.instructions import wording
from reasoners.instructed.intensities import DEFAULT_SCALE
from reasoners.instructed.losses import UNLABELLED
from reasoners.instructed.reasons import references_of
from reasoners.instructed.vocabulary import Tokenizers

Row = tuple[Utterance, ...]
_OF_TURNS = (
    *("text", "text_known", "mel", "mel_frames", "functionals", "frames"),
    *("present", "dialogue", "known", "labels", "intensity"),
)
_FEWEST_FRAMES = 36
"""As many as one last state of the convolutions hears. With fewer they would fill up at each layer, and an utterance of
a third of a second would sound otherwise beside a longer one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """P patients of U turns each, filled up at the end."""

    text: Tensor
    text_known: Tensor
    mel: Tensor
    mel_frames: Tensor
    functionals: Tensor
    frames: Tensor
    present: Tensor
    """`bool[P, U, 3]`: words, voice, face"""
    dialogue: Tensor
    """`int[P, U]`: number of the dialogue within the patient's row"""
    known: Tensor
    """`bool[P, U]`: the turn is there at all"""
    instruction: Tensor
    instruction_known: Tensor
    labels: Tensor
    intensity: Tensor
    """0 to 1; not a number where there is no reference"""
    rationale: Tensor
    """`[P, E, R]`: tokens of the E turns that have a reference rationale"""
    rationale_known: Tensor
    rationale_turn: Tensor
    """`int[P, E]`: which turn each belongs to"""
    label_tokens: Tensor

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return Batch(**{part.name: getattr(self, part.name).to(device) for part in fields(self)})

    def cut(self, turns: int) -> list[Batch]:
        """Return the batch in pieces of so many turns, for encoders, which take each turn for itself."""
        cuts = {name: getattr(self, name).split(turns, dim=1) for name in _OF_TURNS}
        n_pieces = len(cuts["known"])
        return [replace(self, **{name: pieces[i] for name, pieces in cuts.items()}) for i in range(n_pieces)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collator:
    """Makes batches for one model."""

    config: ModelConfig
    tokenizers: Tokenizers
    perceived: Mapping[str, Perceived]
    """By utterance id."""
    intensity_scale: float = DEFAULT_SCALE

    def batch(self, rows: Sequence[Sequence[Utterance]], *, instructions: Sequence[str]) -> Batch:
        """Return a batch; `instructions` names one for each row, whose references its rationales are."""
        shape = (len(rows), max(map(len, rows)))
        told = self.tokenizers.read([wording(name) for name in instructions], max_tokens=self._text_tokens)
        return Batch(
            **self._text(rows, shape),
            **self._sound(rows, shape),
            frames=torch.from_numpy(self._frames(rows, shape)),
            present=torch.from_numpy(self._present(rows, shape)),
            **_turns(rows, shape),
            instruction=torch.from_numpy(told.ids),
            instruction_known=torch.from_numpy(told.known),
            **self._references(rows, shape),
            **self._rationales(rows, instructions),
            label_tokens=torch.tensor(self._label_tokens()),
        )

    @property
    def _text_tokens(self) -> int:
        return 48 if self.config.text is None else self.config.text.max_tokens

    def _label_tokens(self) -> list[int]:
        if self.config.backbone is None:
            return []
        return self.tokenizers.label_tokens(self.config.label_space)

    def _text(self, rows: Sequence[Sequence[Utterance]], shape: tuple[int, int]) -> dict[str, Tensor]:
        texts = [self.perceived[turn.utterance_id].text or "" for row in rows for turn in row]
        codes = self.tokenizers.read(texts, max_tokens=self._text_tokens)
        length = max(1, codes.ids.shape[1])
        ids, known = np.zeros((*shape, length), dtype=np.int64), np.zeros((*shape, length), dtype=bool)
        for at, (p, u) in enumerate(_places(rows)):
            ids[p, u, : codes.ids.shape[1]], known[p, u, : codes.ids.shape[1]] = codes.ids[at], codes.known[at]
        for at, (p, u) in enumerate(_places(rows)):
            if not texts[at]:
                known[p, u] = False
        return {"text": torch.from_numpy(ids), "text_known": torch.from_numpy(known)}

    def _sound(self, rows: Sequence[Sequence[Utterance]], shape: tuple[int, int]) -> dict[str, Tensor]:
        senses = senses_of(self.config)
        found = [(place, self.perceived[_at(rows, place).utterance_id]) for place in _places(rows)]
        longest = max((len(item.mel) for _, item in found if item.mel is not None), default=0)
        mel = np.zeros((*shape, max(longest, _FEWEST_FRAMES), 40), dtype=np.float32)
        n_frames = np.zeros(shape, dtype=np.int64)
        numbers = np.zeros((*shape, senses.n_functionals), dtype=np.float32)
        for place, item in found:
            if item.mel is not None:
                mel[place][: len(item.mel)], n_frames[place] = item.mel, len(item.mel)
            if item.functionals is not None:
                numbers[place] = item.functionals
        return {
            "mel": torch.from_numpy(mel),
            "mel_frames": torch.from_numpy(n_frames),
            "functionals": torch.from_numpy(numbers),
        }

    def _frames(self, rows: Sequence[Sequence[Utterance]], shape: tuple[int, int]) -> NDArray[np.uint8]:
        senses = senses_of(self.config)
        size = (senses.n_frames, senses.size, senses.size, *((3,) if senses.colour == "rgb" else ()))
        frames = np.zeros((*shape, *size), dtype=np.uint8)
        for place in _places(rows):
            pixels = self.perceived[_at(rows, place).utterance_id].frames
            if pixels is not None:
                frames[place] = pixels
        return frames

    def _present(self, rows: Sequence[Sequence[Utterance]], shape: tuple[int, int]) -> NDArray[np.bool_]:
        present = np.zeros((*shape, 3), dtype=bool)
        for place in _places(rows):
            there = self.perceived[_at(rows, place).utterance_id].modalities
            present[place] = [letter in there for letter in MODALITIES]
        return present

    def _references(self, rows: Sequence[Sequence[Utterance]], shape: tuple[int, int]) -> dict[str, Tensor]:
        codes = {label: i for i, label in enumerate(self.config.label_space)}
        labels, intensity = np.full(shape, UNLABELLED), np.full(shape, np.nan, dtype=np.float32)
        for place in _places(rows):
            turn = _at(rows, place)
            if turn.label is not None:
                labels[place] = codes[turn.label]
            if turn.intensity is not None and turn.label is not None:
                intensity[place] = np.clip(turn.intensity / self.intensity_scale, 0, 1)
        return {"labels": torch.from_numpy(labels), "intensity": torch.from_numpy(intensity)}

    def _rationales(self, rows: Sequence[Sequence[Utterance]], instructions: Sequence[str]) -> dict[str, Tensor]:
        found = [
            [(u, text) for u, turn in enumerate(row) if (text := references_of(turn).get(name)) is not None]
            for row, name in zip(rows, instructions, strict=True)
        ]
        most = 0 if self.config.backbone is None else max(map(len, found))
        max_tokens = 1 if self.config.backbone is None else self.config.backbone.max_tokens
        codes = self.tokenizers.written([text for row in found for _, text in row[:most]], max_tokens=max_tokens)
        shape = (len(rows), most, codes.ids.shape[1])
        ids, known = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=bool)
        turn = np.zeros(shape[:2], dtype=np.int64)
        at = 0
        for p, row in enumerate(found):
            for e, (u, _) in enumerate(row[:most]):
                ids[p, e], known[p, e], turn[p, e] = codes.ids[at], codes.known[at], u
                at += 1
        return {
            "rationale": torch.from_numpy(ids),
            "rationale_known": torch.from_numpy(known),
            "rationale_turn": torch.from_numpy(turn),
        }


def batched(utterances: Sequence[Utterance], *, turns: int) -> list[list[Row]]:
    """Return whole dialogues in batches of about so many turns, filling-up included; alike lengths together."""
    batches: list[list[Row]] = []
    for row in sorted(dialogues(utterances).values(), key=len):
        if batches and (len(batches[-1]) + 1) * len(row) <= turns:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


def _turns(rows: Sequence[Sequence[Utterance]], shape: tuple[int, int]) -> dict[str, Tensor]:
    dialogue, known = np.full(shape, -1), np.zeros(shape, dtype=bool)
    for p, row in enumerate(rows):
        numbers = {name: i for i, name in enumerate(dict.fromkeys(map(dialogue_of, row)))}
        dialogue[p, : len(row)] = [numbers[dialogue_of(turn)] for turn in row]
        known[p, : len(row)] = True
    return {"dialogue": torch.from_numpy(dialogue), "known": torch.from_numpy(known)}


def _places(rows: Sequence[Sequence[Utterance]]) -> list[tuple[int, int]]:
    return [(p, u) for p, row in enumerate(rows) for u in range(len(row))]


def _at(rows: Sequence[Sequence[Utterance]], place: tuple[int, int]) -> Utterance:
    return rows[place[0]][place[1]]
