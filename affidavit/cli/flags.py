"""Flags that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

TableArgument = Annotated[Path, typer.Argument(help="Predictions table: CSV, TSV, XLSX, parquet or JSON lines.")]
By = Annotated[str, typer.Option("--by", help="Sensitive features, separated by commas.")]
Out = Annotated[Path, typer.Option("--out", help="Folder of the bundle.")]
PolicyOption = Annotated[str | None, typer.Option("--policy", help="`starter` or the path of a policy file.")]
Columns = Annotated[
    list[str] | None, typer.Option("--column", help="PART=COLUMN where a column is not recognised; repeat.")
]
Bands = Annotated[list[str] | None, typer.Option("--band", help="FEATURE=30,50 cuts a number into bands; repeat.")]
PerUtterance = Annotated[
    list[str] | None,
    typer.Option("--per-utterance", help="A feature that belongs to rows, not to units; repeat."),
]
Labels = Annotated[str | None, typer.Option("--labels", help="The label space in order, separated by commas.")]
Unlabelled = Annotated[bool, typer.Option("--unlabelled", help="Audit without reference labels.")]
TaskOption = Annotated[str | None, typer.Option("--task", help="multiclass or transcription; inferred if absent.")]
Examinations = Annotated[list[str] | None, typer.Option("--examination", help="Only these examinations; repeat.")]
Depth = Annotated[int, typer.Option("--depth", help="Features in an intersection, at most.", min=1, max=4)]
Seed = Annotated[int, typer.Option("--seed", help="The audit's one seed.", min=0)]
Resamples = Annotated[int, typer.Option("--resamples", help="Bootstrap replicates.", min=100)]
Permutations = Annotated[int, typer.Option("--permutations", help="Permutations of units.", min=99)]
Title = Annotated[str | None, typer.Option("--title", help="Title of the report.")]
Supplier = Annotated[str | None, typer.Option("--supplier", help="Who handed the table over; printed.")]
DemandAnswers = Annotated[
    bool, typer.Option("--demand-answers", help="End with exit code 3 if any criterion stays inconclusive.")
]
