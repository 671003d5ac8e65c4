"""Sound as the Qwen models hear it: Whisper's log-mel spectrogram, and how many tokens hold its place."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from affidavit.media.sound import Sound
from reasoners.omni.kinds import QWEN3_OMNI, Kind

RATE: Final = 16_000
"""Samples a second; that of every kind."""
_HOP: Final = 160
_SHORTEST: Final = 10
"""Columns: of fewer the ear makes one token, and Qwen2-Audio takes one alone for an older form of prompt."""


class Ear:
    """Whisper's features for one model."""

    def __init__(self, config: Any, kind: Kind) -> None:  # noqa: ANN401 - transformers has no types
        from transformers import WhisperFeatureExtractor

        audio = config.audio_config
        self.kind, self.window = kind, int(audio.max_source_positions) * 2
        self.extract = WhisperFeatureExtractor(feature_size=audio.num_mel_bins, sampling_rate=RATE, hop_length=_HOP)
        self.n_window = int(getattr(audio, "n_window", 0))
        # Qwen3's ear fills pieces of a second up to the longest one in the batch, and what it fills up with is heard:
        # with a whole second in each sound, nobody's voice depends on who is heard beside it
        self.shortest = 2 * self.n_window if kind.name == QWEN3_OMNI.name else _SHORTEST

    def heard(self, sound: Sound) -> Tensor:
        """Return `[M, L]`, a column each hundredth of a second; silence fills up what is too short to be heard.

        Raises:
            ValueError: the sound has another rate.
        """
        if sound.sample_rate != RATE:
            raise ValueError(f"{sound.sample_rate} samples a second, where {RATE} are heard")
        samples = sound.samples[: self.window * _HOP] if self.kind.whole_window else sound.samples
        samples = np.pad(samples, (0, max(0, self.shortest * _HOP - len(samples))))
        n_columns = -(-len(samples) // _HOP)
        # a second of silence behind it: the last column does not look beyond the end, as in a longer window
        found = self.extract(
            samples,
            sampling_rate=RATE,
            padding="max_length",
            max_length=n_columns * _HOP + RATE,
            truncation=True,
            return_tensors="pt",
        )["input_features"][0]
        return torch.as_tensor(found)[:, :n_columns]

    def n_tokens(self, n_columns: int) -> int:
        """Return how many tokens hold the place of a sound."""
        if self.kind.name == QWEN3_OMNI.name:
            from transformers.models.qwen3_omni_moe import modeling_qwen3_omni_moe as genuine

            return int(genuine._get_feat_extract_output_lengths(torch.tensor(n_columns), self.n_window))
        return (((n_columns - 1) // 2 + 1) - 2) // 2 + 1

    def together(self, heard: list[Tensor]) -> dict[str, Tensor]:
        """Return sounds as one batch with a mask of their columns."""
        width = self.window if self.kind.whole_window else max(h.shape[1] for h in heard)
        features = torch.stack([torch.nn.functional.pad(h, (0, width - h.shape[1])) for h in heard])
        mask = torch.stack([(torch.arange(width) < h.shape[1]).long() for h in heard])
        return {"input_features": features, "feature_attention_mask": mask}
