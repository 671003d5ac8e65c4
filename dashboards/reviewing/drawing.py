"""A plan of cards drawn at the desk, from the table behind a run, by the command that draws one at a terminal."""

from __future__ import annotations

import tempfile
from pathlib import Path

from affidavit.cli.reviewing import DrawFlags
from affidavit.predictions import Predictions
from affidavit.registry import Door, load
from affidavit.reviews import ReviewPlan


def drawn_plan(predictions: Predictions, flags: DrawFlags) -> bytes:
    """Return the plan of cards as `affidavit draw-reviews` writes it, with the digest of the table that was audited.

    By that digest the desk finds the utterance behind a card.

    Raises:
        AffidavitError: the table has no rationale under the condition, or the flags make no review.
    """
    with tempfile.TemporaryDirectory() as folder:
        table, plan = Path(folder) / "table.parquet", Path(folder) / "plan.json"
        predictions.write(table)
        load(Door.COMMANDS, "draw-reviews")(table, plan, flags)
        drawn = ReviewPlan.model_validate_json(plan.read_bytes())
    return drawn.model_copy(update={"table": predictions.digest}).model_dump_json(indent=1).encode()
