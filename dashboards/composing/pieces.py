"""Puts a run, a training or a choice of examinations into a plan's text, from what somebody filled in.

The text stays what is checked and started: a form only writes into it. Comments do not survive it, since the text is
read and written anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from affidavit.errors import PlanError

_ORDER: Final = ("version", "title", "purpose", "training", "runs", "by", "depth", "examinations", "policy")
"""How plans are written; what is not here comes behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A corpus, a reasoner or a trainer with the options that were filled in, each as YAML text."""

    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    """Option to its value in YAML; an empty one is left out, so that the default holds."""

    def told(self) -> dict[str, Any]:
        """Return it as a plan writes it.

        Raises:
            PlanError: a value is no YAML.
        """
        options = {name: _value(name, text) for name, text in self.options.items() if text.strip()}
        return {"name": self.name, "options": options} if options else {"name": self.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run as the form has it: a reasoner that judges a corpus (or draws its own), perhaps trained in the plan."""

    name: str
    reasoner: Filled
    corpus: Filled | None = None
    trained: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTraining:
    """A training as the form has it."""

    name: str
    corpus: Filled
    reasoner: Filled
    trainer: Filled


def with_run(text: str, run: NewRun) -> str:
    """Return a plan's text with a run; one of the same name is replaced.

    Raises:
        PlanError: the text or an option is no YAML, or the text is no plan.
    """
    source: dict[str, Any] = {} if run.corpus is None else {"corpus": run.corpus.told()}
    source["reasoner"] = run.reasoner.told()
    if run.trained is not None:
        source["trained"] = run.trained
    return _with_entry(text, "runs", run.name, source)


def with_training(text: str, training: NewTraining) -> str:
    """Return a plan's text with a training; one of the same name is replaced.

    Raises:
        PlanError: the text or an option is no YAML, or the text is no plan.
    """
    parts = {"corpus": training.corpus, "reasoner": training.reasoner, "trainer": training.trainer}
    return _with_entry(text, "training", training.name, {part: filled.told() for part, filled in parts.items()})


def with_scope(text: str, *, by: Sequence[str], examinations: Sequence[str]) -> str:
    """Return a plan's text with the features to compare by, and the examinations; none asks every possible one.

    Options that an examination has in the plan stay.

    Raises:
        PlanError: the text is no plan.
    """
    plan = _read(text)
    kept = {one["name"]: one for one in plan.get("examinations") or () if isinstance(one, dict) and "name" in one}
    plan["by"] = list(by)
    plan["examinations"] = [kept.get(name, name) for name in examinations]
    return _written({key: value for key, value in plan.items() if value or key not in ("by", "examinations")})


def names_in(text: str, part: str) -> tuple[str, ...]:
    """Return the names under `runs` or `training` of a text; none where it does not read."""
    try:
        entries = _read(text).get(part)
    except PlanError:
        return ()
    return tuple(map(str, entries)) if isinstance(entries, dict) else ()


def _with_entry(text: str, part: str, name: str, told: Mapping[str, Any]) -> str:
    if not name.strip():
        raise PlanError(
            "it has no name",
            slug="plan-invalid",
            where=f"a new entry of {part}",
            remedy="give it a name, such as first",
        )
    plan = _read(text)
    before = plan.get(part)
    entries = dict(before) if isinstance(before, dict) else {}
    return _written({**plan, part: {**entries, name.strip(): dict(told)}})


def _read(text: str) -> dict[str, Any]:
    import yaml

    try:
        plan = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise _no_plan(" ".join(str(error).split())) from None
    if not isinstance(plan, dict):
        raise _no_plan(type(plan).__name__)
    return plan


def _written(plan: Mapping[str, Any]) -> str:
    import yaml

    ordered = {key: plan[key] for key in (*_ORDER, *plan) if key in plan}
    written: str = yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100)
    return written


def _value(name: str, text: str) -> Any:  # noqa: ANN401 - any value that YAML has
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise PlanError(
            "the value of an option is no YAML",
            slug="plan-invalid",
            where=name,
            found=text,
            remedy="write a number, a word, [a, list] or {a: mapping}",
        ) from None


def _no_plan(found: str) -> PlanError:
    return PlanError(
        "the text is no plan, so nothing can be put into it",
        slug="plan-invalid",
        where="the plan",
        found=found,
        allowed="keys such as title and runs",
        remedy="mend the text, or clear it",
    )
