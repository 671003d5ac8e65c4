"""Brings in the runs of a plan: a table is read, a reasoner judges a corpus, and several reasoners in one table part.

What a reasoner judged is kept by the digest of what went in, so an audit repeats without the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from affidavit.admission import admitted, somebody_withdrew
from affidavit.cache import cache_key, default_cache, keeping
from affidavit.corpora_ahead import LoadCorpus, loaded_when_asked
from affidavit.corpus import Corpus
from affidavit.engines import judge_shards
from affidavit.judged_renderings import judged_with_renderings
from affidavit.live import Live, live_run
from affidavit.parts import Part, part_of
from affidavit.plan import AuditPlan, RunSource
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import Progress, Reasoner, silent
from affidavit.registry import Door, load
from affidavit.run_log import FROM_CACHE
from affidavit.seeds import seed_of
from affidavit.tables import RawTable, open_table
from affidavit.training import checkpoint_of
from affidavit.withdrawals import withdrew_meanwhile


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
    live: Live | None = None
    """The corpus and the reasoner, where it was judged here."""


def reading_of(name: str, source: RunSource, plan: AuditPlan, folder: Path = Path()) -> Reading:
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
        folder=folder,
        execution=plan.execution,
    )


def load_run(
    name: str,
    source: RunSource,
    plan: AuditPlan,
    folder: Path,
    progress: Progress,
    corpora: LoadCorpus | None = None,
) -> list[Loaded]:
    """Return a plan's run; one per reasoner and instruction where its table holds several.

    `corpora` loads the corpora of the plan; without it each is loaded when it is asked for.

    Raises:
        AffidavitError: the source is at fault.
    """
    if source.table is not None:
        rows = plan.execution
        raw = open_table(folder / source.table, memory_rows=rows.memory_rows, batch_rows=rows.batch_rows)
        return load_table(name, source, plan, raw, progress)
    reading = reading_of(name, source, plan, folder)
    corpus, predictions = judged_run(name, source, plan, reading, progress, corpora)
    live = None if corpus is None else live_run(corpus, *_asked(source, plan, reading), reading)
    return [replace(item, live=live) for item in _loaded(predictions, reading, source, corpus, progress)]


def load_table(name: str, source: RunSource, plan: AuditPlan, raw: RawTable, progress: Progress) -> list[Loaded]:
    """Return the runs of an opened table, whoever opened it: a plan, a command or a caller with a frame.

    Raises:
        AffidavitError: the table is at fault.
    """
    reading = reading_of(name, source, plan)
    return _loaded(predictions_from(raw, reading, progress=progress), reading, source, None, progress)


def _loaded(
    predictions: Predictions, reading: Reading, source: RunSource, corpus: Corpus | None, progress: Progress
) -> list[Loaded]:
    return [
        Loaded(
            run=part.run,
            predictions=part,
            supplier=source.supplier,
            licence=None if corpus is None else corpus.licence,
            assumptions=() if corpus is None else corpus.assumptions,
            corpus_digest=None if corpus is None else corpus.digest,
        )
        for part in _parted(predictions, reading, progress)
    ]


def judged_run(
    name: str,
    source: RunSource,
    plan: AuditPlan,
    reading: Reading,
    progress: Progress,
    corpora: LoadCorpus | None = None,
) -> tuple[Corpus | None, Predictions]:
    """Return a run's corpus, where it has one, and what its reasoner judges of it.

    Raises:
        AffidavitError: the source is at fault.
    """
    corpora = corpora or loaded_when_asked(reading.folder)
    corpus = None if source.corpus is None else corpora(source.corpus, progress)
    return corpus, _judged(name, source, plan, corpus, reading, progress)


def load_corpus(
    name: str, options: Mapping[str, Any] | None = None, *, folder: Path = Path(), progress: Progress = silent
) -> Corpus:
    """Return a corpus by the name of its loader, as in `load_corpus("clinic", {"seed": 1})`.

    Relative paths among the options start at `folder`. Who withdrew is not in it, nor what was opted out of
    (`affidavit.admission`).

    Raises:
        RegistryError: there is no such loader. PlanError, InputError: its options or files are at fault.
    """
    corpus: Corpus = load(Door.CORPORA, name).load(dict(options or {}), folder=folder, progress=progress)
    return admitted(corpus)


def _judged(
    name: str, source: RunSource, plan: AuditPlan, corpus: Corpus | None, reading: Reading, progress: Progress
) -> Predictions:
    reasoner, options = _asked(source, plan, reading)
    seed = seed_of(plan.seed, name, reasoner.name)

    def judge(shown: Corpus | None, told: Mapping[str, Any]) -> Predictions:
        return _answered(reasoner, told, corpus=shown, reading=reading, seed=seed, progress=progress)

    return judged_with_renderings(judge, corpus, options, reading=reading, progress=progress)


def _answered(
    reasoner: Reasoner,
    options: Mapping[str, Any],
    *,
    corpus: Corpus | None,
    reading: Reading,
    seed: int,
    progress: Progress,
) -> Predictions:
    """Return what a reasoner says of one corpus, from the cache where it was asked before.

    Raises:
        TableError: somebody withdrew meanwhile; the table is not kept.
    """
    key = cache_key(reasoner, options, corpus=corpus, reading=reading, seed=seed)
    cache = None if key is None else default_cache()
    if cache is not None and key is not None and (kept := cache.load(key, reading)) is not None:
        progress(FROM_CACHE, kept.n_rows, kept.n_rows)
        return kept
    with keeping():
        rng = np.random.default_rng(seed)
        judge_shards(reasoner, corpus, options, reading=reading, rng=rng, progress=progress)
        predictions: Predictions = reasoner.judge(corpus, options, reading=reading, rng=rng, progress=progress)
        withdrew = corpus is not None and somebody_withdrew(corpus)
        if cache is not None and key is not None and not withdrew:
            cache.store(key, predictions)
    if withdrew:  # only now, so that what the reasoner wrote down meanwhile is given up
        raise withdrew_meanwhile(f"run {reading.run}")
    return predictions


def _asked(source: RunSource, plan: AuditPlan, reading: Reading) -> tuple[Reasoner, Mapping[str, Any]]:
    """Return the reasoner of a run that judges, and its options, with the checkpoint that the plan trained."""
    if source.reasoner is None:
        raise ValueError(f"run {reading.run} has neither table nor reasoner")
    reasoner: Reasoner = load(Door.REASONERS, source.reasoner.name)
    if source.trained is None:
        return reasoner, source.reasoner.options
    chosen = checkpoint_of(source.trained.name, plan, reading.folder, seed=source.trained.seed)
    # A path among the options starts at the folder, as this one does already.
    return reasoner, {**source.reasoner.options, "checkpoint": str(chosen.absolute())}


def _parted(predictions: Predictions, reading: Reading, progress: Progress) -> list[Predictions]:
    """Part a table by reasoner and instruction: a mean over two models describes neither."""
    several = [part for part in ("reasoner", "instruction") if len(predictions.levels[part]) > 1]
    if not several:
        return [predictions]
    sizes: Counter[tuple[str, ...]] = Counter()
    for batch in predictions.coded_batches(several):
        codes, counts = np.unique(np.stack([batch[part] for part in several]), axis=1, return_counts=True)
        for code, count in zip(codes.T, counts, strict=True):
            sizes[tuple(predictions.levels[part][i] for part, i in zip(several, code, strict=True))] += int(count)
    return [
        _part(dict(zip(several, values, strict=True)), sizes[values], predictions, reading, progress)
        for values in sorted(sizes)
    ]


def _part(
    key: Mapping[str, str], n_rows: int, predictions: Predictions, reading: Reading, progress: Progress
) -> Predictions:
    part = Part(
        run="/".join([reading.run, *(value or "no instruction" for value in key.values())]),
        told=f"the rows of {', '.join(f'{name} {value!r}' for name, value in key.items())}",
        columns=tuple(key),
        inside=lambda batch: reduce(pc.and_, [pc.equal(_texts(batch, name), value) for name, value in key.items()]),
    )
    return part_of(predictions, part, reading, n_rows=n_rows, progress=progress)


def _texts(batch: pa.RecordBatch, column: str) -> pa.Array:
    return batch.column(column).cast(pa.string())
