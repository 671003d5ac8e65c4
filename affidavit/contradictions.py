"""Probabilities that speak against the prediction beside them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa


def contradictions(columns: Mapping[str, pa.Array]) -> int:
    """Return in how many rows another label is more probable than the one predicted."""
    names = [name for name in columns if name.startswith("prob_")]
    shares = np.stack([columns[name].to_numpy() for name in names])
    position = {name.removeprefix("prob_"): i for i, name in enumerate(names)}
    said = columns["y_pred"]
    if not set(said.dictionary.to_pylist()) <= set(position):
        return 0  # the label space is declared, and wider than the probabilities
    code = np.array([position[label] for label in said.dictionary.to_pylist()])[said.indices.to_numpy()]
    return int((shares.max(axis=0) > shares[code, np.arange(len(code))] + 1e-9).sum())
