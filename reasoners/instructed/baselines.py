"""An input that says nothing: mask tokens as many as the words had, silence as long as the voice, middle grey."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import torch

from reasoners.instructed.attributable_inputs import text_tokens
from reasoners.instructed.batches import Batch
from reasoners.instructed.hearing import SAMPLE_RATE, measured
from reasoners.instructed.reasoner import InstructedReasoner

_GREY: Final = 127.5


def emptied(reasoner: InstructedReasoner, batch: Batch, letter: str) -> Batch:
    """Return a batch whose words, voice or face (a letter) say nothing: the baselines of the attributions."""
    if letter == "T":
        return replace(batch, text=_masked(reasoner, batch))
    if letter == "A":
        silence, _ = measured(np.zeros(SAMPLE_RATE // 10, dtype=np.float32), ("log-mel",), max_s=1.0)
        there = torch.arange(batch.mel.shape[2], device=batch.mel.device) < batch.mel_frames[..., None]
        quiet = torch.tensor(np.asarray(silence)[0], dtype=batch.mel.dtype, device=batch.mel.device)
        mel = torch.where(there[..., None], quiet, torch.zeros_like(batch.mel))
        return replace(batch, mel=mel, functionals=torch.zeros_like(batch.functionals))
    return replace(batch, frames=torch.full(batch.frames.shape, _GREY, device=batch.frames.device))


def _masked(reasoner: InstructedReasoner, batch: Batch) -> torch.Tensor:
    """Return tokens with the mask (else unknown, else padding) in each place, but for those that a reader adds."""
    reader: Any = reasoner.tokenizers.reader
    special = [] if reader is reasoner.tokenizers.own else list(reader.all_special_ids)
    kept = torch.isin(batch.text, torch.tensor(special, dtype=batch.text.dtype, device=batch.text.device))
    baseline = text_tokens(reasoner, "").baseline_id
    return torch.where(batch.text_known & ~kept, baseline, batch.text)
