"""A desk with a login: nobody sees anything before it, each sees what their role allows, and a session ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from joserfc.jwk import RSAKey
from playwright.sync_api import Browser, Page, expect

from affidavit.provenance import now
from dashboards.settings import DeskSettings
from dashboards.showing.texts import WORD_JOINER
from tests.dashboards.browser.provider import CLIENT, SECRET, Provider, providing
from tests.dashboards.browser.served import PATIENCE_S, ServedDesk, free_port, served

pytestmark = pytest.mark.slow  # starts a desk and a browser
PEOPLE = {
    "Khan": {"email": "a.khan@clinic.example", "email_verified": True, "groups": ["reviewers", "choir"]},
    "Board": {"email": "b.ode@clinic.example", "email_verified": True, "groups": ["board"]},
    "Nobody": {"email": "n.body@clinic.example", "email_verified": True, "groups": ["choir"]},
    "Claimant": {"email": "a.khan@clinic.example", "email_verified": False, "groups": ["board"]},
}
ROLES = "claims:\n  groups: {reviewers: reviewer, board: administrator}\n"
TITLE = "Audit of simulated listeners"
PATIENCE_MS = 1000 * PATIENCE_S


@dataclass(frozen=True)
class Login:
    """A desk behind a provider."""

    desk: ServedDesk
    provider: Provider


@pytest.fixture(scope="module")
def login(tmp_path_factory: pytest.TempPathFactory, small_bundle: Path) -> Iterator[Login]:
    folder, port = tmp_path_factory.mktemp("login"), free_port()
    with providing(PEOPLE) as provider:
        (folder / "login.toml").write_text(
            f'[auth]\nredirect_uri = "http://localhost:{port}/oauth2callback"\n'
            f'cookie_secret = "not a secret, but of this test alone"\nclient_id = "{CLIENT}"\n'
            f'client_secret = "{SECRET}"\nserver_metadata_url = "{provider.issuer}/.well-known/openid-configuration"\n'
        )
        (folder / "people.yaml").write_text(ROLES)
        settings = DeskSettings(
            places=(str(small_bundle),),
            workspace=str(folder / "desk"),
            port=port,
            login=str(folder / "login.toml"),
            people=str(folder / "people.yaml"),
            session_minutes=30,
        )
        with served(settings, log=folder / "log") as desk:
            yield Login(desk=desk, provider=provider)


@pytest.fixture
def come(chromium: Browser, login: Login) -> Iterator[Callable[[], Page]]:
    """Return the desk as somebody finds it who was never there."""
    contexts = []

    def page() -> Page:
        context = chromium.new_context()
        contexts.append(context)
        opened = context.new_page()
        opened.set_default_timeout(PATIENCE_MS)
        opened.goto(login.desk.url)
        opened.get_by_role("button", name="Log in").wait_for()
        return opened

    yield page
    for context in contexts:
        context.close()


def logged_in(page: Page, person: str) -> Page:
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name=person, exact=True).click()
    return page


def test_nobody_sees_anything_before_the_login(come: Callable[[], Page]) -> None:
    page = come()
    assert TITLE not in page.content()
    assert page.get_by_role("link", name="Fairness").count() == 0


def test_a_claim_brings_a_role_and_the_role_its_pages(come: Callable[[], Page]) -> None:
    page = logged_in(come(), "Khan")
    expect(page.get_by_text(f"a.khan{WORD_JOINER}@clinic.example, reviewer")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("heading", name="Desk", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    assert page.get_by_role("link", name="History").count() == 0
    board = logged_in(come(), "Board")
    expect(board.get_by_text(f"b.ode{WORD_JOINER}@clinic.example, administrator")).to_be_visible(timeout=PATIENCE_MS)
    expect(board.get_by_role("link", name="History")).to_be_visible(timeout=PATIENCE_MS)


@pytest.mark.parametrize("person", ["Nobody", "Claimant"])
def test_who_has_no_role_or_an_unverified_address_sees_that_and_no_more(come: Callable[[], Page], person: str) -> None:
    page = logged_in(come(), person)
    expect(page.get_by_text("nobody gave you a role")).to_be_visible(timeout=PATIENCE_MS)
    assert TITLE not in page.content()


def test_who_logs_out_has_to_log_in_again(come: Callable[[], Page]) -> None:
    page = logged_in(come(), "Khan")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible(timeout=PATIENCE_MS)
    assert TITLE not in page.content()


def test_a_session_that_is_over_ends(come: Callable[[], Page], login: Login) -> None:
    login.provider.issued_at = now().timestamp() - 31 * 60
    try:
        page = logged_in(come(), "Khan")
        expect(page.get_by_role("button", name="Log in")).to_be_visible(timeout=PATIENCE_MS)
        assert TITLE not in page.content()
    finally:
        login.provider.issued_at = None


def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(come: Callable[[], Page], login: Login) -> None:
    login.provider.signs_with = RSAKey.generate_key(2048, {"kid": "own"})
    try:
        page = come()
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("link", name="Board", exact=True).click()
        page.wait_for_load_state()
        assert page.get_by_text("administrator").count() == 0
        page.goto(login.desk.url)
        expect(page.get_by_role("button", name="Log in")).to_be_visible(timeout=PATIENCE_MS)
    finally:
        login.provider.signs_with = None
