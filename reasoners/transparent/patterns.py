"""The finite space behind a transparent reasoner: what three modalities tell, and how likely that is.

A pattern is what text, audio and video tell of one utterance: each a label or nothing, (K + 1) ** 3 patterns for K
labels. A code counts them, video varying fastest; nothing is coded K.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reasoners.transparent.options import TransparentOptions

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def all_patterns(n_labels: int) -> IntArray:
    """Return what each pattern tells, [P, 3]: label codes of text, audio and video, `n_labels` for nothing."""
    return np.stack(np.unravel_index(np.arange((n_labels + 1) ** 3), (n_labels + 1,) * 3), axis=1)


def pattern_code(told: IntArray, n_labels: int) -> IntArray:
    """Return the codes of what is told, [..., 3], as [...]."""
    code: IntArray = told @ np.array([(n_labels + 1) ** 2, n_labels + 1, 1])
    return code


def exchanged(own: IntArray, donor: IntArray, resampled: tuple[bool, bool, bool], n_labels: int) -> IntArray:
    """Return codes of `own` patterns in which the resampled modalities tell what they tell in `donor` ones."""
    code = np.zeros_like(own)
    for i, from_donor in enumerate(resampled):
        place = (n_labels + 1) ** (2 - i)
        code += (donor if from_donor else own) // place % (n_labels + 1) * place
    return code


def telling_rates(options: TransparentOptions) -> FloatArray:
    """Return the chance that a modality tells each label (or nothing, last) given the true one, [3, K, K + 1].

    A modality is silent with its chance `silent`; else it tells the true label with its `reliability`, and the others
    evenly.
    """
    n_labels = len(options.labels)
    rates = np.empty((3, n_labels, n_labels + 1))
    own = np.eye(n_labels)
    for i, (right, silent) in enumerate(zip(options.reliability.by_modality, options.silent.by_modality, strict=True)):
        rates[i, :, :n_labels] = (1 - silent) * (right * own + (1 - right) / (n_labels - 1) * (1 - own))
        rates[i, :, n_labels] = silent
    return rates


def pattern_rates(options: TransparentOptions) -> FloatArray:
    """Return the chance of each pattern given the true label, [K, P]: modalities err independently of each other."""
    text, audio, video = telling_rates(options)
    joint: FloatArray = np.einsum("kt,ka,kv->ktav", text, audio, video).reshape(len(options.labels), -1)
    return joint


def donor_law(
    options: TransparentOptions, resampled: tuple[bool, bool, bool], *, same_label: bool = False
) -> tuple[IntArray, FloatArray]:
    """Return the patterns that a donor can bring in the resampled modalities, [D], and their chances, [K, D].

    The chances are by the true label of whom it is brought to: all alike, unless the donor has the same label. What it
    tells in the other modalities does not matter and is coded as nothing. Without resampling there is one pattern.
    """
    n_labels = len(options.labels)
    rates = pattern_rates(options)
    if not same_label:
        prior = np.array(list(options.label_distribution.values()))
        rates = np.broadcast_to(prior @ rates, rates.shape)
    kept = tuple(1 + i for i, taken in enumerate(resampled) if not taken)
    law = rates.reshape(n_labels, *(n_labels + 1,) * 3).sum(axis=kept).reshape(n_labels, -1)
    told = np.full((law.shape[1], 3), n_labels)
    taken = [i for i, here in enumerate(resampled) if here]
    if taken:
        told[:, taken] = np.stack(np.unravel_index(np.arange(law.shape[1]), (n_labels + 1,) * len(taken)), axis=1)
    return pattern_code(told, n_labels), law
