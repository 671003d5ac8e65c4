"""`affidavit release`: of a report one that may leave the house."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import typer

from affidavit.bundle import check_output, read_bundle, write_bundle
from affidavit.cli.progress import shown_progress
from affidavit.errors import EXIT_DONE
from affidavit.files import check_place
from affidavit.registry import Door, load

RELEASE: Final = "releasable"


def release_bundle(bundle: Path, *, out: Path) -> int:
    """Write the released report of a bundle; the bundle itself stays as it is.

    Raises:
        AffidavitError: the bundle does not hold, everybody is too few, or `out` holds something else.
    """
    check_place(out)
    check_output(out)
    report = read_bundle(bundle)
    with shown_progress() as progress:
        progress("withholding what is small", 0, None)
        released = load(Door.RELEASES, RELEASE).release(report)
        progress("writing the report", 0, None)
        write_bundle(released, out)
    withheld = released.exhibit("withheld").num_rows if released.has_exhibit("withheld") else 0
    typer.echo(f"{released.title}\n{withheld:,} groups are withheld, or protect one that is")
    typer.echo(f"Report: {out / 'report.html'} (also report.md, report.json; {released.marking})")
    return EXIT_DONE
