"""The tables of a federated audit: every metric of every group, what sites sent, what they withheld."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from affidavit.claims import group_name, level_cells
from affidavit.estimates import estimate_cells
from affidavit.exhibit_columns import BY_CLASS, BY_GROUP, PLACE
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.records import ExhibitColumn, Finding
from federated.pooled.measures import Measure
from federated.pooled.totals import Totals

Row = Mapping[str, Cell]
SITE = ExhibitColumn(name="site", type="text", description="the site")


def table_of_rows(name: str, title: str, columns: tuple[ExhibitColumn, ...], rows: Sequence[Row]) -> ExhibitTable:
    """Return an exhibit from its rows."""
    values = {column.name: [row[column.name] for row in rows] for column in columns}
    return ExhibitTable(id=name, title=title, columns=columns, values=values)


def place_cells(run: str, condition: str, groups: Mapping[str, str]) -> dict[str, Cell]:
    """Return the cells that say where a number belongs."""
    named: dict[str, Cell] = {"run": run, "condition": condition, "features": " x ".join(groups)}
    return {**named, "group": group_name(groups), **level_cells(groups)}


def by_group(totals: Totals, cells: Sequence[tuple[Measure, Finding]]) -> tuple[ExhibitTable, ...]:
    """Return every metric of every group, and every rate of every label."""
    plain, classes = [], []
    for measure, finding in cells:
        row = {
            **place_cells(finding.run, finding.condition, finding.groups),
            **estimate_cells(finding.estimate),
        }
        if measure.label is None:
            plain.append({**row, "metric": finding.metric})
        else:
            classes.append({**row, "class": measure.label, "rate": measure.name})
    return (
        table_of_rows("federated-by-group", "Performance of every group, over all sites", BY_GROUP, plain),
        table_of_rows("federated-rates", "Recall and selection rate of each label, over all sites", BY_CLASS, classes),
    )


CONTRIBUTIONS = (
    SITE,
    ExhibitColumn(name="part", type="text", description="summed, withheld everything, or did not take part"),
    ExhibitColumn(name="withheld", type="integer", description="groups that it withheld", unit="groups"),
    ExhibitColumn(name="own_rows", type="integer", description="own estimates that it told", unit="estimates"),
    ExhibitColumn(name="epsilon", type="number", description="what its noise cost each of its patients"),
    ExhibitColumn(name="delta", type="number", description="at this delta"),
    ExhibitColumn(name="digest", type="text", description="of what it sent"),
)


def contributions(totals: Totals) -> ExhibitTable:
    """Return who took part, and with what."""
    gone = dict.fromkeys(totals.plan.sites, 0)
    for remainder in totals.remainders.values():
        for site in remainder.sites:
            gone[site] += 1
    rows: list[Row] = []
    for site in totals.plan.sites:
        spent = totals.spent.get(site)
        part = "summed" if site in totals.contributors else "withheld everything"
        rows.append(
            {
                "site": site,
                "part": part if site in (*totals.contributors, *totals.silent) else "did not take part",
                "withheld": gone[site],
                "own_rows": len(totals.rows.get(site, ())),
                "epsilon": None if spent is None or spent.simulated else spent.epsilon,
                "delta": None if spent is None or spent.simulated else spent.delta,
                "digest": totals.digests.get(site),
            }
        )
    return table_of_rows("federated-sites", "What each site sent", CONTRIBUTIONS, rows)


def withheld_listing(totals: Totals) -> tuple[ExhibitTable, ...]:
    """Return the groups that some site withheld; no table where nobody did."""
    rows: list[Row] = []
    for (b, g), remainder in sorted(totals.remainders.items()):
        block = totals.plan.blocks[b]
        where = place_cells(totals.plan.run, block.condition, block.groups[g])
        rows.append({**where, "sites": ", ".join(remainder.sites)})
    columns = (*PLACE, ExhibitColumn(name="sites", type="text", description="sites that withheld the group"))
    return (table_of_rows("federated-withheld", "Groups that a site withheld", columns, rows),) if rows else ()
