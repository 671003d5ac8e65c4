"""Pictures as the Qwen models see them: normalised, cut into patches, two frames a patch.

Written out here because transformers' own video processor wants torchvision; a test holds it against the image
processor that does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from affidavit.media.frames import Frames


class Eye:
    """Patches for one model."""

    def __init__(self, config: Any, mean: Sequence[float], sd: Sequence[float]) -> None:  # noqa: ANN401
        vision = config.vision_config
        self.patch, self.merge = int(vision.patch_size), int(vision.spatial_merge_size)
        self.pair = int(vision.temporal_patch_size)
        self.mean, self.sd = torch.tensor(mean), torch.tensor(sd)

    @property
    def step(self) -> int:
        """Pixels of which a side must be a multiple."""
        return self.patch * self.merge

    def seen(self, frames: Frames) -> dict[str, Tensor]:
        """Return patches `[N, C * 2 * P * P]`, their grid (time, height, width) and the seconds between pairs."""
        pixels = torch.from_numpy(np.ascontiguousarray(frames.pixels)).float()
        side = max(self.step, round(pixels.shape[1] / self.step) * self.step)
        pictures = pixels.permute(0, 3, 1, 2)
        if side != pixels.shape[1]:
            pictures = interpolate(pictures, size=(side, side), mode="bicubic", antialias=True).clamp(0, 255)
        pictures = (pictures / 255 - self.mean[:, None, None]) / self.sd[:, None, None]
        short = -len(pictures) % self.pair
        pictures = torch.cat([pictures, pictures[-1:].expand(short, -1, -1, -1)])
        n_pairs, across = len(pictures) // self.pair, side // self.patch
        blocks = pictures.reshape(
            n_pairs,
            self.pair,
            3,
            across // self.merge,
            self.merge,
            self.patch,
            across // self.merge,
            self.merge,
            self.patch,
        )
        patches = blocks.permute(0, 3, 6, 4, 7, 2, 1, 5, 8).reshape(n_pairs * across * across, -1)
        return {
            "patches": patches,
            "grid": torch.tensor([n_pairs, across, across]),
            "seconds": torch.tensor(self._seconds(frames)),
        }

    def n_tokens(self, grid: Tensor) -> int:
        """Return how many tokens hold the place of a video."""
        return int(grid.prod()) // self.merge**2

    def _seconds(self, frames: Frames) -> float:
        """Return the seconds from one pair of frames to the next; of a single picture none."""
        times = frames.times_s
        apart = float(times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.0
        return self.pair * max(0.0, apart)


def together(videos: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return videos as one batch."""
    return {
        "pixel_values_videos": torch.cat([video["patches"] for video in videos]),
        "video_grid_thw": torch.stack([video["grid"] for video in videos]),
        "video_second_per_grid": torch.stack([video["seconds"] for video in videos]),
    }
