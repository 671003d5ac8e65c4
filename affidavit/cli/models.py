"""`affidavit train` and `affidavit judge`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pyarrow import parquet

from affidavit.cli.progress import shown_progress
from affidavit.cli.saying import say
from affidavit.corpora_ahead import corpora_of_training, loaded_ahead
from affidavit.errors import EXIT_DONE, PlanError
from affidavit.files import replacing
from affidavit.plan import AuditPlan, read_plan
from affidavit.predictions import Predictions
from affidavit.sources import judged_run, reading_of
from affidavit.training import Trained, train_plan


def train_file(path: Path) -> int:
    """Train what a plan names and is not trained yet; say where each checkpoint is and how good it became."""
    plan = _plan(path, needs="training")
    folder = path.resolve().parent
    with shown_progress() as progress, loaded_ahead(corpora_of_training(plan), folder) as corpora:
        trained = train_plan(plan, folder=folder, progress=progress, corpora=corpora)
    for item in trained:
        say(_told(item))
    return EXIT_DONE


def judge_file(path: Path, *, out: Path) -> int:
    """Judge every run of a plan that has a reasoner; one parquet a run, with its side tables beside it."""
    plan = _plan(path, needs="runs")
    folder = path.resolve().parent
    live = {name: source for name, source in plan.runs.items() if source.reasoner is not None}
    if not live:
        raise PlanError(
            "there is nobody to ask: every run of this plan is a table",
            slug="plan-impossible",
            where=path.name,
            found=", ".join(plan.runs),
            remedy="give a run a reasoner and a corpus; a table is audited as it is (affidavit run)",
        )
    stems = _stems(live, path)
    _make(out)
    wanted = [*corpora_of_training(plan), *(source.corpus for source in live.values() if source.corpus is not None)]
    with shown_progress() as progress, loaded_ahead(wanted, folder) as corpora:
        train_plan(plan, folder=folder, progress=progress, corpora=corpora)
        for name, source in live.items():
            reading = reading_of(name, source, plan, folder)
            _, predictions = judged_run(name, source, plan, reading, progress, corpora)
            for line in _written(name, predictions, out / stems[name]):
                say(line)
    return EXIT_DONE


def _plan(path: Path, *, needs: str) -> AuditPlan:
    plan = read_plan(path)
    if not getattr(plan, needs):
        raise PlanError(
            f"the plan has no {needs}",
            slug="plan-impossible",
            where=path.name,
            remedy=f"add `{needs}:`; docs/plan.md describes it",
        )
    return plan


def _told(item: Trained) -> str:
    score = item.card.get("development_weighted_f1")
    how = "was trained before" if item.again else f"trained in {len(item.card.get('history', []))} epochs"
    reached = "" if score is None else f"; weighted F1 {score:.3f} on the units that told when to stop"
    return f"{item.name}, seed {item.seed}: {how}{reached}\n  {item.folder}"


def _stems(names: Iterable[str], plan: Path) -> dict[str, str]:
    """Return the name of each run's files, without what a file system may not take."""
    stems = {name: re.sub(r"[^\w-]+", "-", name).strip("-") or "run" for name in names}
    if len(set(stems.values())) < len(stems):
        raise PlanError(
            "two runs would be written to the same file",
            slug="plan-invalid",
            where=plan.name,
            found=", ".join(f"{name} as {stem}.parquet" for name, stem in stems.items()),
            remedy="name the runs so that their letters and digits differ",
        )
    return stems


def _make(out: Path) -> None:
    """Make the folder before any work is done."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlanError(
            f"the output folder cannot be made: {error.strerror}",
            slug="output-exists",
            where=str(out),
            allowed="a folder in a place that can be written",
            remedy="choose another --out",
        ) from None


def _written(name: str, predictions: Predictions, stem: Path) -> list[str]:
    """Write a run's tables beside each other and return what to say of them."""
    path = stem.with_name(f"{stem.name}.parquet")
    tables = dict(predictions.side_tables)
    whole = tables.pop("judgements", None)
    if whole is None:
        predictions.write(path)
    else:
        with replacing(path) as temporary:
            parquet.write_table(whole, temporary)
    for kind, table in tables.items():
        with replacing(stem.with_name(f"{stem.name}.{kind}.parquet")) as temporary:
            parquet.write_table(table, temporary)
    conditions = ", ".join(predictions.conditions)
    units = "" if predictions.unit == "row" else f" of {predictions.n_units} units"
    said = [f"{name}: {predictions.n_rows} judgements{units} under {conditions}", f"  {path}"]
    return said + [f"  {line}" for line in predictions.assumptions]
