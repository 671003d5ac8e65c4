"""The app as somebody finds it who opens one page: the seat, the page, and the cohort bar beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboards.access.people import Person, Role
from dashboards.settings import ENVIRONMENT, DeskSettings, handed_over

OnePage = Callable[..., AppTest]


def _alone(page: str) -> None:
    import importlib

    import streamlit as st

    from affidavit.errors import AffidavitError
    from dashboards.access.identity import whoever_is_here
    from dashboards.cohorts.bar import cohort_bar
    from dashboards.seat import Seat
    from dashboards.settings import current_settings
    from dashboards.showing.texts import as_markdown

    settings = current_settings()
    seat = Seat(settings=settings, person=whoever_is_here(settings))
    try:
        importlib.import_module(f"dashboards.views.{page}").draw(seat)
    except AffidavitError as error:
        st.error(as_markdown(str(error)))
    with st.sidebar:
        cohort_bar(seat)


@pytest.fixture
def open_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OnePage]:
    """Return a page as somebody finds it who was given these places."""
    handed: list[Path] = []

    def opened(page: str, *places: Path, role: Role = Role.REVIEWER, name: str = "A. Khan") -> AppTest:
        settings = DeskSettings(
            places=tuple(map(str, places)), workspace=str(tmp_path / "desk"), person=Person(name=name, role=role)
        )
        handed.append(handed_over(settings))
        monkeypatch.setenv(ENVIRONMENT, str(handed[-1]))
        return AppTest.from_function(_alone, default_timeout=300, args=(page,))

    st.cache_resource.clear()
    yield opened
    for place in handed:
        place.unlink()


def said(app: AppTest) -> str:
    """Return every text of a page, the sidebar included."""
    elements = (*app.main, *app.sidebar)
    return "\n".join(str(element.value) for element in elements if isinstance(getattr(element, "value", None), str))
