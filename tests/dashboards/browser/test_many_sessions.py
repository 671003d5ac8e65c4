"""Twenty people at one desk at once: each finds every page as one alone does, and nobody's page is another's."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from dashboards.access.people import Person, Role
from dashboards.settings import DeskSettings
from tests.dashboards.browser.served import PATIENCE_S, ServedDesk, free_port, served
from tests.dashboards.browser.sessions import Drawn, session

pytestmark = pytest.mark.slow  # starts a desk, and twenty sessions at once
OLDER = Path(__file__).parents[2] / "reports" / "older" / "bundle-1.0"
N_SESSIONS = 20
TITLES = {
    "desk": "Desk",
    "fairness": "Fairness",
    "faithfulness": "Faithfulness",
    "privacy": "Privacy and federation",
    "review": "Human review",
    "sign-off": "Sign-off",
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedDesk]:
    folder = tmp_path_factory.mktemp("many")
    settings = DeskSettings(
        places=(str(OLDER),),
        workspace=str(folder / "desk"),
        port=free_port(),
        person=Person(name="A. Khan", role=Role.APPROVER),
    )
    with served(settings, log=folder / "log") as found:
        yield found


def walked(desk: ServedDesk, gate: Barrier) -> dict[str, Drawn]:
    """Sit down when everybody has come, and open every page."""
    with session(desk) as own:
        gate.wait(PATIENCE_S)
        return {page: own.open(page) for page in TITLES}


def test_twenty_find_what_one_finds(desk: ServedDesk) -> None:
    alone = walked(desk, Barrier(1))
    assert {page: drawn.titles for page, drawn in alone.items()} == {page: (title,) for page, title in TITLES.items()}
    assert not [drawn.exceptions for drawn in alone.values() if drawn.exceptions]
    gate = Barrier(N_SESSIONS)
    with ThreadPoolExecutor(N_SESSIONS) as pool:
        everybody = [found.result() for found in [pool.submit(walked, desk, gate) for _ in range(N_SESSIONS)]]
    for found in everybody:
        for page, drawn in found.items():
            assert drawn.titles == alone[page].titles
            assert not drawn.exceptions
            assert drawn.n_bytes == pytest.approx(alone[page].n_bytes, rel=0.1), page
    assert desk.process.poll() is None


def test_a_session_that_breaks_off_takes_nobody_with_it(desk: ServedDesk) -> None:
    with session(desk) as stays:
        with session(desk) as goes:
            goes.connection.socket.close()
        assert stays.open("fairness").titles == ("Fairness",)
