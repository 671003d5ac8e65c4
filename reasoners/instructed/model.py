"""The reasoner's network: encode each modality once, align what is shown, read the dialogue, judge, explain.

`encode` is apart from `conclude`, so that the seven modality conditions share one pass of the encoders.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from affidavit.conditions import MODALITIES
from reasoners.instructed.alignment import Alignment
from reasoners.instructed.audio import AudioEncoder
from reasoners.instructed.backbone import backbone
from reasoners.instructed.batches import Batch
from reasoners.instructed.config import ModelConfig
from reasoners.instructed.dialogue import DialogueEncoder
from reasoners.instructed.losses import Losses, coherence_loss, emotion_loss, intensity_loss, single_loss
from reasoners.instructed.rationale import RationaleHead, explanation_loss
from reasoners.instructed.text import TextEncoder
from reasoners.instructed.visual import VisualEncoder


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """What the encoders made of a batch: states of words, voice and face, and which of them there are."""

    states: Tensor
    """`[P, U, 3, D]`"""
    present: Tensor
    """`bool[P, U, 3]`"""
    instruction: Tensor
    """`[P, D]`"""

    def restricted(self, modalities: frozenset[str]) -> Encoded:
        """Return it with only these modalities (letters); the others become zeros, so nothing of them is left."""
        kept = torch.tensor([letter in modalities for letter in MODALITIES], device=self.present.device)
        present = self.present & kept
        return replace(self, states=self.states.masked_fill(~present.unsqueeze(-1), 0.0), present=present)


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded:
    """What the model concludes of each turn."""

    logits: Tensor
    """`[P, U, K]`"""
    intensity: Tensor
    """`[P, U]`, 0 to 1"""
    single: Tensor
    """`[P, U, 3, K]`: scores from each modality's own state; read in training only"""
    weights: Tensor
    """`[P, U, 3]`: of words, voice and face; zero where not shown"""
    prefix: Tensor | None
    """`[P, U, 6, W]`, what the rationale is written from"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What a model's layers take their widths from, beside its records."""

    reader: int
    """Tokens of the text encoder's vocabulary."""
    writer: int
    """Tokens of the rationale's writer."""
    functionals: int
    """Numbers that describe an utterance's sound."""


class InstructedModel(nn.Module):
    """Encoders, alignment, dialogue, heads; see the module docstrings of each."""

    def __init__(self, config: ModelConfig, sizes: Sizes, *, load: bool) -> None:
        """Build from records; `load` brings pretrained weights where the records name a source."""
        super().__init__()
        self.config = config
        hidden, dropout = config.hidden, config.dropout
        self.text: TextEncoder | None = None
        self.audio: AudioEncoder | None = None
        self.visual: VisualEncoder | None = None
        self.explain: RationaleHead | None = None
        if config.text is not None:
            self.text = TextEncoder(config.text, hidden=hidden, vocabulary=sizes.reader, load=load)
        if config.audio is not None:
            self.audio = AudioEncoder(config.audio, hidden=hidden, n_functionals=sizes.functionals, dropout=dropout)
        if config.visual is not None:
            self.visual = VisualEncoder(config.visual, hidden=hidden, dropout=dropout, load=load)
        if config.backbone is not None:
            writer = backbone(config.backbone, vocabulary=sizes.writer, load=load)
            self.explain = RationaleHead(writer, hidden=hidden, width=config.backbone.hidden)
        self.align = Alignment(hidden, gated=config.alignment == "gate")
        self.instruction = nn.Embedding(1, hidden)
        self.read = DialogueEncoder(hidden, layers=config.dialogue_layers, heads=config.dialogue_heads, dropout=dropout)
        self.judge = nn.Sequential(nn.Linear(3 * hidden, hidden), nn.GELU(), nn.Dropout(dropout))
        self.emotion = nn.Linear(hidden, len(config.label_space))
        self.intensity = nn.Linear(hidden, 1)
        self.single = nn.ModuleList(nn.Linear(hidden, len(config.label_space)) for _ in MODALITIES)
        self.own = frozenset(name for name, value in self.named_parameters() if value.requires_grad)
        """Parameters that no pretrained source froze: what training may change, and what a checkpoint keeps."""

    def encode(self, batch: Batch) -> Encoded:
        """Run each encoder once."""
        states = [self.states(batch, letter) for letter in MODALITIES]
        taken = torch.tensor([letter in self.config.modalities for letter in MODALITIES], device=batch.present.device)
        return Encoded(
            states=torch.stack(states, dim=2), present=batch.present & taken, instruction=self.told(batch)
        ).restricted(frozenset(MODALITIES))

    def replaced(self, encoded: Encoded, batch: Batch, letter: str) -> Encoded:
        """Return it with one modality encoded anew from another batch of the same turns (a degraded one)."""
        at = list(MODALITIES).index(letter)
        states, present = encoded.states.clone(), encoded.present.clone()
        states[:, :, at], present[:, :, at] = self.states(batch, letter), batch.present[:, :, at]
        return replace(encoded, states=states, present=present).restricted(frozenset(MODALITIES))

    def states(self, batch: Batch, letter: str) -> Tensor:
        """Return a modality's states `[P, U, D]`; zeros where the model does not take it in."""
        if letter == "T" and self.text is not None:
            states: Tensor = self.text(batch.text, batch.text_known)
        elif letter == "A" and self.audio is not None:
            states = self.audio(batch.mel, batch.mel_frames, batch.functionals)
        elif letter == "V" and self.visual is not None:
            states = self.visual(batch.frames)
        else:
            shape = (*batch.dialogue.shape, self.config.hidden)
            states = torch.zeros(shape, device=batch.dialogue.device)
        return states

    def conclude(self, encoded: Encoded, batch: Batch) -> Concluded:
        """Align, read the dialogue and judge; only what `encoded` shows goes in."""
        aligned, weights, normed = self.align(encoded.states, encoded.present)
        dialogue = self.read(aligned, encoded.instruction, batch.dialogue, batch.known)
        judged = self._judged(dialogue, aligned, encoded.instruction)
        prefix = None
        if self.explain is not None:
            prefix = self.explain.prefix(encoded.instruction, dialogue, aligned, normed, encoded.present)
        return Concluded(
            logits=self.emotion(judged),
            intensity=self.intensity(judged).squeeze(-1).sigmoid(),
            single=torch.stack([head(state) for head, state in zip(self.single, normed.unbind(2), strict=True)], dim=2),
            weights=weights,
            prefix=prefix,
        )

    def judged(self, batch: Batch) -> Tensor:
        """Return what the linear layers that answer are given, `[P, U, D]`: all that is before them."""
        encoded = self.encode(batch)
        aligned, _, _ = self.align(encoded.states, encoded.present)
        dialogue = self.read(aligned, encoded.instruction, batch.dialogue, batch.known)
        return self._judged(dialogue, aligned, encoded.instruction)

    def _judged(self, dialogue: Tensor, aligned: Tensor, instruction: Tensor) -> Tensor:
        told = instruction[:, None].expand_as(dialogue)
        judged: Tensor = self.judge(torch.cat([dialogue, aligned, told], dim=-1))
        return judged

    def losses(self, batch: Batch, *, dropped: Tensor | None = None) -> Losses:
        """Return the losses of a batch; `dropped`, `bool[P, U, 3]`, hides modalities (dropout in training)."""
        encoded = self.encode(batch)
        if dropped is not None:
            present = encoded.present & ~dropped
            encoded = replace(encoded, present=present, states=encoded.states.masked_fill(~present.unsqueeze(-1), 0.0))
        concluded = self.conclude(encoded, batch)
        explanation, coherence = self._explained(concluded, batch)
        return Losses(
            emotion=emotion_loss(concluded.logits, batch.labels),
            intensity=intensity_loss(concluded.intensity, batch.intensity),
            single=single_loss(concluded.single, batch.labels, encoded.present),
            explanation=explanation,
            coherence=coherence,
            labelled=batch.labels >= 0,
            rated=~batch.intensity.isnan(),
            explained=batch.rationale_known.any(-1),
        )

    def _explained(self, concluded: Concluded, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the explanation's and the coherence's loss of each reference rationale, `[P, E]`."""
        nothing = concluded.logits.new_zeros(batch.rationale.shape[:2])
        if self.explain is None or concluded.prefix is None or not batch.rationale.shape[1]:
            return nothing, nothing
        turns = batch.rationale_turn
        prefix = concluded.prefix.take_along_dim(turns[:, :, None, None], dim=1)
        words = self.explain.logits(prefix, batch.rationale, batch.rationale_known)
        emotions = concluded.logits.take_along_dim(turns[:, :, None], dim=1)
        coherence = coherence_loss(emotions, words[:, :, 0, batch.label_tokens])
        return explanation_loss(words, batch.rationale, batch.rationale_known), coherence * batch.rationale_known.any(
            -1
        )

    def told(self, batch: Batch) -> Tensor:
        """Return the instruction's state `[P, D]`: of its words, or one learnt state where nobody is instructed."""
        n_patients = batch.dialogue.shape[0]
        learnt: Tensor = self.instruction(torch.zeros(n_patients, dtype=torch.long, device=batch.dialogue.device))
        if not self.config.instructed or self.text is None:
            return learnt
        told: Tensor = self.text(batch.instruction[:, None], batch.instruction_known[:, None])
        return learnt + told[:, 0]
