"""`affidavit release`: of a report one that may leave the house."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from affidavit.bundle import check_output, read_bundle, write_bundle
from affidavit.cli.progress import shown_progress
from affidavit.cli.saying import one_line, say
from affidavit.disclosure.release import DisclosureControl
from affidavit.disclosure.rule import FLOOR, DisclosureRule
from affidavit.errors import EXIT_CRITERION_FAILED, EXIT_DONE, PlanError
from affidavit.files import check_place
from affidavit.registry import Door, load
from affidavit.run_log import RunLog

RELEASE: Final = "releasable"
LINTER: Final = "lint-release"


def rule_of(*, floor: int | None, rounding: int | None, intervals_only: bool) -> DisclosureRule | None:
    """Return the rule that the flags ask for; None where they ask for none.

    Raises:
        PlanError: both coarse forms, a floor under 2, or a base that leaves no more candidates than the width.
    """
    if floor is None and rounding is None and not intervals_only:
        return None
    asked = {"floor": FLOOR if floor is None else floor, "rounding": rounding, "intervals_only": intervals_only}
    try:
        return DisclosureRule.model_validate(asked)
    except ValidationError as error:
        raise PlanError(
            "the release cannot be made under this rule",
            slug="plan-impossible",
            where="affidavit release",
            found="; ".join(str(one["msg"]).removeprefix("Value error, ") for one in error.errors()),
            allowed="a floor from 2; either rounding to 4 or more, or intervals only",
            remedy="for instance --rounding 5, or --intervals-only alone",
        ) from None


def release_bundle(bundle: Path, *, out: Path, rule: DisclosureRule | None = None) -> int:
    """Write the released report of a bundle; the bundle itself stays as it is.

    Without a rule, the release that is registered as `releasable` decides. What was written is then attacked by the
    linter behind the door `commands`, file by file; where anything small follows from it, nothing is left of it.

    Raises:
        AffidavitError: the bundle does not hold, everybody is too few, `out` holds something else, or the linter found
            something.
    """
    control = load(Door.RELEASES, RELEASE) if rule is None else DisclosureControl(rule=rule)
    check_place(out)
    check_output(out)
    report = read_bundle(bundle)
    with shown_progress() as progress:
        log = RunLog("release", told=progress)
        log("withholding what is small", 0, None)
        released = control.release(report)
        log.note("released", {"by": control.name})
        progress("writing and attacking the report", 0, None)
        write_bundle(released, out, log=log, inspect=_linted)
    withheld = released.exhibit("withheld").num_rows if released.has_exhibit("withheld") else 0
    say(f"{one_line(released.title)}\n{withheld:,} groups are withheld, or protect one that is")
    say(f"Report: {out / 'report.html'} (also report.md, report.json; {released.marking})")
    return EXIT_DONE


def _linted(bundle: Path) -> None:
    """Attack a release before it takes its place.

    Raises:
        PlanError: something small follows from it, or one of its files tells what it may not.
    """
    if load(Door.COMMANDS, LINTER)(bundle) == EXIT_CRITERION_FAILED:
        raise PlanError(
            "the release tells what it should withhold, so nothing was written",
            slug="release-discloses",
            where="affidavit release",
            found="what the linter says above",
            allowed="a release from which no small count follows, in any of its files",
            remedy="release with --rounding 5 or --intervals-only, take out what names a small group, and report this",
        )
