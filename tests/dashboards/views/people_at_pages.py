"""One page as several people have it before them at once, each in a session of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboards.access.people import Person, Role
from dashboards.records.book import RecordBook
from dashboards.records.opening import open_book
from dashboards.settings import DeskSettings
from dashboards.showing.texts import WORD_JOINER

Sit = Callable[..., AppTest]


def _drawn(page: str, told: str) -> None:
    import importlib

    import streamlit as st

    from affidavit.errors import AffidavitError
    from dashboards.seat import Seat
    from dashboards.settings import DeskSettings
    from dashboards.showing.texts import as_markdown

    settings = DeskSettings.model_validate_json(told)
    assert settings.person is not None
    try:
        importlib.import_module(f"dashboards.views.{page}").draw(Seat(settings=settings, person=settings.person))
    except AffidavitError as error:
        st.error(as_markdown(str(error)))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "desk"


@pytest.fixture
def sit(workspace: Path) -> Sit:
    """Return a page as somebody finds it who was given these places."""

    def seated(page: str, *places: Path, name: str, role: Role = Role.REVIEWER) -> AppTest:
        person = Person(name=name, role=role)
        settings = DeskSettings(places=tuple(map(str, places)), workspace=str(workspace), person=person)
        return AppTest.from_function(_drawn, default_timeout=300, args=(page, settings.model_dump_json()))

    st.cache_resource.clear()
    return seated


@pytest.fixture
def kept(workspace: Path) -> RecordBook:
    """The records of that desk, beside the pages."""
    workspace.mkdir(exist_ok=True)
    return open_book(workspace)


def words(app: AppTest) -> str:
    """Return every text of a page, with its Markdown taken for what it shows."""
    texts = [text for element in app.main if isinstance(text := getattr(element, "value", None), str)]
    labels = [text for element in app.main if isinstance(text := getattr(element, "label", None), str)]
    return "\n".join([*texts, *labels]).replace("\\", "").replace(WORD_JOINER, "")


def press(app: AppTest, label: str) -> AppTest:
    """Press the one button with a label."""
    one(app.button, label).click().run()
    return app


def one(elements: Any, label: str) -> Any:
    """Return the one element whose label begins like that."""
    found = [
        element for element in elements if element.label.replace("\\", "").replace(WORD_JOINER, "").startswith(label)
    ]
    assert len(found) == 1, [element.label for element in elements]
    return found[0]
