"""The command `affidavit lint-release`: attacks a released bundle or table, alone or with an earlier release.

Of a bundle it attacks the numbers of report.json, and reads every file for what it tells beside them.

Exit codes: 0 nothing follows; 1 a small count follows; 2 it cannot be read; 3 nothing follows, but some numbers
contradict each other, so that nothing could be said of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from affidavit.bundle import read_bundle
from affidavit.cli.saying import say
from affidavit.errors import EXIT_CRITERION_FAILED, EXIT_DONE, EXIT_INCONCLUSIVE, PlanError
from affidavit.report import AuditReport
from privacy.linter.attack import Attack, Disclosure, attack
from privacy.linter.bundles import demands_of, tables_of
from privacy.linter.reading import read_table
from privacy.linter.renditions import RenditionFault, rendition_faults
from privacy.linter.tables import Demands, ReleasedTable

SHOWN: Final = 20
"""Disclosures that are printed before the rest is counted."""


def lint_release(
    release: Annotated[Path, typer.Argument(help="Bundle of a released report, a table, or a folder of tables.")],
    previous: Annotated[
        list[Path] | None, typer.Argument(help="Earlier releases, the latest first, attacked together with it.")
    ] = None,
    floor: Annotated[int | None, typer.Option("--floor", help="Least number of units that may be told.")] = None,
    width: Annotated[int | None, typer.Option("--width", help="Least range of candidates of what is withheld.")] = None,
    rounding: Annotated[
        int | None, typer.Option("--rounding", help="Tables: counts are rounded to multiples of this.")
    ] = None,
) -> None:
    """Attack released tables: which small counts follow from sums, percentages and earlier releases?"""
    raise typer.Exit(lint(release, *(previous or ()), floor=floor, width=width, rounding=rounding))


def lint(
    release: Path,
    *previous: Path,
    floor: int | None = None,
    width: int | None = None,
    rounding: int | None = None,
) -> int:
    """Attack a release, with earlier ones where there are any, print what follows, and return the exit code."""
    tables, demands, report = _read(release, rounding)
    earlier = [_read(path, rounding)[0] for path in previous]
    if len(tables) == 1:  # files of one table rarely have one name
        earlier = [(replace(own[0], name=tables[0].name),) if len(own) == 1 else own for own in earlier]
    demands = replace(demands, floor=floor or demands.floor, width=width or demands.width)
    found = attack(tables, demands, previous=earlier)
    faults = () if report is None else rendition_faults(release, report, demands)
    say(_in_words(found, faults, demands, len(tables)))
    if found.disclosures or faults:
        return EXIT_CRITERION_FAILED
    return EXIT_INCONCLUSIVE if found.contradictions else EXIT_DONE


def _read(path: Path, rounding: int | None) -> tuple[tuple[ReleasedTable, ...], Demands, AuditReport | None]:
    """Read a bundle with its report, one table, or every table of a folder.

    Raises:
        PlanError: there is nothing to read.
    """
    if (path / "report.json").is_file():
        report = read_bundle(path)
        return tables_of(report), demands_of(report), report
    files = sorted(f for f in path.glob("*") if f.suffix in (".csv", ".parquet")) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise PlanError(
            "there is nothing to attack",
            slug="file-not-found",
            where=str(path),
            allowed="a bundle, a CSV or parquet table, or a folder of such tables",
            remedy="check the path",
        )
    return tuple(read_table(file, base=rounding) for file in files), Demands(coarse=rounding is not None), None


def _in_words(found: Attack, faults: Sequence[RenditionFault], demands: Demands, n_tables: int) -> str:
    head = (
        f"{n_tables} tables, {found.asked:,} counts asked for, {found.withheld:,} of them withheld; "
        f"floor {demands.floor}, width {demands.width}"
    )
    said = [f"discloses    {disclosure.told()}" for disclosure in sorted(found.disclosures, key=_gravest)[:SHOWN]]
    if len(found.disclosures) > SHOWN:
        said.append(f"and {len(found.disclosures) - SHOWN} more")
    said += [f"tells        {fault.told()}" for fault in faults[:SHOWN]]
    if len(faults) > SHOWN:
        said.append(f"and {len(faults) - SHOWN} more, in {', '.join(dict.fromkeys(fault.file for fault in faults))}")
    said += [f"contradicts  {what}: the numbers that bind it cannot all be counts" for what in found.contradictions[:5]]
    if not found.disclosures and not faults:
        said.append("nothing small follows from sums, percentages and differences")
    return "\n".join([head, *said])


def _gravest(disclosure: Disclosure) -> tuple[float, int]:
    """Put the fewest people first, and of those what takes the fewest statements."""
    return disclosure.high, len(disclosure.by)
