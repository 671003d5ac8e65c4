"""Fits a verifier to sentences, the same way every time, and judges every sentence by one that never met its unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from affidavit.errors import PlanError
from affidavit.protocols import Progress, silent
from affidavit.seeds import seed_of
from reasoners.verifier.config import FittingOptions, VerifierConfig
from reasoners.verifier.emotions import EMOTIONS
from reasoners.verifier.examples import Example, with_masked
from reasoners.verifier.network import VerifierNetwork

_RARE = 1e-3
"""Share of sentences that an emotion is taken to have where none has it, so that its score begins at a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossFitted:
    """What verifiers that never met the unit say of each sentence, `[N, 28]`."""

    probabilities: NDArray[np.float64]
    folds: int


def fitted(
    examples: Sequence[Example], options: FittingOptions, *, pretrained: str | None = None, progress: Progress = silent
) -> VerifierNetwork:
    """Return a network fitted to the examples and to the same without emotion words."""
    network = VerifierNetwork(VerifierConfig(encoder=options.encoder, pretrained=pretrained))
    some = with_masked(examples)
    features = network.features([example.text for example in some])
    with _one_thread():
        _fit(network, features, _targets(some), options, seed=options.seed)
    progress("fitting the verifier", 1, 1)
    return network.eval()


def cross_fitted(examples: Sequence[Example], options: FittingOptions, *, progress: Progress = silent) -> CrossFitted:
    """Return what each sentence is taken for by a verifier of the other folds' units.

    Raises:
        PlanError: there are fewer units than folds, down to two.
    """
    units = sorted({example.unit for example in examples})
    folds = min(options.folds, len(units))
    if folds < 2:
        raise PlanError(
            "one unit alone cannot be parted into those who teach the verifier and those who test it",
            slug="plan-impossible",
            where="the verifier's sentences",
            found=f"{len(examples)} sentences of one unit",
            allowed="sentences of two units or more",
            remedy="bring sentences of more people, or name the column that tells them apart",
        )
    fold = _dealt(units, folds, seed=options.seed)
    found = np.zeros((len(examples), len(EMOTIONS)))
    for part in range(folds):
        inside = [i for i, example in enumerate(examples) if fold[example.unit] == part]
        others = [example for example in examples if fold[example.unit] != part]
        network = fitted(others, options)
        found[inside] = probabilities(network, [examples[i].text for i in inside])
        progress("testing the verifier", part + 1, folds)
    return CrossFitted(probabilities=found, folds=folds)


@torch.no_grad()
def probabilities(network: VerifierNetwork, sentences: Sequence[str]) -> NDArray[np.float64]:
    """Return `[N, 28]` of sentences."""
    if not sentences:
        return np.zeros((0, len(EMOTIONS)))
    scores: Tensor = network(network.features(sentences))
    return np.asarray(scores.double().sigmoid().numpy())


@contextmanager
def _one_thread() -> Iterator[None]:
    """Use one thread inside: steps are so small that several would wait for each other, and add in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _dealt(units: Sequence[str], folds: int, *, seed: int) -> Mapping[str, int]:
    order = np.random.default_rng(seed_of(seed, "folds")).permutation(len(units))
    return {units[place]: i % folds for i, place in enumerate(order)}


def _targets(examples: Sequence[Example]) -> Tensor:
    targets = torch.zeros(len(examples), len(EMOTIONS))
    for row, example in enumerate(examples):
        targets[row, sorted(example.emotions)] = 1.0
    return targets


def _fit(
    network: VerifierNetwork, features: Sequence[Tensor], targets: Tensor, options: FittingOptions, *, seed: int
) -> None:
    """Minimise the cross entropy of each emotion by AdamW; initial values and order come from the seed alone."""
    rng = torch.Generator().manual_seed(seed_of(seed, "verifier"))
    with torch.no_grad():
        for name, value in network.named_parameters():
            value.copy_(torch.randn(value.shape, generator=rng) * (0.1 if name.startswith("words") else 0.02))
        share = targets.mean(0).clamp(_RARE, 1 - _RARE)
        network.told.bias.copy_(share.logit())
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    network.train()
    epochs = max(options.epochs, ceil(options.least_steps / ceil(len(features) / options.batch)))
    for _ in range(epochs):
        order = torch.randperm(len(features), generator=rng).tolist()
        for start in range(0, len(order), options.batch):
            some = order[start : start + options.batch]
            optimizer.zero_grad(set_to_none=True)
            binary_cross_entropy_with_logits(network([features[i] for i in some]), targets[some]).backward()
            optimizer.step()
