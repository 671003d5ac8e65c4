"""Reads the options of a loader or a reasoner from a plan, and says in plain words what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from affidavit.errors import PlanError
from affidavit.records import Record
from affidavit.yaml_files import describe_validation_error, did_you_mean

Options = TypeVar("Options", bound=Record)


def read_options(model: type[Options], options: Mapping[str, Any], *, of: str) -> Options:
    """Return options as a record; `of` names whose they are, as in `corpus manifest`.

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
            where=of,
            found=describe_validation_error(error) + hints,
            allowed=f"the keys {', '.join(known)}",
            remedy="correct the key named above",
        ) from None
