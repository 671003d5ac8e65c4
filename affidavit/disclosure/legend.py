"""Two exhibits that a released report adds: which groups are withheld, and by which rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from affidavit.disclosure.lattice import Group
from affidavit.disclosure.rule import RULE_SOURCE, DisclosureRule
from affidavit.disclosure.told import SEPARATOR
from affidavit.exhibits import ExhibitTable
from affidavit.records import Exhibit, ExhibitColumn

if TYPE_CHECKING:
    from affidavit.disclosure.fates import Fates

WITHHELD: Final = "withheld"
RULE: Final = "disclosure-rule"
ALWAYS: Final = "everywhere"
IN_CONDITION: Final = "every number of "


def legend_exhibits(fates: Fates, gone: Sequence[Exhibit], rule: DisclosureRule) -> tuple[ExhibitTable, ExhibitTable]:
    """Return what is withheld, group by group, and the rule with the exhibits that are gone."""
    return _withheld(fates, rule), _rule(gone, rule)


def _withheld(fates: Fates, rule: DisclosureRule) -> ExhibitTable:
    rows = [(run, ALWAYS, group) for run, groups in fates.hidden.everywhere.items() for group in sorted(groups)]
    rows += [
        (run, f"{IN_CONDITION}{condition}", group)
        for (run, condition), groups in fates.hidden.conditions.items()
        for group in sorted(groups - fates.hidden.everywhere[run])
    ]
    partly = set()
    for (key, name), groups in fates.hidden.slices.items():
        block = fates.blocks[key]
        own = groups & block.slices[name].by_group.keys() - fates.hidden.conditions[block.run, block.condition]
        partly |= {(block.run, f"{block.examination}, {block.condition}", group) for group in own}
    rows += sorted(partly)
    described = {
        "run": "the run",
        "where": f"`{ALWAYS}`, every number of a condition, or some of the numbers of an examination and condition",
        "features": "the features of the group, empty for everybody",
        "group": "the group",
        "units": f"{rule.mark}: fewer units than that, or withheld so that no such group follows",
    }
    return ExhibitTable(
        id=WITHHELD,
        title=f"Groups that are withheld ({rule.mark})",
        columns=tuple(ExhibitColumn(name=n, type="text", description=d) for n, d in described.items()),
        values={
            "run": [run for run, _, _ in rows],
            "where": [where for _, where, _ in rows],
            "features": [_features(group) for _, _, group in rows],
            "group": [", ".join(level for _, level in group) or "everybody" for _, _, group in rows],
            "units": [rule.mark] * len(rows),
        },
        releasable=True,
    )


def _features(group: Group) -> str:
    return SEPARATOR.join(feature for feature, _ in group)


def _rule(gone: Sequence[Exhibit], rule: DisclosureRule) -> ExhibitTable:
    said = {
        "floor": str(rule.floor),
        "width": str(rule.width),
        "zeros": rule.zeros,
        "rounding": "none" if rule.rounding is None else str(rule.rounding),
        "intervals only": "yes" if rule.intervals_only else "no",
        "counts and rates": rule.in_words(),
        "source": RULE_SOURCE,
    }
    rows = [*said.items(), *(("exhibit withheld", exhibit.id) for exhibit in gone)]
    return ExhibitTable(
        id=RULE,
        title="The rule of disclosure control, and the exhibits that are withheld whole",
        columns=(
            ExhibitColumn(name="setting", type="text", description="floor and width in units; see docs/disclosure.md"),
            ExhibitColumn(name="value", type="text", description="what it was set to"),
        ),
        values={"setting": [name for name, _ in rows], "value": [value for _, value in rows]},
        releasable=True,
    )
