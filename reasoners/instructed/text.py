"""Words into one state per utterance: a RoBERTa-class encoder, trained packed or frozen and pretrained."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedModel, RobertaConfig, RobertaModel

from reasoners.instructed.config import TextEncoderConfig
from reasoners.instructed.packing import packed, positions, unpacked, within_utterances
from reasoners.instructed.pretrained import model_folder

PAD = 0
_POOLED = ("bert", "roberta", "xlm-roberta")
"""Classes that would otherwise make a layer that nobody reads, and warn that it is untrained."""
_ROBERTA_OFFSET = 2
"""RoBERTa numbers its positions from the padding index on; ours is 0, and 1 stays unused as theirs does."""


class TextEncoder(nn.Module):
    """Mean of the last states of an utterance's tokens, projected: `[P, U, L]` ids into `[P, U, D]`."""

    def __init__(self, config: TextEncoderConfig, *, hidden: int, vocabulary: int, load: bool) -> None:
        super().__init__()
        self.trained = config.trained
        self.encoder = _encoder(config, vocabulary, load=load)
        self.encoder.requires_grad_(config.trained)
        self.project = nn.Linear(config.hidden, hidden)

    def forward(self, ids: Tensor, known: Tensor) -> Tensor:
        """Return `[P, U, D]`; an utterance without tokens gives the projection of zeros."""
        states = self._packed(ids, known) if self.trained else self._frozen(ids, known)
        counted = known.unsqueeze(-1).to(states.dtype)
        mean = (states * counted).sum(2) / counted.sum(2).clamp(min=1)
        projected: Tensor = self.project(mean.to(self.project.weight.dtype))
        return projected

    def _packed(self, ids: Tensor, known: Tensor) -> Tensor:
        n_patients, n_utterances, n_tokens = ids.shape
        states: Tensor = self.encoder(
            input_ids=packed(ids),
            attention_mask=within_utterances(known),
            position_ids=positions(n_patients, n_utterances, n_tokens, device=ids.device) + _ROBERTA_OFFSET,
        ).last_hidden_state
        return unpacked(states, n_utterances)

    @torch.no_grad()
    def _frozen(self, ids: Tensor, known: Tensor) -> Tensor:
        """Nothing is trained here, so utterances may stand as rows."""
        self.encoder.eval()
        states: Tensor = self.encoder(
            input_ids=ids.flatten(0, 1), attention_mask=known.flatten(0, 1).long()
        ).last_hidden_state
        split: Tensor = states.unflatten(0, ids.shape[:2])
        return split


def _encoder(config: TextEncoderConfig, vocabulary: int, *, load: bool) -> PreTrainedModel:
    if config.source is not None and load:
        folder = model_folder(config.source)
        pooled = AutoConfig.from_pretrained(folder).model_type in _POOLED
        loaded: PreTrainedModel = AutoModel.from_pretrained(folder, **({"add_pooling_layer": False} if pooled else {}))
        return loaded
    shape = RobertaConfig(
        vocab_size=vocabulary,
        hidden_size=config.hidden,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        intermediate_size=2 * config.hidden if config.trained else 4 * config.hidden,
        max_position_embeddings=config.max_tokens + _ROBERTA_OFFSET,
        type_vocab_size=1,
        pad_token_id=PAD,
    )
    return RobertaModel(shape, add_pooling_layer=False)
