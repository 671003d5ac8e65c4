"""Reads a reasoner's options from a plan, and says in plain words what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from affidavit.errors import PlanError
from affidavit.predictions import Reading
from affidavit.records import Record
from affidavit.yaml_files import describe_validation_error, did_you_mean

Options = TypeVar("Options", bound=Record)


def read_options(model: type[Options], options: Mapping[str, Any], *, of: str) -> Options:
    """Return the options of the reasoner named `of` as a record.

    Raises:
        PlanError: an unknown key, a missing key, or a value of the wrong kind.
    """
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        known = list(model.model_fields)
        hints = "".join(did_you_mean(name, known) for name in options if name not in known)
        raise PlanError(
            "the options do not validate",
            slug="plan-invalid",
            where=f"reasoner {of}",
            found=describe_validation_error(error) + hints,
            allowed=f"the keys {', '.join(known)}",
            remedy="correct the key named above",
        ) from None


def required_reading(options: Mapping[str, Any], *, of: str) -> tuple[Reading, dict[str, Any]]:
    """Part the entry `reading` (how the table is to be read; put there by the run) from the plan's own options.

    Raises:
        PlanError: there is no such entry, or it is not a `Reading`.
    """
    reading = options.get("reading")
    if not isinstance(reading, Reading):
        raise PlanError(
            "the options lack the entry 'reading'",
            slug="plan-invalid",
            where=f"reasoner {of}",
            found="nothing" if reading is None else type(reading).__name__,
            allowed="an affidavit.predictions.Reading",
            remedy="run the plan (affidavit run), or pass options={'reading': Reading(run=...)}",
        )
    return reading, {name: value for name, value in options.items() if name != "reading"}
