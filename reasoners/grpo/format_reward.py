"""The format reward: 1 where the whole completion is `<think>..</think><answer>..</answer>`, else 0.

Source: Rha et al. 2026 (ERV), as R1-Omni (Zhao et al. 2025).
"""

from __future__ import annotations

from reasoners.completions import well_formed


def format_reward(completion: str) -> float:
    """Return 1 or 0.

    >>> format_reward("<think>It laughs.</think> <answer>joy</answer>"), format_reward("joy")
    (1.0, 0.0)
    """
    return float(well_formed(completion))
