"""The corpus behind a run: loaded as `affidavit run` loads it, and held against the digest that the report states."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import streamlit as st

from affidavit.admission import admitted
from affidavit.cache import cache_folder
from affidavit.corpus import Corpus
from affidavit.errors import AffidavitError
from affidavit.plan import Choice
from affidavit.report import AuditReport
from affidavit.sources import load_corpus
from affidavit.splits import dialogue_of
from affidavit.utterances import Utterance
from dashboards.media.origins import leads_outside, names_files

MADE_HERE: Final = ("clinic", "media")
"""Parts of the user's cache in which corpora keep media that they made, or wrote out of a data set."""

TRIED_AGAIN_S: Final = 60
"""For so long it is remembered from where a corpus does not load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Why something is not here, and what would bring it."""

    because: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunCorpus:
    """The corpus of a run, and where its plan's paths start."""

    corpus: Corpus
    folder: Path

    def turn(self, utterance_id: str) -> Utterance | None:
        """Return an utterance; None where it is not there, as of somebody who withdrew."""
        return next((one for one in self.corpus.utterances if one.utterance_id == utterance_id), None)

    def dialogue(self, turn: Utterance) -> tuple[Utterance, ...]:
        """Return the turns of an utterance's dialogue in order."""
        where = dialogue_of(turn)
        own = [one for one in self.corpus.utterances if dialogue_of(one) == where]
        return tuple(sorted(own, key=lambda one: one.turn or 0))


def corpus_of(report: AuditReport, run: str, folders: Sequence[Path], places: Sequence[Path]) -> RunCorpus | Missing:
    """Return the corpus that a run judged, without who withdrew since and what was opted out of.

    Args:
        report: the report that names it.
        run: one of its runs.
        folders: where the plan's relative paths may start, likeliest first.
        places: what this desk may open.
    """
    choice, digest = _named(report, run)
    if choice is None or digest is None:
        return Missing(
            because=f"the report names no corpus behind run {run}: it is of a table that somebody brought",
            remedy="audit with a plan whose run names corpus and reasoner (docs/plan.md); sound and pictures behind a "
            "table are with its supplier",
        )
    allowed = {folder: leads_outside(choice.options, folder, places) for folder in folders}
    told = [
        f"its option {text!r} leads out of what this desk may open" for text in allowed.values() if text is not None
    ]
    inside = [folder for folder, text in allowed.items() if text is None]
    if not names_files(choice.options, folders):
        inside = inside[:1] or list(places[:1])  # it is the same from everywhere
    options = json.dumps(dict(choice.options), sort_keys=True, default=str)
    found, said = _tried(choice.name, options, digest, inside)
    if found is not None:
        return found
    told += said
    return Missing(
        because=f"the corpus {choice.name} that was judged ({digest}) is not at this desk: "
        + "; ".join(dict.fromkeys(told)),
        remedy="start the desk with the folder of the plan that the audit was run from, or name that folder below; "
        "a corpus of files has to lie inside what the desk may open",
    )


def media_places(places: Sequence[Path]) -> tuple[Path, ...]:
    """Return where media of a corpus may lie: what the desk may open, and what corpora made in the user's cache."""
    made = [folder for part in MADE_HERE if (folder := cache_folder(part)) is not None]
    return (*places, *made)


def _named(report: AuditReport, run: str) -> tuple[Choice | None, str | None]:
    """Return the corpus of a run, also of one part of a table that holds several, and its digest."""
    data = next((one for one in report.data if one.run == run), None)
    source = report.plan.runs.get(run) or report.plan.runs.get(run.partition("/")[0])
    if data is None or source is None or source.corpus is None:
        return None, None
    return source.corpus, data.file_digest


def _tried(name: str, options: str, digest: str, folders: Sequence[Path]) -> tuple[RunCorpus | None, list[str]]:
    """Return the corpus of a digest from the first folder from which it loads, else what came of each."""
    failed = _failed()
    told: list[str] = []
    for folder in folders:
        key = name, options, digest, str(folder)
        if key not in failed:
            try:
                corpus = _loaded(name, options, str(folder))
            except AffidavitError as error:
                failed[key] = " ".join(str(error).split())
            else:
                if corpus.digest == digest:
                    return RunCorpus(corpus=admitted(corpus), folder=folder), []
                failed[key] = f"what is there is another corpus ({corpus.digest})"
        told.append(failed[key])
    return None, told


@st.cache_resource(ttl=TRIED_AGAIN_S, show_spinner=False)
def _failed() -> dict[tuple[str, str, str, str], str]:
    """Return why which corpus did not load from where; forgotten after a while."""
    return {}


@st.cache_resource(max_entries=2, show_spinner="Loading the corpus ...")
def _loaded(name: str, options: str, folder: str) -> Corpus:
    """Load a corpus once for everybody at this desk."""
    told: Mapping[str, object] = json.loads(options)
    return load_corpus(name, told, folder=Path(folder))
