"""`audit`, `run`, `train`, `judge`, `demo` and `check`: from a table or a plan to a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    Supplier,
    TableArgument,
    TaskOption,
    Title,
    Unlabelled,
)


def add_auditing(app: typer.Typer) -> None:
    """Add the commands that make a report, and those on the way to one."""
    for command in (audit, run, train, judge, demo, check):
        app.command()(command)


def audit(
    table: TableArgument,
    by: By = "",
    out: Out = Path("audit-report"),
    policy: PolicyOption = None,
    column: Columns = None,
    band: Bands = None,
    per_utterance: PerUtterance = None,
    labels: Labels = None,
    unlabelled: Unlabelled = False,
    task: TaskOption = None,
    examination: Examinations = None,
    depth: Depth = 2,
    seed: Seed = 0,
    resamples: Resamples = 2000,
    permutations: Permutations = 1999,
    title: Title = None,
    supplier: Supplier = None,
    demand_answers: DemandAnswers = False,
) -> None:
    """Audit a table of predictions and write a report."""
    from affidavit.cli.audits import AuditFlags, audit_table

    flags = AuditFlags(
        by=by,
        policy=policy,
        columns=column or [],
        bands=band or [],
        per_utterance=per_utterance or [],
        labels=labels,
        unlabelled=unlabelled,
        task=task,
        examinations=examination or [],
        depth=depth,
        seed=seed,
        resamples=resamples,
        permutations=permutations,
        title=title,
        supplier=supplier,
    )
    raise typer.Exit(audit_table(table, flags, out=out, demand_answers=demand_answers))


def run(
    plan: Annotated[Path, typer.Argument(help="Plan file (YAML).")],
    out: Out = Path("audit-report"),
    demand_answers: DemandAnswers = False,
) -> None:
    """Carry out a plan and write a report."""
    from affidavit.cli.audits import run_file

    raise typer.Exit(run_file(plan, out=out, demand_answers=demand_answers))


def train(plan: Annotated[Path, typer.Argument(help="Plan file (YAML) with `training`.")]) -> None:
    """Train the models of a plan; one that was trained already is not trained again, an interrupted one goes on."""
    from affidavit.cli.models import train_file

    raise typer.Exit(train_file(plan))


def judge(
    plan: Annotated[Path, typer.Argument(help="Plan file (YAML) whose runs have reasoners.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the predictions tables.")] = Path("predictions"),
) -> None:
    """Ask the reasoners of a plan, under every condition, and write predictions tables; audits nothing."""
    from affidavit.cli.models import judge_file

    raise typer.Exit(judge_file(plan, out=out))


def demo(
    out: Out = Path("out/demo"),
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Audit simulated predictions instead: needs no extra, takes seconds.")
    ] = False,
) -> None:
    """Train across three hospitals with privacy, judge patients nobody met, and audit it all: some minutes."""
    from affidavit.cli.audits import run_demo

    raise typer.Exit(run_demo(out, plan="simulated" if simulated else "demo"))


def check(
    table: TableArgument,
    by: By = "",
    column: Columns = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the request to the supplier.")] = None,
    unlabelled: Unlabelled = False,
    task: TaskOption = None,
) -> None:
    """Say what could be audited with this table, and what to ask its supplier for. Computes nothing."""
    from affidavit.cli.checks import check_table

    raise typer.Exit(check_table(table, by=by, columns=column or [], out=out, unlabelled=unlabelled, task=task))
