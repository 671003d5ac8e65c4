"""Brings in the runs of a plan: a table is read, a reasoner judges a corpus, and several reasoners in one table part.

What a reasoner judged is kept by the digest of what went in, so an audit repeats without the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from affidavit.cache import cache_key, default_cache
from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.plan import AuditPlan, RunSource
from affidavit.predictions import Predictions, Reading, predictions_from, read_predictions
from affidavit.protocols import Progress
from affidavit.registry import Door, load
from affidavit.seeds import seed_of
from affidavit.tables import from_arrow


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A run that is ready to be examined."""

    run: str
    predictions: Predictions
    supplier: str | None
    licence: str | None
    assumptions: tuple[str, ...] = ()
    corpus_digest: str | None = None
    """Of the files or options that the corpus was made from, where there is a corpus."""


def reading_of(name: str, source: RunSource, plan: AuditPlan) -> Reading:
    """Return how a run's table is to be read."""
    return Reading(
        run=name,
        by=plan.by,
        columns=source.columns,
        features=plan.features,
        task=source.task,
        labelled=plan.labelled,
        label_space=source.label_space,
        in_memory_rows=plan.execution.memory_rows,
        batch_rows=plan.execution.batch_rows,
    )


def load_run(name: str, source: RunSource, plan: AuditPlan, folder: Path, progress: Progress) -> list[Loaded]:
    """Return a plan's run; one per reasoner and instruction where its table holds several.

    Raises:
        AffidavitError: the source is at fault.
    """
    corpus = _corpus(source, folder, progress)
    reading = reading_of(name, source, plan)
    if source.table is not None:
        predictions = read_predictions(folder / source.table, reading, progress=progress)
    else:
        predictions = _judged(name, source, plan, corpus, reading, progress)
    parts = _parted(predictions, reading)
    return [
        Loaded(
            run=part.run,
            predictions=part,
            supplier=source.supplier,
            licence=None if corpus is None else corpus.licence,
            assumptions=() if corpus is None else corpus.assumptions,
            corpus_digest=None if corpus is None else corpus.digest,
        )
        for part in parts
    ]


def _corpus(source: RunSource, folder: Path, progress: Progress) -> Corpus | None:
    if source.corpus is None:
        return None
    corpus: Corpus = load(Door.CORPORA, source.corpus.name).load(
        source.corpus.options, folder=folder, progress=progress
    )
    return corpus


def _judged(
    name: str, source: RunSource, plan: AuditPlan, corpus: Corpus | None, reading: Reading, progress: Progress
) -> Predictions:
    if source.reasoner is None:
        raise ValueError(f"run {name} has neither table nor reasoner")
    reasoner = load(Door.REASONERS, source.reasoner.name)
    seed, options = seed_of(plan.seed, name, source.reasoner.name), source.reasoner.options
    digest = None if corpus is None else corpus.digest
    key = cache_key(reasoner, options, corpus_digest=digest, reading=reading, seed=seed)
    cache = None if key is None else default_cache()
    if cache is not None and key is not None and (kept := cache.load(key, reading)) is not None:
        return kept
    predictions: Predictions = reasoner.judge(
        corpus, options, reading=reading, rng=np.random.default_rng(seed), progress=progress
    )
    if cache is not None and key is not None:
        cache.store(key, predictions)
    return predictions


def _parted(predictions: Predictions, reading: Reading) -> list[Predictions]:
    """Part a table by reasoner and instruction: a mean over two models describes neither."""
    several = [part for part in ("reasoner", "instruction") if len(predictions.levels[part]) > 1]
    if not several:
        return [predictions]
    if not predictions.in_memory:
        raise PlanError(
            f"the streamed table holds several values of {' and '.join(several)}",
            slug="plan-impossible",
            where=predictions.source_name,
            found=", ".join(value for part in several for value in predictions.levels[part])[:200],
            remedy="write one file for each, or raise execution.memory_rows",
        )
    table = pa.Table.from_batches(list(predictions.batches(predictions.columns)))
    keys = pa.TableGroupBy(table.select(several), several).aggregate([]).to_pylist()
    return [_part(table, key, predictions, reading) for key in sorted(keys, key=lambda key: list(key.values()))]


def _part(table: pa.Table, key: dict[str, str], predictions: Predictions, reading: Reading) -> Predictions:
    chosen = table
    for part, value in key.items():
        chosen = chosen.filter(pc.equal(chosen[part].cast(pa.string()), value))
    name = "/".join([reading.run, *(value or "no instruction" for value in key.values())])
    columns = {} if predictions.unit == "row" else {predictions.unit: "unit"}
    again = Reading(
        run=name,
        by=reading.by,
        columns=columns,
        features={f: spec.model_copy(update={"bands": None}) for f, spec in reading.features.items()},
        task=predictions.task,
        labelled=reading.labelled,
        label_space=predictions.labels or None,
        in_memory_rows=reading.in_memory_rows,
    )
    raw = from_arrow(
        chosen,
        name=predictions.source_name,
        format_name="part",
        assumptions=(
            *predictions.assumptions,
            f"the rows of {', '.join(f'{k} {v!r}' for k, v in key.items())}",
        ),
    )
    return predictions_from(raw, again)
