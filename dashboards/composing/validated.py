"""Says what is wrong with a plan while it is being written, before anything of it is carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from affidavit.errors import AffidavitError, PlanError
from affidavit.option_models import check_options
from affidavit.plan import AuditPlan
from affidavit.policy import check_reach, read_policy
from affidavit.registry import Door, load
from affidavit.run import choose
from affidavit.yaml_files import describe_validation_error
from dashboards.workspace.places import inside

_WORDS: Final = frozenset({"title", "purpose", "supplier", "instruction"})
"""Keys whose texts are for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """A plan, and what is wrong with it; one that nothing is wrong with can be started."""

    plan: AuditPlan | None
    faults: tuple[str, ...]


def validated(text: str, *, places: tuple[Path, ...]) -> Validated:
    """Read a plan as it stands; files that it names have to lie in `places`, and be named from the root."""
    import yaml

    try:
        told = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return Validated(plan=None, faults=(f"this is not YAML: {' '.join(str(error).split())}",))
    if not isinstance(told, dict):
        return Validated(plan=None, faults=("a plan is a list of keys, such as `title` and `runs`",))
    try:
        plan = AuditPlan.model_validate(told)
    except ValidationError as error:
        return Validated(plan=None, faults=(describe_validation_error(error),))
    checks: list[Callable[[], object]] = [
        partial(choose, plan),
        partial(_doors, plan),
        partial(check_options, plan),
        partial(_policy, plan),
        partial(_places, plan, places),
    ]
    faults = [said for check in checks if (said := _said(check))]
    return Validated(plan=plan, faults=tuple(faults))


def _said(check: Callable[[], object]) -> str | None:
    try:
        check()
    except AffidavitError as error:
        return str(error)
    return None


def _doors(plan: AuditPlan) -> None:
    """Ask the registry for every corpus, reasoner and trainer."""
    for source in plan.runs.values():
        for door, chosen in ((Door.CORPORA, source.corpus), (Door.REASONERS, source.reasoner)):
            if chosen is not None:
                load(door, chosen.name)
    for training in plan.training.values():
        for door, chosen in (
            (Door.CORPORA, training.corpus),
            (Door.REASONERS, training.reasoner),
            (Door.TRAINERS, training.trainer),
        ):
            load(door, chosen.name)


def _policy(plan: AuditPlan) -> None:
    if plan.policy is not None:
        check_reach(read_policy(plan.policy, folder=Path(), by=plan.by), by=plan.by, depth=plan.depth)


def _places(plan: AuditPlan, places: tuple[Path, ...]) -> None:
    """Refuse whatever in a plan leads out of what the desk may open, in whichever option it stands."""
    for text in _texts(plan.model_dump(mode="json")):
        path = Path(text)
        if path.is_absolute() or text.startswith("~") or ".." in path.parts:
            inside(path, places)
    for source in plan.runs.values():
        if source.table is not None and not Path(source.table).is_absolute():
            raise PlanError(
                "a table is named from no place",
                slug="plan-impossible",
                where="the plan",
                found=source.table,
                remedy="name it from the root: a run of the desk has a folder of its own",
            )


def _texts(told: object) -> Iterator[str]:
    """Yield every text in a plan that could be a path: on one line, and not the words of a title."""
    if isinstance(told, dict):
        for key, value in told.items():
            if key not in _WORDS:
                yield from _texts(value)
    elif isinstance(told, list | tuple):
        for value in told:
            yield from _texts(value)
    elif isinstance(told, str):
        yield told
