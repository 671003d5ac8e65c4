"""A baseline's network: encode each modality once, join what is shown, read the dialogue, judge.

`encode` is apart from `conclude`, so that the seven modality conditions share one pass of the encoders. What is not
shown is zero before it is joined, and a flag says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from affidavit.conditions import MODALITIES
from reasoners.baselines.bc_lstm import BcLstm
from reasoners.baselines.config import BaselineConfig
from reasoners.baselines.dialogue_rnn import DialogueRnn
from reasoners.baselines.early_fusion import EarlyFusion
from reasoners.baselines.reading import Turns
from reasoners.baselines.words import WordWindows
from reasoners.instructed.audio import AudioEncoder
from reasoners.instructed.batches import Batch
from reasoners.instructed.config import TextEncoderConfig
from reasoners.instructed.inputs import senses_of
from reasoners.instructed.losses import emotion_loss, mean_over
from reasoners.instructed.text import TextEncoder
from reasoners.instructed.visual import VisualEncoder


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """States of words, voice and face, and which of them there are."""

    states: Tensor
    """`[P, U, 3, D]`"""
    present: Tensor
    """`bool[P, U, 3]`"""

    def showing(self, shown: Tensor) -> Encoded:
        """Return it with what is shown, `bool[3]` or `bool[P, U, 3]`; the rest becomes zeros: nothing of it is left."""
        present = self.present & shown
        return Encoded(states=self.states.masked_fill(~present.unsqueeze(-1), 0.0), present=present)

    def restricted(self, modalities: frozenset[str]) -> Encoded:
        """Return it with only these modalities (letters)."""
        return self.showing(torch.tensor([letter in modalities for letter in MODALITIES], device=self.present.device))


class BaselineModel(nn.Module):
    """Encoders, one of three readers of the dialogue, and a linear layer that judges."""

    def __init__(self, config: BaselineConfig, *, vocabulary: int, load: bool) -> None:
        """Build from records; `vocabulary` counts the reader's tokens, `load` brings pretrained weights."""
        super().__init__()
        self.config = config
        given = config.perception
        hidden, dropout = given.hidden, config.dropout
        self.text: TextEncoder | WordWindows | None = None
        self.audio: AudioEncoder | None = None
        self.visual: VisualEncoder | None = None
        if given.text is not None:
            self.text = _text(config, given.text, vocabulary=vocabulary, load=load)
        if given.audio is not None:
            numbers = senses_of(given).n_functionals
            self.audio = AudioEncoder(given.audio, hidden=hidden, n_functionals=numbers, dropout=dropout)
        if given.visual is not None:
            self.visual = VisualEncoder(given.visual, hidden=hidden, dropout=dropout, load=load)
        self.taken = [i for i, letter in enumerate(MODALITIES) if letter in given.modalities]
        self.norm, self.drop = nn.LayerNorm(hidden), nn.Dropout(dropout)
        self.read = _reader(config, len(self.taken) * (hidden + 1))
        self.emotion = nn.Linear(self.read.width, len(given.label_space))
        self.own = frozenset(name for name, value in self.named_parameters() if value.requires_grad)
        """Parameters that no pretrained source froze: what training changes, and what a checkpoint keeps."""

    def encode(self, batch: Batch) -> Encoded:
        """Run each encoder once."""
        states = torch.stack([self._states(batch, letter) for letter in MODALITIES], dim=2)
        taken = frozenset(self.config.perception.modalities)
        return Encoded(states=states, present=batch.present).restricted(taken)

    def replaced(self, encoded: Encoded, batch: Batch, letter: str) -> Encoded:
        """Return it with one modality encoded anew from another batch of the same turns (a degraded one)."""
        at = list(MODALITIES).index(letter)
        states, present = encoded.states.clone(), encoded.present.clone()
        states[:, :, at], present[:, :, at] = self._states(batch, letter), batch.present[:, :, at]
        return replace(encoded, states=states, present=present).restricted(frozenset(MODALITIES))

    def _states(self, batch: Batch, letter: str) -> Tensor:
        if letter == "T" and self.text is not None:
            states: Tensor = self.text(batch.text, batch.text_known)
        elif letter == "A" and self.audio is not None:
            states = self.audio(batch.mel, batch.mel_frames, batch.functionals)
        elif letter == "V" and self.visual is not None:
            states = self.visual(batch.frames)
        else:
            shape = (*batch.dialogue.shape, self.config.perception.hidden)
            return torch.zeros(shape, device=batch.dialogue.device)
        normed: Tensor = self.norm(states)
        return normed

    def conclude(self, encoded: Encoded, batch: Batch, speaker: Tensor) -> Tensor:
        """Return scores `[P, U, K]`; only what `encoded` shows goes in."""
        flags = encoded.present[:, :, self.taken].to(encoded.states.dtype)
        joined = torch.cat([encoded.states[:, :, self.taken].flatten(2), flags], dim=-1)
        turns = Turns(features=self.drop(joined), dialogue=batch.dialogue, known=batch.known, speaker=speaker)
        scores: Tensor = self.emotion(self.drop(self.read(turns)))
        return scores

    def losses(self, batch: Batch, speaker: Tensor, dropped: Tensor) -> Tensor:
        """Return each patient's mean cross entropy in nats `[P]`; `dropped`, `bool[P, U, 3]`, hides modalities."""
        scores = self.conclude(self.encode(batch).showing(~dropped), batch, speaker)
        return mean_over(emotion_loss(scores, batch.labels), batch.labels >= 0)


def _text(
    config: BaselineConfig, records: TextEncoderConfig, *, vocabulary: int, load: bool
) -> TextEncoder | WordWindows:
    hidden = config.perception.hidden
    if config.words == "convolutions":
        return WordWindows(vocabulary=vocabulary, width=records.hidden // 2, hidden=hidden)
    return TextEncoder(records, hidden=hidden, vocabulary=vocabulary, load=load)


def _reader(config: BaselineConfig, given: int) -> DialogueRnn | BcLstm | EarlyFusion:
    hidden, dropout = config.hidden, config.dropout
    if config.architecture == "dialogue-rnn":
        return DialogueRnn(given, hidden, dropout=dropout)
    if config.architecture == "bc-lstm":
        return BcLstm(given, hidden, dropout=dropout)
    heads = config.perception.dialogue_heads
    return EarlyFusion(given, hidden, layers=config.layers, heads=heads, dropout=dropout)
