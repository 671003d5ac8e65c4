"""The encoders from floating inputs, with gradients, each row one utterance: what their modules compute, from within.

Words enter as embeddings and pictures as floats, since ids and bytes have no gradients, and frozen networks are run
without the `no_grad` they are judged under.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from reasoners.instructed.audio import AudioEncoder
from reasoners.instructed.batches import _FEWEST_FRAMES as FEWEST_FRAMES
from reasoners.instructed.packing import positions
from reasoners.instructed.text import _ROBERTA_OFFSET as ROBERTA_OFFSET
from reasoners.instructed.text import TextEncoder
from reasoners.instructed.visual import FrozenFrames, VisualEncoder


def embedding_of(text: TextEncoder) -> nn.Module:
    """Return the layer that makes embeddings of ids."""
    layer: nn.Module = text.encoder.get_input_embeddings()
    return layer


def read(text: TextEncoder, embedded: Tensor) -> Tensor:
    """Return states `[N, D]` of texts of L tokens, all known, from their embeddings `[N, L, W]`."""
    n_rows, n_tokens = embedded.shape[:2]
    numbered = {}
    if text.trained:  # a frozen one numbers its positions by itself, as it does when it judges
        numbered["position_ids"] = positions(n_rows, 1, n_tokens, device=embedded.device) + ROBERTA_OFFSET
    known = torch.ones(n_rows, n_tokens, dtype=torch.long, device=embedded.device)
    states = text.encoder(inputs_embeds=embedded, attention_mask=known, **numbered).last_hidden_state
    projected: Tensor = text.project(states.mean(1).to(text.project.weight.dtype))
    return projected


def heard(audio: AudioEncoder, mel: Tensor | None, descriptors: Tensor | None) -> Tensor:
    """Return states `[N, D]` of sounds from frames `[N, T, 40]` and descriptors `[N, F]`, where it hears them."""
    given = mel if mel is not None else descriptors
    if given is None:
        raise ValueError("this turn has no audio")
    n_rows = len(given)
    frames = given.new_zeros(n_rows, 0, 40) if mel is None else mel
    n_frames = torch.full((n_rows, 1), frames.shape[1], device=given.device)
    filled = pad(frames, (0, 0, 0, max(0, FEWEST_FRAMES - frames.shape[1])))
    numbers = given.new_zeros(n_rows, 0) if descriptors is None else descriptors
    states: Tensor = audio(filled[:, None], n_frames, numbers[:, None])
    return states[:, 0]


def seen(visual: VisualEncoder, pixels: Tensor) -> Tensor:
    """Return states `[N, D]` of pictures `[N, F, H, W(, 3)]`, floating, 0 to 255."""
    frame = visual.frame
    if not isinstance(frame, FrozenFrames):
        looked: Tensor = visual(pixels[:, None])
        return looked[:, 0]
    frame.network.eval()
    states = frame.network(pixels.flatten(0, 1)).unflatten(0, pixels.shape[:2])
    change = states[:, -1] - states[:, 0]
    pooled = torch.cat([states.mean(1), states.amax(1), change], dim=-1)
    projected: Tensor = visual.project(visual.dropout(pooled))
    return projected
