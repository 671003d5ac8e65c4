"""A reviewer's day in a browser: open, find the failing cell, listen, review, waive beside another, sign, export.

Once on the built-in clinic, and once on clips of CREMA-D where the public data lie beside the project. Somebody else
sits at a second desk on the same workspace: the approver without whom no waiver holds.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from playwright.sync_api import Browser, Page, expect

from affidavit.bundle import read_bundle, write_bundle
from affidavit.cli.reviewing import DrawFlags
from affidavit.corpus import Corpus
from affidavit.judgements import to_judge
from affidavit.plan import AuditPlan
from affidavit.protocols import silent
from affidavit.provenance import now
from affidavit.report import Decision
from affidavit.run import run_plan
from affidavit.sources import load_corpus, load_run
from affidavit.testing.tables import FAST
from dashboards.access.people import Person, Role
from dashboards.records.book import Wanted
from dashboards.records.entries import Kind
from dashboards.records.opening import open_book
from dashboards.reviewing.drawing import drawn_plan
from dashboards.reviewing.signing import folder_of
from dashboards.reviewing.studies import add_study
from dashboards.reviewing.waiving import APPROVED
from dashboards.settings import DeskSettings
from reports.trust.keys import write_key
from reports.trust.parties import Role as Signer
from tests.dashboards.browser.served import PATIENCE_S, ServedDesk, free_port, served

pytestmark = pytest.mark.slow(minutes=2)  # two desks and a browser
PATIENCE_MS = 1000 * PATIENCE_S
REVIEWER, APPROVER = "Ada Khan", "Ben Ode"
N_CARDS = 10
LAPTOP, TABLET = {"width": 1366, "height": 900}, {"width": 820, "height": 1180}


@dataclass(frozen=True)
class Day:
    """What somebody sits before: an audit whose policy fails, its rationales, two people and their keys."""

    bundle: Path
    workspace: Path
    by: str
    utterance: str
    """One that failed, whose speaker agreed to being heard."""
    desks: dict[str, ServedDesk]


def rows_of(corpus: Corpus, by: str) -> list[dict[str, Any]]:
    """Return judgements that are right but for the last group: there every answer is another one."""
    judged = to_judge(corpus.utterances)
    condition = "TAV" if all(one.text and one.video for one in judged) else "A"
    failing = sorted({str(one.sensitive.get(by, "unknown")) for one in judged})[-1]
    rows = []
    for one in judged:
        others = [label for label in corpus.label_space if label != one.label]
        wrong = one.sensitive.get(by) == failing
        rationale = one.rationales.get("evidence") or f"The voice is that of {one.label}, and so are the words."
        rows.append(
            {
                "utterance_id": one.utterance_id,
                "condition": condition,
                "y_pred": others[0] if wrong else one.label,
                "rationale": rationale,
            }
        )
    return rows


def day_on(folder: Path, corpus: dict[str, Any], by: str) -> tuple[Path, str, AuditPlan]:
    """Audit recorded judgements of a corpus; return the bundle, an utterance that failed, and the plan."""
    loaded = load_corpus(corpus["name"], corpus["options"], progress=silent)
    rows = rows_of(loaded, by)
    with (folder / "judged.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (folder / "policy.yaml").write_text(
        "version: 1\nname: strict\ntitle: Strict\nstatement: Nine of ten.\nfrozen_before_results: true\ncriteria:\n"
        "  - {id: nine-of-ten, metric: accuracy, scope: everybody, conditions: [" + rows[0]["condition"] + "], "
        "at_least: 0.99, source: a test}\n"
    )
    plan = AuditPlan.model_validate(
        {
            "title": f"A day on {corpus['name']}",
            "runs": {
                "vendor": {
                    "corpus": corpus,
                    "reasoner": {"name": "recorded", "options": {"path": str(folder / "judged.csv")}},
                }
            },
            "by": [by],
            "statistics": FAST.model_dump(),
            "examinations": ["performance", "cue-grounding"],
            "policy": str(folder / "policy.yaml"),
        }
    )
    report = run_plan(plan, folder=folder)
    assert report.decision is not Decision.PASS  # of two actors of CREMA-D nothing can be said for certain
    bundle = write_bundle(report, folder / "audits" / "bundle", renderings=("html",))
    (folder / "audits" / "plan.yaml").write_text(yaml.safe_dump(plan.model_dump(mode="json", exclude_defaults=True)))
    truths = {one.utterance_id: one for one in to_judge(loaded.utterances)}
    failed = next(
        row["utterance_id"]
        for row in rows
        if row["y_pred"] != truths[row["utterance_id"]].label
        and truths[row["utterance_id"]].consent.get("audio", True)
        and truths[row["utterance_id"]].audio is not None
    )
    return bundle, failed, plan


@pytest.fixture(scope="module", params=["clinic", "crema-d"])
def day(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "clinic":
        options: dict[str, Any] = {"seed": 3, "n_utterances": 60, "media": "patients", "workers": 1}
        corpus, by, places = {"name": "clinic", "options": options}, "age", [folder]
    else:
        data: Path = request.getfixturevalue("real_data")
        options = {
            "path": str(data / "cremad_clips"),
            "demographics": str(data / "cremad_votes" / "VideoDemographics.csv"),
        }
        corpus, by, places = {"name": "crema-d", "options": options}, "sex", [folder, data]
    bundle, failed, plan = day_on(folder, corpus, by)
    workspace = folder / "desk"
    workspace.mkdir()
    (loaded,) = load_run("vendor", plan.runs["vendor"], plan, folder, silent)
    predictions = loaded.predictions
    predictions.write(workspace / "vendor.parquet")
    flags = DrawFlags(reviewers=(REVIEWER,), by=(by,), run="vendor", per_group=N_CARDS, per_card=1)
    admin = Person(name="Root", role=Role.ADMINISTRATOR)
    add_study(workspace, open_book(workspace), name="day", content=drawn_plan(predictions, flags), by=admin, at=now())
    person = Person(name=APPROVER, role=Role.APPROVER)
    moment = now().replace(microsecond=0)
    write_key(folder_of(workspace, person), APPROVER, Signer.APPROVER, created=moment, password=None)
    with ExitStack() as stack:
        desks = {
            name: stack.enter_context(
                served(
                    DeskSettings(
                        places=tuple(map(str, places)),
                        workspace=str(workspace),
                        port=free_port(),
                        person=Person(name=name, role=Role.APPROVER),
                    ),
                    log=folder / f"{name}.log",
                )
            )
            for name in (REVIEWER, APPROVER)
        }
        yield Day(bundle=bundle, workspace=workspace, by=by, utterance=failed, desks=desks)


@pytest.fixture(scope="module")
def seats(chromium: Browser, day: Day) -> Iterator[dict[str, Page]]:
    """A browser window for each of the two people."""
    contexts = {name: chromium.new_context(viewport=LAPTOP, accept_downloads=True) for name in day.desks}
    pages = {}
    for name, context in contexts.items():
        pages[name] = context.new_page()
        pages[name].set_default_timeout(PATIENCE_MS)
        pages[name].goto(day.desks[name].url)
        expect(heading(pages[name], "Desk")).to_be_visible(timeout=PATIENCE_MS)
    yield pages
    for context in contexts.values():
        context.close()


def heading(page: Page, title: str) -> Any:
    return page.get_by_role("heading", name=title, exact=True, level=1)


def go(page: Page, title: str) -> None:
    """Choose a page in the menu."""
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=title, exact=True).click()
    expect(heading(page, title)).to_be_visible(timeout=PATIENCE_MS)
    settled(page)


def settled(page: Page) -> None:
    """Wait until nothing is drawn any more."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE_MS)


def keyed(page: Page, key: str) -> Any:
    """Return the widget of a key."""
    return page.locator(f".st-key-{re.sub('[^a-zA-Z0-9_-]', '-', key)}")


def pick(page: Page, key: str, option: str) -> None:
    """Choose in a selectbox by typing, as somebody without a mouse does."""
    box = keyed(page, key).locator("input")
    box.click()
    box.fill(option)
    page.get_by_role("option", name=re.compile(re.escape(option))).first.wait_for()
    box.press("Enter")
    settled(page)


def fits(page: Page, sizes: Sequence[dict[str, int]] = (LAPTOP, TABLET)) -> None:
    """At each width nothing of the page lies beyond its right edge."""
    for size in sizes:
        page.set_viewport_size({"width": size["width"], "height": size["height"]})
        settled(page)
        over = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
        assert over <= 1, f"{over} px beyond {size['width']}"
    page.set_viewport_size({"width": LAPTOP["width"], "height": LAPTOP["height"]})


def test_the_audit_is_open_and_says_that_it_failed(day: Day, seats: dict[str, Page]) -> None:
    page = seats[REVIEWER]
    expect(page.get_by_text("A day on").first).to_be_visible(timeout=PATIENCE_MS)
    decision = read_bundle(day.bundle).decision
    expect(page.get_by_text(f"{decision},").first).to_be_visible(timeout=PATIENCE_MS)
    fits(page)


def test_the_failing_cell_is_found(day: Day, seats: dict[str, Page]) -> None:
    page = seats[REVIEWER]
    go(page, "Fairness")
    report = read_bundle(day.bundle)
    cells = [f for f in report.findings if f.metric == "accuracy" and f.groups]
    worst = min(cells, key=lambda finding: finding.estimate.value if finding.estimate.value is not None else 1.0)
    ((_, level),) = worst.groups.items()
    pick(page, "fairness-group", level)
    expect(page.get_by_text("Utterances of this group")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text(re.compile("[0-9]+ rows? of this group under"))).to_be_visible(timeout=PATIENCE_MS)
    fits(page)


def test_its_utterance_is_listened_to_and_the_opening_is_noted(day: Day, seats: dict[str, Page]) -> None:
    page = seats[REVIEWER]
    place = urlencode({"utterance": day.utterance, "run": "vendor"})
    page.goto(f"{day.desks[REVIEWER].url}/utterance?{place}")
    expect(heading(page, "Utterance")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Load the corpus", exact=True).click()
    page.get_by_role("button", name="Open it", exact=True).click()
    sound = page.locator("audio").first
    sound.wait_for(state="attached")
    length = sound.evaluate(
        "a => new Promise(done => a.readyState > 0 ? done(a.duration) : a.onloadedmetadata = () => done(a.duration))"
    )
    assert 0.2 < length < 60
    assert sound.evaluate(
        "a => { a.muted = true; return a.play().then(() => new Promise(done => a.ontimeupdate = () => done(true))); }"
    )
    fits(page)
    noted = open_book(day.workspace).found(Wanted(kind=Kind.MEDIA))
    assert {entry.person for entry in noted} == {REVIEWER}


def test_ten_rationales_are_reviewed_by_keys(day: Day, seats: dict[str, Page]) -> None:
    page = seats[REVIEWER]
    go(page, "Human review")
    expect(page.get_by_text(re.compile("^0 scored"))).to_be_visible(timeout=PATIENCE_MS)
    page.locator("body").press("m")
    page.locator("audio").first.wait_for(state="attached")
    settled(page)
    for done in range(N_CARDS):
        expect(page.get_by_text(re.compile(f"^{done} scored"))).to_be_visible(timeout=PATIENCE_MS)
        settled(page)
        page.locator("body").press(str(1 + done % 4))
    expect(page.get_by_text(re.compile(f"^{N_CARDS} scored"))).to_be_visible(timeout=PATIENCE_MS)
    fits(page)
    heard = {entry.subject.name for entry in open_book(day.workspace).found(Wanted(kind=Kind.MEDIA))}
    assert len(heard) > 1, "each card's utterance is opened as it comes, and noted"


def test_a_waiver_holds_once_another_person_approves_it(day: Day, seats: dict[str, Page]) -> None:
    asks, approves = seats[REVIEWER], seats[APPROVER]
    go(asks, "Sign-off")
    asks.get_by_text("Ask for a waiver", exact=True).click()
    keyed(asks, "waiver-reason-0").locator("textarea").fill("The vendor retrains until spring.")
    asks.get_by_role("button", name="Ask", exact=True).click()
    expect(asks.get_by_text("You cannot approve it").first).to_be_visible(timeout=PATIENCE_MS)
    go(approves, "Sign-off")
    approves.get_by_label("Why", exact=True).first.fill("Agreed in the board of November.")
    approves.get_by_role("button", name="Approve", exact=True).click()
    expect(approves.get_by_text(f"{APPROVER} {APPROVED}").first).to_be_visible(timeout=PATIENCE_MS)
    fits(approves)


def test_who_asked_says_so_and_another_approves_and_signs(day: Day, seats: dict[str, Page]) -> None:
    asks, approves = seats[REVIEWER], seats[APPROVER]
    go(asks, "Desk")
    go(asks, "Sign-off")
    stated(asks, f"{REVIEWER} asked for it", "The board wants it filed.")
    go(approves, "Desk")
    go(approves, "Sign-off")
    stated(approves, f"{APPROVER} approves it", "Waived until spring.")
    approves.get_by_role("button", name="Sign as approver").click()
    expect(approves.get_by_text("Signed:")).to_be_visible(timeout=PATIENCE_MS)
    assert list((day.bundle / "signatures").glob("approver-*.dsse.json"))


def stated(page: Page, statement: str, reason: str) -> None:
    keyed(page, "sign-off-statement").get_by_text(statement, exact=True).click()
    keyed(page, "sign-off-reason").locator("textarea").fill(reason)
    page.get_by_role("button", name="State it").click()
    expect(page.get_by_text("you stated").first).to_be_visible(timeout=PATIENCE_MS)
    settled(page)


def test_what_is_on_screen_is_taken_along(day: Day, seats: dict[str, Page], tmp_path: Path) -> None:
    page = seats[REVIEWER]
    go(page, "Fairness")
    for label, start in (("Page (HTML)", b"<!"), ("Table (CSV)", b""), ("Groups (PNG)", b"\x89PNG")):
        with page.expect_download() as told:
            page.get_by_role("button", name=label).first.click()
        told.value.save_as(tmp_path / told.value.suggested_filename)
        content = (tmp_path / told.value.suggested_filename).read_bytes()
        assert content.startswith(start)
        assert len(content) > 100
