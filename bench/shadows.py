"""Shadow models trained together beside one after another: 64 heads of `tiny` on cached states.

    python bench/shadows.py           400 steps, best of three
    python bench/shadows.py --quick   200 steps, best of three: under 50 s

The head is the layer from which `tiny` answers, 96 numbers to seven labels, on the states that the rest of the model
leaves behind (drawn here at their genuine shape, for the work depends on nothing else): 1,500 clips of 500 patients,
each patient in half of the models, AdamW, 16 clips a step. Both ways train the same models from the same weights on
the same batches and score all clips with all models; what differs is rounding, and is printed. A wider head is shown
beside: the more it computes, the less is left to be won, and at the width of all of `tiny`'s judging layers a
processor computes all the time either way. One thread, and its own processor time: what else the machine does at the
time has no part in it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import nn

from privacy.attacks.shadows import Recipe, Shadows, halves_of_units, train_one_by_one, train_together
from reasoners.instructed.sizes import SIZES

GOAL: Final = 10.0
N_MODELS: Final = 64
N_UNITS: Final = 500
N_CLIPS: Final = 3
N_LABELS: Final = 7
HIDDEN: Final = SIZES["tiny"].hidden


@dataclass(frozen=True, slots=True)
class Head:
    """A head by the numbers that it takes."""

    name: str
    n_inputs: int
    make: Callable[[], nn.Module]


HEADS: Final = (
    Head("tiny's answer", HIDDEN, lambda: nn.Linear(HIDDEN, N_LABELS)),
    Head("with 32 hidden", HIDDEN, lambda: nn.Sequential(nn.Linear(HIDDEN, 32), nn.GELU(), nn.Linear(32, N_LABELS))),
    Head(
        "tiny's judging layers",
        3 * HIDDEN,
        lambda: nn.Sequential(nn.Linear(3 * HIDDEN, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, N_LABELS)),
    ),
)


def best(train: Callable[[], Shadows], repeats: int) -> tuple[float, Shadows]:
    """Return the shortest of several times, and what was trained."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        trained = train()
        times.append(time.process_time() - start)
    return min(times), trained


def compared(head: Head, *, steps: int, repeats: int) -> float:
    """Print one line, and return how many times faster the models are trained together."""
    rng = np.random.default_rng(0)
    unit = np.repeat(np.arange(N_UNITS), N_CLIPS)
    states = rng.normal(size=(len(unit), head.n_inputs))
    labels = rng.integers(0, N_LABELS, len(unit))
    trained_on = halves_of_units(unit, n_models=N_MODELS, rng=rng)
    recipe = Recipe(steps=steps, batch=16, learning_rate=1e-3)
    for train in (train_together, train_one_by_one):  # what is loaded at the first call is not counted
        train(head.make, states, labels, trained_on[:2], recipe=Recipe(steps=2), seed=1)
    together, fast = best(lambda: train_together(head.make, states, labels, trained_on, recipe=recipe, seed=1), repeats)
    apart, slow = best(lambda: train_one_by_one(head.make, states, labels, trained_on, recipe=recipe, seed=1), repeats)
    difference = np.abs(fast.logits - slow.logits).max()
    times = f"{1e3 * together:11.0f} {1e3 * apart:13.0f} {apart / together:6.1f}"
    print(f"{head.name:22} {steps:5} {times} {difference:8.1e}")
    return apart / together


def main() -> None:
    """Print the table; the last line is the figure and its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer steps")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    print(f"{N_MODELS} shadow models, {N_UNITS * N_CLIPS:,} clips of {N_UNITS} patients, one thread")
    print(f"{'head':22} {'steps':>5} {'together ms':>11} {'one by one ms':>13} {'times':>6} {'apart':>8}")
    steps, repeats = (200, 3) if quick else (400, 3)
    first, *others = HEADS
    gained = compared(first, steps=steps, repeats=repeats)
    for head in others:
        compared(head, steps=steps // 5, repeats=1)
    print(f"times faster to train {N_MODELS} shadow models of the tiny head together: {gained:.1f} (goal {GOAL:g})")


if __name__ == "__main__":
    main()
