"""The judgements of a run out of what this machine keeps of reasoners, where they are the ones that were audited."""

from __future__ import annotations

from affidavit.cache import cache_key, default_cache
from affidavit.corpus import Corpus
from affidavit.errors import AffidavitError
from affidavit.predictions import Predictions
from affidavit.registry import Door, load
from affidavit.report import AuditReport
from affidavit.seeds import seed_of
from affidavit.sources import reading_of
from affidavit.training import checkpoint_of
from dashboards.media.run_corpus import RunCorpus


def kept_predictions(report: AuditReport, run: str, behind: RunCorpus) -> Predictions | None:
    """Return the table of a run, with its side tables; None where it is not kept, or not as the report states it."""
    data = next((one for one in report.data if one.run == run), None)
    if data is None or run not in report.plan.runs:
        return None
    try:
        found = _kept(report, run, behind.corpus, behind)
    except (AffidavitError, OSError):
        return None
    return found if found is not None and found.digest == data.digest else None


def _kept(report: AuditReport, run: str, corpus: Corpus, behind: RunCorpus) -> Predictions | None:
    plan, source = report.plan, report.plan.runs[run]
    cache = default_cache()
    if source.reasoner is None or cache is None:
        return None
    options = dict(source.reasoner.options)
    if source.trained is not None:
        checkpoint = checkpoint_of(source.trained.name, plan, behind.folder, seed=source.trained.seed)
        options["checkpoint"] = str(checkpoint.absolute())
    reading = reading_of(run, source, plan, behind.folder)
    reasoner = load(Door.REASONERS, source.reasoner.name)
    seed = seed_of(plan.seed, run, reasoner.name)
    key = cache_key(reasoner, options, corpus=corpus, reading=reading, seed=seed)
    return None if key is None else cache.load(key, reading)
