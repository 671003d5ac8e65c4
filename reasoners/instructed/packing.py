"""Packs the utterances of a patient into one sequence, so that the patient stays dimension 0 of every layer.

A language model reads `[batch, tokens]`. Were each utterance a row, a per-row gradient would be an utterance's and a
patient's would be lost. Packed, `[patient, utterance * tokens]`, with attention that stays inside each utterance, the
numbers are the same and the row is the patient. `tests/reasoners/instructed/test_packing.py` holds both beside.
"""

from __future__ import annotations

import torch
from torch import Tensor


def packed(values: Tensor) -> Tensor:
    """Return `[P, U, L, ...]` as `[P, U * L, ...]`."""
    return values.flatten(1, 2)


def unpacked(values: Tensor, n_utterances: int) -> Tensor:
    """Return `[P, U * L, ...]` as `[P, U, L, ...]`."""
    split: Tensor = values.unflatten(1, (n_utterances, -1))
    return split


def positions(n_patients: int, n_utterances: int, n_tokens: int, *, device: torch.device) -> Tensor:
    """Return positions that start again with every utterance, `[P, U * L]`."""
    return torch.arange(n_tokens, device=device).repeat(n_utterances).expand(n_patients, -1)


def within_utterances(known: Tensor, *, causal: bool = False) -> Tensor:
    """Return who may attend to whom, `bool[P, 1, U * L, U * L]`, from the tokens that are there, `bool[P, U, L]`.

    A token always attends to itself, so that no row is empty: softmax over nothing is not a number.
    """
    n_utterances, n_tokens = known.shape[1:]
    owner = torch.arange(n_utterances, device=known.device).repeat_interleave(n_tokens)
    allowed = (owner[:, None] == owner[None, :]) & known.flatten(1)[:, None, :]
    if causal:
        allowed = allowed & _causal(len(owner), known.device)
    itself = torch.eye(len(owner), dtype=torch.bool, device=known.device)
    return (allowed | itself)[:, None]


def within_dialogues(dialogue: Tensor, known: Tensor) -> Tensor:
    """Return which turns see which, `bool[P, 1, 1 + U, 1 + U]`: oneself and earlier turns of the same dialogue.

    Position 0 is the instruction, which every turn sees and which sees only itself.
    """
    n_patients, n_turns = dialogue.shape
    same = (dialogue[:, :, None] == dialogue[:, None, :]) & known[:, None, :]
    turns = same & _causal(n_turns, dialogue.device)
    allowed = torch.zeros(n_patients, 1 + n_turns, 1 + n_turns, dtype=torch.bool, device=dialogue.device)
    allowed[:, 1:, 1:] = turns
    allowed[:, :, 0] = True
    itself = torch.eye(1 + n_turns, dtype=torch.bool, device=dialogue.device)
    return (allowed | itself)[:, None]


def _causal(n: int, device: torch.device) -> Tensor:
    steps = torch.arange(n, device=device)
    return steps[:, None] >= steps[None, :]
