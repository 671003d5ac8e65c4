"""How much better than its own group was a completion? GRPO needs no critic: the group is the baseline."""

from __future__ import annotations

from typing import Final

from torch import Tensor

STEADY: Final = 1e-4


def advantages(rewards: Tensor) -> Tensor:
    """Return (R - mean) / (std + 1e-4) of the rewards of one turn's completions, `[G]`; all 0 where they are alike.

    The standard deviation is the sample's, with G - 1.

    Source: Shao et al. 2024 (GRPO), equation 3 with outcome rewards; TRL's constant.

    >>> advantages(torch.tensor([0.0, 2.0])).round(decimals=3).tolist()
    [-0.707, 0.707]
    """
    return (rewards - rewards.mean()) / (rewards.std() + STEADY)
