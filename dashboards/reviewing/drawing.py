"""A plan of cards drawn at the desk, from the table behind a run, by the command that draws one at a terminal."""

from __future__ import annotations

import tempfile
from pathlib import Path

from affidavit.cli.reviewing import DrawFlags
from affidavit.predictions import Predictions
from affidavit.registry import Door, load


def drawn_plan(predictions: Predictions, flags: DrawFlags) -> bytes:
    """Return the plan of cards as `affidavit draw-reviews` writes it.

    Raises:
        AffidavitError: the table has no rationale under the condition, or the flags make no review.
    """
    with tempfile.TemporaryDirectory() as folder:
        table, plan = Path(folder) / "table.parquet", Path(folder) / "plan.json"
        predictions.write(table)
        load(Door.COMMANDS, "draw-reviews")(table, plan, flags)
        return plan.read_bytes()
