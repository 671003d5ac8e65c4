"""What an interrupted private training goes on from: parameters, optimiser, bound and number of steps; no generator.

Everything in it comes out of noised steps, so that it tells no more than the ledger has counted.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import torch

from affidavit.training_state import DIGEST, MODEL, StateFormat

FORMAT: Final = StateFormat(
    needs=frozenset({DIGEST, MODEL, "optimizer", "schedule", "clip_norm", "taken"}),
    save=torch.save,
    load=partial(torch.load, weights_only=True, map_location="cpu"),
)
write_state = FORMAT.write
read_state = FORMAT.read
