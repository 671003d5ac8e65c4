"""One person's seat: who they are, which audit they have before them, which cohort; every page is drawn from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import streamlit as st

from dashboards.access.people import Person
from dashboards.settings import DeskSettings
from dashboards.workspace.bundles import FOLDER, BundleShelf, FoundBundle
from dashboards.workspace.opened import OpenedBundle, opened

_CHOSEN: Final = "seat-bundle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Who sits here, and before what."""

    settings: DeskSettings
    person: Person

    def places(self) -> tuple[Path, ...]:
        """Return where bundles are looked for: what was named, and the runs of the workspace."""
        return (*map(Path, self.settings.places), Path(self.settings.workspace) / "runs")

    def bundles(self) -> tuple[FoundBundle, ...]:
        """Return the audits that are there, the latest first."""
        return _shelf(tuple(map(str, self.places())), self.settings.workspace).bundles()

    def chosen(self) -> FoundBundle | None:
        """Return the audit that is open: the one that was chosen, else the latest that can be read."""
        readable = [bundle for bundle in self.bundles() if bundle.unreadable is None]
        named = st.session_state.get(_CHOSEN)
        return next((bundle for bundle in readable if str(bundle.path) == named), readable[0] if readable else None)

    def choose(self, bundle: FoundBundle) -> None:
        """Open an audit on every page."""
        st.session_state[_CHOSEN] = str(bundle.path)

    def opened(self) -> OpenedBundle | None:
        """Return the audit that is open, read and held against its digests; None where there is none.

        Raises:
            VerificationError: it is not as it was written.
        """
        bundle = self.chosen()
        return None if bundle is None else opened(bundle, self.person)


@st.cache_resource(max_entries=4)
def _shelf(places: tuple[str, ...], workspace: str) -> BundleShelf:
    return BundleShelf(places=tuple(map(Path, places)), kept_in=Path(workspace) / FOLDER)
