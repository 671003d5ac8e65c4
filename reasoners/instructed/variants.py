"""Scores of many variants of one turn behind one history, which is read once for all of them.

A variant sees the instruction, the turns before and itself, and no other variant: its scores are what they would be if
it were the turn. A test holds both beside.
"""

from __future__ import annotations

import torch
from torch import Tensor

from reasoners.instructed.attention import sinusoids
from reasoners.instructed.dialogue import DialogueEncoder
from reasoners.instructed.model import InstructedModel
from reasoners.instructed.windows import Windows


def scores_of_variants(model: InstructedModel, found: Windows, states: Tensor) -> Tensor:
    """Return scores `[N, V, K]` of variants of the judged turns, states `[N, V, 3, D]`, shown as the turns are."""
    encoded = found.encoded
    rows = torch.arange(len(found.last), device=found.last.device)
    present = encoded.present[rows, found.last][:, None].expand(states.shape[:3])
    before, _, _ = model.align(encoded.states, encoded.present)
    aligned, _, _ = model.align(states.masked_fill(~present.unsqueeze(-1), 0.0), present)
    dialogue = _read(model.read, before, encoded.instruction, aligned, found.last)
    told = encoded.instruction[:, None].expand_as(dialogue)
    scores: Tensor = model.emotion(model.judge(torch.cat([dialogue, aligned, told], dim=-1)))
    return scores


def _read(read: DialogueEncoder, before: Tensor, instruction: Tensor, variants: Tensor, last: Tensor) -> Tensor:
    """Return dialogue states `[N, V, D]` of variants, each behind the first `last` turns `[N, H, D]`."""
    if len(read.layers):
        n_before, n_variants = before.shape[1], variants.shape[1]
        places = sinusoids(n_before, before.shape[2], device=before.device).to(before.dtype)
        states = torch.cat([instruction[:, None], before + places, variants + places[last][:, None]], dim=1)
        allowed = _allowed(last, n_before, n_variants)
        for layer in read.layers:
            states = layer(states, allowed)
        variants = states[:, 1 + n_before :]
    normed: Tensor = read.norm(variants)
    return normed


def _allowed(last: Tensor, n_before: int, n_variants: int) -> Tensor:
    """Return who sees whom, `bool[N, 1, S, S]`: instruction, turns before, variants."""
    size = 1 + n_before + n_variants
    steps = torch.arange(size, device=last.device)
    there = (steps > 0) & (steps <= last[:, None])
    earlier = there[:, None, :] & (steps[:, None] >= steps)
    instruction = torch.zeros(size, dtype=torch.bool, device=last.device)
    instruction[0] = True
    itself = torch.eye(size, dtype=torch.bool, device=last.device)
    return (earlier | instruction | itself)[:, None]
