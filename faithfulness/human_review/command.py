"""The command `affidavit draw-reviews`: a table's rationales as a plan of cards."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from affidavit.cli.reviewing import DrawFlags
from affidavit.cli.saying import say
from affidavit.conditions import Condition
from affidavit.errors import PlanError
from affidavit.files import replacing
from affidavit.predictions import Predictions, Reading, read_predictions
from affidavit.yaml_files import describe_validation_error
from faithfulness.human_review.sampling import SamplingOptions, draw_reviews


def draw(table: Path, out: Path, flags: DrawFlags) -> int:
    """Write a plan of cards for a table, and return the exit code.

    Raises:
        AffidavitError: the table does not read, has no rationale under the condition, or the flags make no review.
    """
    options = _options(flags)
    predictions = read_predictions(table, Reading(run=flags.run, by=flags.by, labelled=False))
    condition = flags.condition or _fullest(predictions)
    plan = draw_reviews(predictions, options, by=flags.by, condition=condition, seed=flags.seed)
    with replacing(out) as temporary:
        temporary.write_text(plan.model_dump_json(indent=1), encoding="utf-8")
    out.chmod(0o600)  # it says what each card is, which no reviewer may know
    say(f"{len(plan.items):,} cards under {condition}, dealt to {len(plan.assignments)} reviewers: {out}")
    for remark in plan.remarks:
        say(f"  {remark}")
    return 0


def _fullest(predictions: Predictions) -> str:
    use = predictions.conditions_of_use
    plain = [name for name in use if Condition.parse(name).operator is None]
    return (plain or use or predictions.conditions)[0]


def _options(flags: DrawFlags) -> SamplingOptions:
    try:
        return SamplingOptions(
            per_group=flags.per_group,
            reviewers=flags.reviewers,
            per_card=min(flags.per_card, len(flags.reviewers)),
            shuffled_share=flags.shuffled_share,
            again_share=flags.again_share,
        )
    except ValidationError as error:
        raise PlanError(
            "the flags make no review",
            slug="plan-invalid",
            where="draw-reviews",
            found=describe_validation_error(error),
            remedy="name each reviewer once, and at least one",
        ) from None
