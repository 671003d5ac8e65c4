"""`compare`, `drift` and `cite`: several reports, and what one rests on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from affidavit.cli.flags import (
    Bands,
    By,
    Columns,
    DemandAnswers,
    Depth,
    Examinations,
    Labels,
    Out,
    Permutations,
    PerUtterance,
    PolicyOption,
    Resamples,
    Seed,
    Title,
)


def add_comparing(app: typer.Typer) -> None:
    """Add the commands about reports that are there."""
    for command in (compare, drift, cite):
        app.command()(command)


def compare(
    old: Annotated[Path, typer.Argument(help="Table of the older model, or a folder that an audit wrote.")],
    new: Annotated[
        list[Path], typer.Argument(help="Tables of newer ones on the same items; or one folder that an audit wrote.")
    ],
    by: By = "",
    out: Out = Path("comparison-report"),
    policy: PolicyOption = None,
    column: Columns = None,
    band: Bands = None,
    per_utterance: PerUtterance = None,
    labels: Labels = None,
    examination: Examinations = None,
    depth: Depth = 2,
    seed: Seed = 0,
    resamples: Resamples = 2000,
    permutations: Permutations = 1999,
    title: Title = None,
    demand_answers: DemandAnswers = False,
) -> None:
    """Compare tables on the same items, each two of them and by group; of two bundles, what differs unpaired."""
    from affidavit.cli.audits import AuditFlags
    from affidavit.cli.comparisons import compare_tables_or_bundles

    flags = AuditFlags(
        by=by,
        policy=policy,
        columns=column or [],
        bands=band or [],
        per_utterance=per_utterance or [],
        labels=labels,
        unlabelled=False,
        task=None,
        examinations=examination or [],
        depth=depth,
        seed=seed,
        resamples=resamples,
        permutations=permutations,
        title=title,
        supplier=None,
    )
    raise typer.Exit(compare_tables_or_bundles(old, new, flags, out=out, demand_answers=demand_answers))


def drift(
    bundles: Annotated[list[Path], typer.Argument(help="Folders that audits wrote, the oldest first.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the courses.")] = Path("drift-report"),
    metric: Annotated[list[str] | None, typer.Option("--metric", help="Chart only these metrics; repeat.")] = None,
    false_alarms: Annotated[
        float, typer.Option("--false-alarms", help="Chance that a series without change raises any alarm.")
    ] = 0.05,
    chart: Annotated[
        Literal["cusum", "ewma"], typer.Option("--chart", help="Cumulative sums, or a moving average.")
    ] = "cusum",
    allowance: Annotated[
        float, typer.Option("--allowance", help="Of cumulative sums: standard errors that nobody minds.")
    ] = 0.5,
    weight: Annotated[float, typer.Option("--weight", help="Of the newest audit in the moving average.")] = 0.2,
    gaps: Annotated[
        bool, typer.Option("--gaps/--no-gaps", help="Chart each group's distance from the others too.")
    ] = True,
) -> None:
    """Chart every number through a series of audits; ends with 1 where one drifts or a criterion newly fails."""
    from affidavit.cli.comparisons import drift_of_bundles
    from affidavit.series import AlertRule

    rule = AlertRule(
        chart=chart,
        allowance=allowance,
        weight=weight,
        false_alarms=false_alarms,
        metrics=tuple(metric or ()),
        gaps=gaps,
    )
    raise typer.Exit(drift_of_bundles(bundles, out=out, rule=rule))


def cite(bundle: Annotated[Path, typer.Argument(help="Folder that an audit wrote.")]) -> None:
    """Print BibTeX for every source and data set that a report rests on."""
    from affidavit.cli.comparisons import cite_bundle

    raise typer.Exit(cite_bundle(bundle))
