"""`affidavit check`: what could be audited with this table, and what to ask its supplier for. Computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from affidavit.cli.audits import pairs, split_list, task_named
from affidavit.cli.saying import say
from affidavit.columns import ColumnMap, map_columns
from affidavit.conditions import AS_SUPPLIED, Condition, modality_subsets, sorted_conditions
from affidavit.errors import EXIT_DONE
from affidavit.examinations import ACCESS, FunctionExamination
from affidavit.files import check_place
from affidavit.plan import Task
from affidavit.registry import Door, load, names
from affidavit.requests import check_request, write_request
from affidavit.schema import COLUMN_TASKS
from affidavit.tables import RawTable, open_table
from affidavit.tasks import settle_task


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """Whether an examination is possible with what is there."""

    examination: FunctionExamination
    missing: tuple[str, ...]
    """Access that is not there, in the words of `ACCESS`."""

    def line(self, width: int) -> str:
        """Return one line for the terminal, names padded to a width."""
        state = "possible    " if not self.missing else "not possible"
        why = f"  needs {'; '.join(self.missing)}" if self.missing else ""
        return f"  {state}  {self.examination.name:<{width}}  {self.examination.title}{why}"


def check_table(
    table: Path, *, by: str, columns: Sequence[str], out: Path | None, unlabelled: bool, task: str | None
) -> int:
    """Print the column map and the prospects, and write the request where a folder is given."""
    if out is not None:
        check_place(out)
        check_request(out)
    raw = open_table(table)
    chosen = task_named(task)
    mapped = map_columns(
        raw.columns, where=raw.name, named=pairs(columns, flag="--column"), by=split_list(by), task=chosen
    )
    settled, mapped = settle_task(mapped, raw, task=chosen)
    conditions = conditions_of(raw, mapped)
    available = access_of(mapped, conditions, settled, labelled=not unlabelled)
    prospects = prospects_of(settled, available)
    _tell_columns(raw, mapped, conditions)
    say("\nExaminations (as far as columns and conditions tell; rows may still give a reason to refuse)")
    width = max(len(prospect.examination.name) for prospect in prospects)
    for prospect in prospects:
        say(prospect.line(width))
    _tell_access(available)
    if out is not None:
        write_request(out, mapped=mapped, prospects=[(p.examination, p.missing) for p in prospects], source=raw.name)
        say(f"\nRequest to the supplier: {out / 'request.md'} (with template.csv and dictionary.csv)")
    return EXIT_DONE


def conditions_of(raw: RawTable, mapped: ColumnMap) -> tuple[str, ...]:
    """Return the canonical conditions of a table by reading that one column."""
    if (column := mapped.parts.get("condition")) is None:
        return (AS_SUPPLIED,)
    found = {text for batch in raw.batches([column]) for text in batch.column(0).unique().to_pylist()}
    return sorted_conditions({str(Condition.parse(str(text))) if text else AS_SUPPLIED for text in found})


def access_of(mapped: ColumnMap, conditions: tuple[str, ...], task: Task, *, labelled: bool) -> frozenset[str]:
    """Return the kinds of access that a table of a task gives."""
    there = {"table"}
    references = bool(mapped.truths) if task in COLUMN_TASKS else "y_true" in mapped.parts
    there |= {"labels"} if labelled and (references or task is Task.TRANSCRIPTION) else set()
    there |= {"dimensions"} if labelled and mapped.dimensions and task is not Task.MULTILABEL else set()
    there |= {"probabilities"} if mapped.probabilities else set()
    there |= {"soft labels"} if mapped.soft_labels else set()
    there |= {"rationales"} if "rationale" in mapped.parts else set()
    there |= {"several conditions"} if len(conditions) > 1 else set()
    there |= {"seven conditions"} if {str(c) for c in modality_subsets()} <= set(conditions) else set()
    return frozenset(there)


def prospects_of(task: Task, available: frozenset[str]) -> list[Prospect]:
    """Return every examination behind the door with what it lacks."""
    prospects = []
    for name in names(Door.EXAMINATIONS):
        examination = load(Door.EXAMINATIONS, name)
        missing = [ACCESS[access] for access in examination.access if access not in available]
        if task not in examination.tasks:
            missing.insert(0, f"a table whose task is {' or '.join(sorted(examination.tasks))}")
        prospects.append(Prospect(examination=examination, missing=tuple(missing)))
    return prospects


def _tell_columns(raw: RawTable, mapped: ColumnMap, conditions: tuple[str, ...]) -> None:
    say(f"{raw.name}: {raw.n_rows:,} rows, {len(raw.columns)} columns\n\nColumns")
    for part, column in mapped.described().items():
        say(f"  {part:<20} {column}")
    for kind, labels in (("prob_", mapped.probabilities), ("soft_", mapped.soft_labels)):
        if labels:
            say(f"  {kind:<20} {', '.join(labels)}")
    unread = [column for column in raw.columns if column not in mapped.read]
    say(f"  not read             {', '.join(unread) or 'none'}")
    say(f"  unit                 {mapped.unit}{' (no ids: rows count as independent)' if mapped.unit == 'row' else ''}")
    say(f"  conditions           {', '.join(conditions)}")
    for assumption in (*raw.assumptions, *mapped.assumptions):
        say(f"  assumed: {assumption}")


def _tell_access(available: frozenset[str]) -> None:
    say("\nAccess")
    for access, meaning in ACCESS.items():
        say(f"  {'there    ' if access in available else 'not there'}  {access:<20} {meaning}")
