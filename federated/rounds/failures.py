"""Why a run failed, in words: what was found, what was needed, and how it goes on."""

from __future__ import annotations

from collections.abc import Sequence

from affidavit.errors import FederationError


def failed(number: int, attempts: int, replied: Sequence[str], least: int) -> FederationError:
    """Return what is raised where the quorum did not come together in all attempts."""
    return FederationError(
        f"round {number} did not come together",
        slug="quorum-missed",
        where=f"round {number}, {attempts} attempts",
        found=f"usable replies of {len(replied)} sites" + (f": {', '.join(replied)}" if replied else ""),
        allowed=f"{least} or more",
        remedy="see in the record what became of the others; start again, and it goes on with this round",
    )


def unbounded(error: OverflowError, contributors: Sequence[str]) -> FederationError:
    """Return what is raised where the next model would be none."""
    return FederationError(
        "a round made a model of which not every number is one, and does not count",
        slug="quorum-missed",
        where=f"updates of {', '.join(sorted(contributors))}",
        found=str(error),
        allowed="numbers that single precision can hold",
        remedy="say rounds.norm_bound, so that no site's update is longer; the record says how long each one was",
    )


def nobody(what: str, names: Sequence[str], least: int) -> FederationError:
    """Return what is raised where nobody was asked, for too few are there; `what` says of which rounds."""
    return FederationError(
        what,
        slug="quorum-missed",
        where="the sites that take part",
        found=f"{len(names)} sites" + (f": {', '.join(names)}" if names else ""),
        allowed=f"{least} or more",
        remedy="see in the record who was refused and why; let more sites join, or lower the quorum in the plan",
    )
