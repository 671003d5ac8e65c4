"""Where Flower's context says that things are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from flwr.app import Context

import federated
from affidavit.errors import PlanError
from federated.deployment.node import FOLDER

PLAN: Final = "plan"
OUT: Final = "out"
SITES: Final = "sites"
PARTITION: Final = "partition-id"
OWN_PLAN: Final = "plan.yaml"
"""A site's own copy of the plan of a training, in its folder."""
OWN_AUDIT: Final = "audit.yaml"
"""A site's own copy of the plan of an audit."""
BUNDLE: Final = Path(federated.__file__).parent.parent


def site_folder(context: Context) -> Path | None:
    """Return the folder of this machine's site; None where sites are simulated."""
    named = context.node_config.get(FOLDER)
    return Path(named) if isinstance(named, str) and named else None


def plan_of(context: Context) -> Path:
    """Return where the run says that the plan is; relative paths begin where the bundle was unpacked.

    Raises:
        PlanError: it does not say.
    """
    named = context.run_config.get(PLAN)
    if not isinstance(named, str) or not named:
        raise unnamed(PLAN, "the plan of the federation")
    return BUNDLE / named


def plan_at(folder: Path, context: Context) -> Path:
    """Return where a site's plan is: its own copy in its folder, else the one of the bundle that its officer approved.

    Raises:
        PlanError: neither is there, or the run names a place outside of the bundle.
    """
    own = folder / OWN_PLAN
    if own.is_file():
        return own
    path = plan_of(context).resolve()
    if not path.is_relative_to(BUNDLE.resolve()):
        raise PlanError(
            "the run names a plan outside of the bundle, and the site's folder has none",
            slug="plan-impossible",
            where=f"run configuration, {PLAN}",
            remedy=f"put the plan that the officer approved into the site's folder as {OWN_PLAN}",
        )
    return path


def named_folder(context: Context, key: str) -> Path:
    """Return a folder that the run's configuration names.

    Raises:
        PlanError: it names none.
    """
    named = context.run_config.get(key)
    if not isinstance(named, str) or not named:
        raise unnamed(key, "a folder of this machine")
    return Path(named)


def require_free(place: Path) -> None:
    """Refuse a folder that holds something: a run replaces it as a whole.

    Raises:
        PlanError: it does; what an interrupted run left has a name that begins with a dot, and is no hindrance.
    """
    if place.is_file() or (place.is_dir() and any(not file.name.startswith(".") for file in place.iterdir())):
        raise PlanError(
            "the run's folder holds something, and a run replaces it as a whole",
            slug="output-exists",
            where=OUT,
            found=str(place),
            allowed="a new or empty folder, or what an interrupted run left",
            remedy="choose another folder, or move what is in this one",
        )


def unnamed(key: str, what: str) -> PlanError:
    """Return that a run says not where something is."""
    return PlanError(
        f"the run does not say where {what} is",
        slug="plan-invalid",
        where=f"run configuration, {key}",
        found="nothing",
        remedy=f"flwr run --run-config '{key}=\"...\"'",
    )
