"""Gathers the sources of a run: rationales of the table, vectors that were brought, states of a live reasoner."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from affidavit.case import Case
from affidavit.conditions import AS_SUPPLIED, Condition
from affidavit.seeds import seed_of
from privacy.probes.embeddings import table_sources
from privacy.probes.options import NAME, LeakageOptions
from privacy.probes.roster import Roster, draw_roster
from privacy.probes.sources import Lost, Source
from privacy.probes.states import state_sources, text_source
from privacy.probes.texts import READ, text_vectors
from privacy.probes.vectors import Vectors, vectors_of


def gathered(case: Case, options: LeakageOptions, run: str, condition: str) -> tuple[Roster, Vectors]:
    """Return the utterances that are looked at, and their vectors by source."""
    roster = draw_roster(
        case.runs[run],
        case.by,
        condition,
        most=(options.most_units, options.rows_per_unit),
        rng=np.random.default_rng(seed_of(case.book.seed, NAME, run, "roster")),
    )
    found: list[Source | Lost] = [*_spoken(roster, options), *_brought(case, options, roster)]
    found += _inside(case, options, roster, run)
    brought = {source.name for source in found if isinstance(source, Source)}
    for source in _live(case, options, roster, run, condition):
        if isinstance(source, Lost) or source.name not in brought:
            found.append(source)
    return roster, vectors_of(found, components=options.components)


def _spoken(roster: Roster, options: LeakageOptions) -> tuple[Source, ...]:
    if roster.rationales is None:
        return ()
    texts = roster.rationales
    silent, long = sum(not text for text in texts), sum(len(text) > READ for text in texts)
    return (
        Source(
            name="rationale",
            place=np.arange(len(texts)),
            vectors=text_vectors(texts, components=options.components),
            scaled=True,
            caveats=(
                *((f"{silent:,} rationales are empty",) if silent else ()),
                *((f"{long:,} rationales were read up to {READ} characters",) if long else ()),
            ),
        ),
    )


def _brought(case: Case, options: LeakageOptions, roster: Roster) -> tuple[Source | Lost, ...]:
    return () if options.embeddings is None else table_sources(Path(case.folder) / options.embeddings, roster)


def _inside(case: Case, options: LeakageOptions, roster: Roster, run: str) -> tuple[Source, ...]:
    live = case.live.get(run)
    return () if live is None else text_source(live, roster, components=options.components)


def _live(case: Case, options: LeakageOptions, roster: Roster, run: str, condition: str) -> tuple[Source | Lost, ...]:
    """Return states, where a live reasoner gives them: under a condition that degrades nothing."""
    live = case.live.get(run)
    plain = condition == AS_SUPPLIED or Condition.parse(condition).operator is None
    if live is None or not options.states or "gradients" not in live.offers or not plain:
        return ()
    return state_sources(live, roster, condition, run=run, progress=case.progress)
