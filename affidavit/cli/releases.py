"""`affidavit release`: of a report one that may leave the house."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import typer
from pydantic import ValidationError

from affidavit.bundle import check_output, read_bundle, write_bundle
from affidavit.cli.progress import shown_progress
from affidavit.disclosure.release import DisclosureControl
from affidavit.disclosure.rule import FLOOR, DisclosureRule
from affidavit.errors import EXIT_DONE, PlanError
from affidavit.files import check_place
from affidavit.registry import Door, load

RELEASE: Final = "releasable"


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

    Without a rule, the release that is registered as `releasable` decides.

    Raises:
        AffidavitError: the bundle does not hold, everybody is too few, or `out` holds something else.
    """
    control = load(Door.RELEASES, RELEASE) if rule is None else DisclosureControl(rule=rule)
    check_place(out)
    check_output(out)
    report = read_bundle(bundle)
    with shown_progress() as progress:
        progress("withholding what is small", 0, None)
        released = control.release(report)
        progress("writing the report", 0, None)
        write_bundle(released, out)
    withheld = released.exhibit("withheld").num_rows if released.has_exhibit("withheld") else 0
    typer.echo(f"{released.title}\n{withheld:,} groups are withheld, or protect one that is")
    typer.echo(f"Report: {out / 'report.html'} (also report.md, report.json; {released.marking})")
    return EXIT_DONE
