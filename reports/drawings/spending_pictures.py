"""Which pictures a report shows of privacy ledgers: one a run, of how epsilon grew at each site."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from affidavit.report import AuditReport
from reports.document import Figure
from reports.drawings.spending_chart import places_of, spending_chart, spending_in_words
from reports.ordering import distinct
from reports.sections.tabulated import Row, attached, records
from reports.wording import plain

SPENDING: Final = "privacy-spending"
SITES_AT_MOST: Final = 12
HOW: Final = (
    "An entry is written down before it is done: a round of a federated training, steps of any other, a noisy count, "
    "or (hollow square) a search of hyper-parameters. Each number is an upper bound for all entries up to it together; "
    "dashed line: the budget that was said at this delta."
)


def spending_pictures(report: AuditReport) -> Iterator[Figure]:
    """Draw the exhibit of spending, run by run; more sites than can be read are left to the exhibit."""
    rows = records(attached(report, SPENDING))
    for place, run in enumerate(distinct(row["run"] for row in rows)):
        own = [row for row in rows if row["run"] == run]
        if len(places_of(own)) <= SITES_AT_MOST:
            yield _spending(run, own, f"spending-{place}")


def _spending(run: str, rows: Sequence[Row], name: str) -> Figure:
    from reports.drawings.drawing import drawn_svg

    thinned = any(row["entries"] > sum(other["site"] == row["site"] for other in rows) for row in rows)
    return Figure(
        id=name,
        caption=(
            f"Epsilon spent at each site, entry by entry of its ledger, run {plain(run)}. {HOW}"
            f"{' Of many entries some are drawn, evenly spread.' if thinned else ''}"
        ),
        svg=drawn_svg(
            spending_chart(rows),
            name=name,
            title=f"Epsilon spent at each site, entry by entry, run {run}",
            description=f"{spending_in_words(rows)} The exhibit {SPENDING} holds every number.",
        ),
    )
