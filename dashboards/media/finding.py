"""Brings together what the page of one utterance needs: the audit, the run, its table, its corpus, the utterance."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import streamlit as st

from affidavit.errors import AffidavitError
from affidavit.predictions import Predictions
from dashboards.media.kept import kept_predictions
from dashboards.media.origins import folders_of, has_model
from dashboards.media.run_corpus import Missing, RunCorpus, corpus_of
from dashboards.media.side_files import with_side_files
from dashboards.seat import Seat
from dashboards.showing.texts import as_markdown
from dashboards.workspace.opened import OpenedBundle
from dashboards.workspace.rows import predictions_of

_ASKED: Final = "utterance-corpora"
"""Runs whose corpus somebody asked for in this session."""
_FOLDER: Final = "utterance-folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAtDesk:
    """One run of the audit that is open, and where this desk looks."""

    seat: Seat
    book: OpenedBundle
    run: str

    @property
    def places(self) -> tuple[Path, ...]:
        """What the desk may open."""
        return (*self.seat.places(), Path(self.seat.settings.workspace))

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where the plan's relative paths may start.

        Raises:
            TableError: somebody named a folder outside the places.
        """
        named = str(st.session_state.get(_FOLDER) or "").strip()
        return folders_of(self.book.path, self.places, named=Path(named) if named else None)

    @property
    def asked(self) -> bool:
        """Whether somebody asked for the corpus of this run in this session."""
        return self._key in st.session_state.get(_ASKED, set())

    def ask(self) -> None:
        """Have the corpus loaded from now on."""
        st.session_state[_ASKED] = {*st.session_state.get(_ASKED, set()), self._key}

    @property
    def _key(self) -> tuple[str, str]:
        return self.book.report.report_digest, self.run

    def corpus(self) -> RunCorpus | Missing:
        """Return the corpus behind the run, or why it is not here."""
        try:
            return corpus_of(self.book.report, self.run, self._with_model_first(), self.places)
        except AffidavitError as error:
            return Missing(because=" ".join(str(error).split()), remedy="name another folder")

    def _with_model_first(self) -> tuple[Path, ...]:
        """Return the folders, those first in which the model of the run was trained: there its judgements are known."""
        report = self.book.report
        source = report.plan.runs.get(self.run)
        if source is None:
            return self.folders
        return tuple(sorted(self.folders, key=lambda one: not has_model(report.plan, source, one, self.places)))

    def predictions(self, behind: RunCorpus | None) -> Predictions | None:
        """Return the table that was audited, with what the reasoner said beyond it; None where it is not here."""
        found = predictions_of(self.book.report, self.run, self.places)
        if found is None and behind is not None:
            return kept_predictions(self.book.report, self.run, behind)
        return None if found is None else with_side_files(found, self.places)


def show_missing(missing: Missing) -> None:
    """Say why a corpus is not here, what would bring it, and let somebody name the folder of its plan."""
    st.info(as_markdown(f"{missing.because}. What to do: {missing.remedy}."), icon=":material/folder_off:")
    st.text_input(
        "Folder from which the audit's plan was run",
        key=_FOLDER,
        max_chars=1_000,
        help="Inside the workspace or a folder that the desk was started with",
    )
