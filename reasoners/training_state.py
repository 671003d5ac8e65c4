"""What an interrupted training keeps: model, best model so far, optimiser, history, and where the generators stand.

The generators are in it, those of the GPUs among them, so that what is drawn next is what would have been drawn.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import numpy as np
import torch

from affidavit.training_state import DIGEST, MODEL, StateFormat

_MODELS: Final = frozenset({MODEL, "best", "best_f1", "stale", "history"})
_GENERATORS: Final = frozenset({"torch", "cuda", "numpy"})
FORMAT: Final = StateFormat(
    needs=_MODELS | _GENERATORS | {DIGEST, "optimizer", "schedule"},
    save=torch.save,
    load=partial(torch.load, weights_only=True, map_location="cpu"),
)
write_state = FORMAT.write
read_state = FORMAT.read


def generators(rng: np.random.Generator) -> dict[str, Any]:
    """Return where all generators stand that training draws from."""
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
        "numpy": json.dumps(rng.bit_generator.state),
    }


def restore_generators(state: Mapping[str, Any], rng: np.random.Generator) -> None:
    """Put all generators back; of GPUs, those that are here."""
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available():
        for device, kept in enumerate(state["cuda"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(kept, device)
    rng.bit_generator.state = json.loads(state["numpy"])
