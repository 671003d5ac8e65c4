"""An adaptive clipping bound from one round to the next, on the site's own disk.

It comes out of noised counts that the ledger has counted, so that it tells no more than they did; where it is lost, the
next round begins with the plan's.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from federated.private_files import private_file
from privacy.dpsgd.options import AdaptiveClipping

BOUND: Final = "bound.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBound:
    """The bound of one run, which starts at `start`; without `adaptive` it stays there."""

    folder: Path
    run: str
    start: float
    adaptive: AdaptiveClipping | None

    def read(self) -> float:
        """Return the bound to clip to next."""
        if self.adaptive is None:
            return self.start
        try:
            kept = json.loads((self.folder / BOUND).read_text(encoding="utf-8"))
            bound = float(kept["clip_norm"]) if kept["run"] == self.run else self.start
        except (OSError, ValueError, KeyError, TypeError):
            return self.start
        allowed = self.adaptive.floor <= bound <= self.adaptive.ceiling
        return bound if math.isfinite(bound) and allowed else self.start

    def keep(self, clip_norm: float) -> None:
        """Keep it, whole or not at all."""
        if self.adaptive is None:
            return
        with private_file(self.folder / BOUND) as file:
            file.write(json.dumps({"run": self.run, "clip_norm": clip_norm}).encode())
