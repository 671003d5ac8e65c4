"""What a plan may say to a corpus, a reasoner or a trainer: the option models that doors name, in words and as a check.

A door that names no model (`options`, of a new model `new_options`) takes what it takes, and says so when it is asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from affidavit.errors import AffidavitError
from affidavit.options import read_options
from affidavit.plan import AuditPlan, Choice
from affidavit.records import Record
from affidavit.registry import Door, load

_FILLED_IN: Final = "checkpoint"
"""The option of a reasoner that `trained` fills in."""
_PLAIN: Final[Mapping[str, str]] = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "mapping",
    "null": "nothing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionFact:
    """One option, as somebody who writes a plan must know it."""

    name: str
    kind: str
    """In words: `whole number`, `one of gate, global`."""
    required: bool
    default: str
    """As JSON; empty where it is required."""
    meaning: str
    """What the model's own documentation says; may be empty."""


def option_model(door: Door, name: str) -> type[Record] | None:
    """Return what a plan may say to a corpus, to a trainer, or to a reasoner that judges; None where nobody says.

    Raises:
        PlanError: there is no such name. MissingPartError: its package is not installed.
    """
    return _named(load(door, name), "options")


def new_option_model(name: str) -> type[Record] | None:
    """Return what a plan may say to a reasoner that is to be trained.

    Raises:
        PlanError: there is no such reasoner. MissingPartError: its package is not installed.
    """
    return _named(load(Door.REASONERS, name), "new_options")


def option_facts(model: type[Record]) -> tuple[OptionFact, ...]:
    """Return the options of a model, in its order; those that a plan fills in by itself are left out."""
    schema = model.model_json_schema()
    return tuple(
        OptionFact(
            name=name,
            kind=_kind(told, schema),
            required=name in schema.get("required", ()),
            default="" if "default" not in told else json.dumps(told["default"], ensure_ascii=False),
            meaning=" ".join(told.get("description", "").split()),
        )
        for name, told in schema["properties"].items()
        if name != "training_digest"
    )


def check_options(plan: AuditPlan) -> None:
    """Hold every option of a plan against its model, where there is one; nothing is loaded or read.

    Raises:
        AffidavitError: options do not validate; of several the first.
    """
    faults = list(_faults(plan))
    if faults:
        raise faults[0]


def _faults(plan: AuditPlan) -> Iterator[AffidavitError]:
    for model, options, of in _asked(plan):
        try:
            read_options(model, options, of=of)
        except AffidavitError as error:
            yield error


def _asked(plan: AuditPlan) -> Iterator[tuple[type[Record], Mapping[str, Any], str]]:
    for name, run in plan.runs.items():
        filled = {} if run.trained is None else {_FILLED_IN: run.trained.name}
        yield from _of(Door.CORPORA, run.corpus, "options", f"runs.{name}.corpus")
        yield from _of(Door.REASONERS, run.reasoner, "options", f"runs.{name}.reasoner", filled)
    for name, training in plan.training.items():
        yield from _of(Door.CORPORA, training.corpus, "options", f"training.{name}.corpus")
        yield from _of(Door.REASONERS, training.reasoner, "new_options", f"training.{name}.reasoner")
        yield from _of(Door.TRAINERS, training.trainer, "options", f"training.{name}.trainer")


def _of(
    door: Door, choice: Choice | None, which: str, where: str, filled: Mapping[str, Any] | None = None
) -> Iterator[tuple[type[Record], Mapping[str, Any], str]]:
    model = None if choice is None else _named(load(door, choice.name), which)
    if choice is not None and model is not None:
        yield model, {**choice.options, **(filled or {})}, where


def _named(loaded: object, which: str) -> type[Record] | None:
    model = getattr(loaded, which, None)
    return model if isinstance(model, type) and issubclass(model, Record) else None


def _kind(told: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Return a JSON schema's type in words."""
    if "$ref" in told:
        return _kind(schema["$defs"][told["$ref"].rpartition("/")[2]], schema)
    if "enum" in told:
        return f"one of {', '.join(map(str, told['enum']))}"
    if "const" in told:
        return str(told["const"])
    several = told.get("anyOf") or told.get("oneOf")
    if several:
        return " or ".join(dict.fromkeys(_kind(one, schema) for one in several))
    return _PLAIN.get(str(told.get("type")), "any value")
