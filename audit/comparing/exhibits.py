"""What was matched, and what changed in which group, as tables behind the findings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from affidavit.claims import claim_rows
from affidavit.examinations import Claim
from affidavit.exhibit_columns import BY_GROUP
from affidavit.exhibits import ExhibitTable
from affidavit.records import ExhibitColumn
from audit.comparing.pairing import Pairing

Cell = str | int | float | None


def _counted(name: str, description: str) -> ExhibitColumn:
    return ExhibitColumn(name=name, type="integer", unit="items", description=description)


_MATCHED: Final = (
    ExhibitColumn(name="first", type="text", description="the run that is subtracted"),
    ExhibitColumn(name="second", type="text", description="the run that it is subtracted from"),
    ExhibitColumn(name="condition", type="text", description="what the reasoners were shown"),
    _counted("matched", "utterances that both runs judged under the condition, with one reference label"),
    _counted("only_first", "those that the first run alone has"),
    _counted("only_second", "those that the second run alone has"),
    _counted("contradicted", "those whose reference label differs between the tables; they take no part"),
)
_PAIR: Final = ExhibitColumn(name="pair", type="text", description="the two runs, the second less the first")
_P_VALUES: Final = (
    ExhibitColumn(name="p_value", type="number", description="of the test that both do equally well, not adjusted"),
    ExhibitColumn(name="test", type="text", description="how it was tested, empty where it was not"),
)


def matching_exhibit(pairings: Sequence[Pairing]) -> ExhibitTable:
    """Return what was matched, and what was not, under every condition of every two runs."""
    values: dict[str, list[Cell]] = {column.name: [] for column in _MATCHED}
    for pairing in pairings:
        for c, condition in enumerate(pairing.panel.conditions):
            row: dict[str, Cell] = {
                "first": pairing.first,
                "second": pairing.second,
                "condition": condition,
                "matched": int((pairing.condition == c).sum()),
                "only_first": int(pairing.alone[0][c]),
                "only_second": int(pairing.alone[1][c]),
                "contradicted": int(pairing.contradicted[c]),
            }
            for name, cell in row.items():
                values[name].append(cell)
    return ExhibitTable(id="matched-items", title="Items that two runs share", columns=_MATCHED, values=values)


def change_exhibit(claims: Sequence[Claim]) -> ExhibitTable:
    """Return the change of every metric in every group between every two runs."""
    columns = (_PAIR, *(column for column in BY_GROUP if column.name != "run"), *_P_VALUES)
    values: dict[str, list[Cell]] = {column.name: [] for column in columns}
    for claim, row in zip(claims, claim_rows(claims), strict=True):
        test = claim.finding.test
        row |= {
            "pair": claim.finding.run,
            "p_value": None if test is None else test.p_value,
            "test": None if test is None else test.method,
        }
        for name, column in values.items():
            column.append(row[name])
    title = "Changes between runs, paired by item"
    return ExhibitTable(id="changes-between-runs", title=title, columns=columns, values=values)
