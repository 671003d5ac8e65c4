"""The request that a reviewer hands to a table's supplier: a template, a dictionary, and why each part is asked for."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from affidavit.columns import ColumnMap
from affidavit.conditions import modality_subsets
from affidavit.errors import PlanError
from affidavit.examinations import FunctionExamination
from affidavit.files import replacing_folder
from affidavit.schema import COLUMNS, PREFIXES

FILES: Final = ("request.md", "template.csv", "dictionary.csv")
_ASKED = (
    "utterance_id",
    "speaker_id",
    "unit_id",
    "condition",
    "y_true",
    "y_pred",
    "rationale",
    "reasoner",
    "instruction",
    "repeat",
)


def check_request(folder: Path) -> None:
    """Refuse to replace anything but a former request.

    Raises:
        PlanError: the folder holds anything else.
    """
    if folder.is_file() or (folder.is_dir() and {path.name for path in folder.iterdir()} - set(FILES)):
        raise PlanError(
            "the output folder holds something that is not a request",
            slug="output-exists",
            where=str(folder),
            allowed=f"a new folder, an empty one, or one that holds only {', '.join(FILES)}",
            remedy="choose another --out",
        )


def write_request(
    folder: Path, *, mapped: ColumnMap, prospects: Sequence[tuple[FunctionExamination, tuple[str, ...]]], source: str
) -> None:
    """Write request.md, template.csv and dictionary.csv into a new or empty folder, or over a former request.

    Raises:
        PlanError: see `check_request`.
    """
    check_request(folder)
    with replacing_folder(folder) as temporary:
        (temporary / "request.md").write_text(_request(mapped, prospects, source), encoding="utf-8")
        (temporary / "template.csv").write_text(_template(mapped), encoding="utf-8")
        (temporary / "dictionary.csv").write_text(_dictionary(), encoding="utf-8")


def _request(mapped: ColumnMap, prospects: Sequence[tuple[FunctionExamination, tuple[str, ...]]], source: str) -> str:
    there = [f"- {_plain(part)}: your column {_code(column)}" for part, column in mapped.described().items()]
    wanted = [f"- **{part}**: {COLUMNS[part].meaning}" for part in _ASKED if part not in mapped.parts]
    reasons = [
        f"| {_plain(examination.title)} | {_plain('; '.join(missing) or 'nothing more')} |"
        for examination, missing in prospects
    ]
    conditions = ", ".join(str(condition) for condition in modality_subsets())
    return "\n".join(
        [
            f"# Request for an audit table ({_plain(source)})",
            "",
            "Please send one row for each judgement of your model: an utterance, under one condition. CSV (UTF-8), "
            "XLSX, parquet or JSON lines. `template.csv` has the header, `dictionary.csv` says what each column holds.",
            "",
            "## What we could read",
            "",
            *(there or ["- nothing yet"]),
            "",
            "## What we ask for beside it",
            "",
            *(wanted or ["- nothing: the table is complete"]),
            f"- The same utterances judged under each of the conditions {conditions} (T text, A audio, V video): it "
            "shows which modality carries a disparity, and whether a rationale cites what the model used.",
            "- A speaker or patient id, pseudonymous: people are independent, their utterances are not. Without it "
            "every interval is too narrow.",
            "- Rows that could not be judged, marked as such rather than left out.",
            "",
            "## Why",
            "",
            "| examination | what it needs beside your table |",
            "|---|---|",
            *reasons,
            "",
        ]
    )


def _plain(text: str) -> str:
    r"""Return text that Markdown takes for text, on one line.

    >>> print(_plain("a|b*"))
    a\|b\*
    """
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    """Return text as a code span on one line, fenced by more backticks than it has in a row.

    >>> print(_code("a`b"))
    `` a`b ``
    """
    line = " ".join(text.split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    return f"`{line}`" if fence == "`" else f"{fence} {line} {fence}"


def _template(mapped: ColumnMap) -> str:
    features = [f"group_{feature}" for feature in mapped.features] or ["group_accent", "group_age"]
    return _csv([[*_ASKED, *features, "prob_<label>"]])


def _dictionary() -> str:
    rows = [["column", "type", "meaning", "if absent"]]
    rows += [[c.name, c.type, c.meaning, c.default or "cannot be assumed"] for c in COLUMNS.values()]
    rows += [
        [f"{prefix}<...>", "number" if prefix != "group_" else "text", text, ""] for prefix, text in PREFIXES.items()
    ]
    return _csv(rows)


def _csv(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
