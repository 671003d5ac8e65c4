"""Texts of others are texts in a real browser: on every page nothing of them runs, is fetched, or becomes markup."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from affidavit.bundle import write_bundle
from affidavit.cli.reviewing import DrawFlags
from affidavit.cohorts import Cohort
from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.provenance import now
from affidavit.run import run_plan
from affidavit.sources import load_run
from affidavit.testing.tables import FAST, predictions_frame
from dashboards.access.people import Person, Role
from dashboards.cohorts.saved import SavedCohorts
from dashboards.records.opening import open_book
from dashboards.reviewing.drawing import drawn_plan
from dashboards.reviewing.studies import add_study
from dashboards.settings import DeskSettings
from dashboards.views import PAGES
from tests.dashboards.browser.served import PATIENCE_S, free_port, served

pytestmark = pytest.mark.slow  # a desk and a browser
ELSEWHERE = "http://127.0.0.1:9/"
"""Nobody listens there; whatever asks for it is seen."""
RUNS = "window.pwned=1"
HTML = f'<img src="{ELSEWHERE}i.png" onerror="{RUNS}"><script>{RUNS}</script><svg onload="{RUNS}">'
MARKDOWN = (
    f"![p]({ELSEWHERE}m.png) [c](javascript:{RUNS}) :red[**x**] $\\href{{javascript:{RUNS}}}{{y}}$ :material/bug: "
    f"www.evil.example a@evil.example {ELSEWHERE}t"
)
BOTH = f"{HTML} {MARKDOWN}"
NAME = f"Ada {HTML[:150]}"


@dataclass
class Watched:
    """A page, and what it did that no text may make it do."""

    page: Page
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A desk at which every text that others write would be markup."""
    folder = tmp_path_factory.mktemp("hostile")
    frame = predictions_frame(n_speakers=12, per_speaker=2)
    first = frame["accent"].unique()[0]
    frame = frame.assign(
        rationale=BOTH,
        utterance_id=frame["utterance_id"] + BOTH,
        accent=frame["accent"].replace({first: BOTH}),
    )
    frame.to_csv(folder / "vendor.csv", index=False)
    plan = AuditPlan(
        title=BOTH,
        runs={"vendor": RunSource(table="vendor.csv")},
        by=("accent",),
        statistics=FAST,
        examinations=(Choice(name="performance"), Choice(name="worst-group")),
    )
    write_bundle(run_plan(plan, folder=folder), folder / "bundle", renderings=())
    workspace = folder / "desk"
    workspace.mkdir()
    (loaded,) = load_run("vendor", plan.runs["vendor"], plan, folder, lambda what, done, total: None)
    flags = DrawFlags(reviewers=(NAME,), by=("accent",), run="vendor", per_group=2, per_card=1)
    person = Person(name=NAME, role=Role.ADMINISTRATOR)
    content = drawn_plan(loaded.predictions, flags)
    add_study(workspace, open_book(workspace), name="day", content=content, by=person, at=now())
    SavedCohorts(workspace=workspace, person=NAME).save(Cohort(name=BOTH[:80], levels={"accent": (BOTH,)}))
    settings = DeskSettings(places=(str(folder),), workspace=str(workspace), port=free_port(), person=person)
    with served(settings, log=folder / "desk.log") as started:
        yield started.url


@pytest.fixture(scope="module")
def watched(chromium: Browser, desk: str) -> Iterator[Watched]:
    context = chromium.new_context(viewport={"width": 1366, "height": 900})
    watch = Watched(page=context.new_page())
    watch.page.on("request", lambda request: watch.asked.append(request.url))
    watch.page.on("dialog", lambda dialog: (watch.said.append(dialog.message), dialog.dismiss()))
    yield watch
    context.close()


STILL = """() => new Promise(done => {
    const app = () => document.querySelector('[data-testid="stApp"]').getAttribute('data-test-script-state');
    let last = -1, alike = 0;
    const look = () => {
        const now = document.body.innerHTML.length;
        alike = now === last && app() === 'notRunning' ? alike + 1 : 0;
        last = now;
        alike > 30 ? done(true) : requestAnimationFrame(look);
    };
    look();
})"""
"""Resolves when the script has run and the page has stayed as it is for thirty pictures of the screen."""


def drawn(page: Page) -> None:
    """Wait until the page is drawn, with everything that is folded opened."""
    page.evaluate(STILL)
    page.evaluate("() => document.querySelectorAll('details:not([open]) > summary').forEach(one => one.click())")
    page.evaluate(STILL)


@pytest.mark.parametrize("path", [one.path for one in PAGES])
def test_on_every_page_texts_are_texts(watched: Watched, desk: str, path: str) -> None:
    page = watched.page
    asks = urlencode({"run": "vendor", "utterance": BOTH}, quote_via=quote)
    page.goto(f"{desk}/{path}" + (f"?{asks}" if path == "utterance" else ""))
    expect(page.get_by_role("heading", level=1).first).to_be_visible(timeout=1000 * PATIENCE_S)
    drawn(page)
    assert page.evaluate("() => window.pwned") is None
    assert watched.said == []
    made = page.evaluate(
        """() => [...document.querySelectorAll('a[href], img[src], script[src], [onerror], [onload]')]
            .flatMap(one => [one.href, one.src, one.getAttribute('onerror'), one.getAttribute('onload')])
            .filter(text => typeof text === 'string')"""
    )
    foreign = [text for text in made if not text.startswith(f"{desk}/")]  # the page's own address holds the text
    assert [text for text in foreign if ELSEWHERE in text or "pwned" in text or "evil" in text] == []
    assert [url for url in watched.asked if ELSEWHERE in url] == []


def test_the_texts_are_there_to_be_read(watched: Watched, desk: str) -> None:
    """The test above would pass on empty pages too."""
    watched.page.goto(f"{desk}/review")
    expect(watched.page.get_by_text("<img src=").first).to_be_visible(timeout=1000 * PATIENCE_S)
    watched.page.goto(f"{desk}/desk")
    expect(watched.page.get_by_text("<img src=").first).to_be_visible(timeout=1000 * PATIENCE_S)


def test_the_watch_would_see_it(watched: Watched, desk: str) -> None:
    """Put into a page as markup, the same text does what the tests above look for."""
    watched.page.goto(desk)
    watched.page.evaluate("text => { document.body.insertAdjacentHTML('beforeend', text); }", HTML)
    watched.page.wait_for_function("() => window.pwned === 1")
    assert [url for url in watched.asked if ELSEWHERE in url]
