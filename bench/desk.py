"""The reviewer's desk over a table of 1,000,000 predictions: what somebody waits for, and what it holds in memory.

A table of the simulator (1,000 speakers, accent x age, seven conditions) is audited; then `affidavit dashboard` serves
the bundle on loopback, and headless Chromium opens the page of fairness and clicks. A page is there when the script has
run to its end and the browser shows the last of it; it answers a click once it is at rest, which stands beside it. "At
once": the click comes then. Of a cohort and a metric the wait begins with the choice in the opened list. A cohort comes
from what the audit counted, on this machine; of an audit that was made elsewhere, from the table beside the bundle,
which is counted first. `--quick`: 100,000 predictions, fewer examinations, two more sessions.

Floor: report.json and the exhibits, which are read and held against their digests before a number is shown.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from affidavit.bundle import read_bundle, write_bundle
from affidavit.cohorts import Cohort
from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.run import run_plan
from affidavit.sources import load_run
from dashboards.cohorts.saved import SavedCohorts

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RUN: Final = "vendor"
PERSON: Final = "Bench"
ACCENTS: Final = ("american", "caribbean", "indian", "irish", "nigerian", "scottish")
EXAMINATIONS: Final = (
    "performance",
    "worst-group",
    "spread",
    "demographic-parity",
    "equalized-odds",
    "deviation",
    "small-groups",
    "representation",
)
READS_S: Final = 6.0
"""For how long somebody reads a page before they choose a cohort, in the rows that say so."""
GOAL_FIRST_S: Final = 3.0
GOAL_CHANGE_S: Final = 1.0
GOAL_ONE_GIB: Final = 1.5
GOAL_FURTHER_MIB: Final = 100.0
COHORT: Final = "cohort-chosen"
METRIC: Final = "fairness-metric"
LAST: Final = "Take it with you"
"""The heading of what a page draws last."""
PATIENCE_MS: Final = 300_000


class Size(NamedTuple):
    """How much is measured."""

    n_utterances: int
    examinations: tuple[str, ...]
    n_further: int


FULL: Final = Size(n_utterances=143_000, examinations=EXAMINATIONS, n_further=5)
QUICK: Final = Size(n_utterances=15_000, examinations=EXAMINATIONS[:3], n_further=2)


@dataclass(slots=True)
class Measured:
    """What was measured, in the order of the table."""

    lines: list[tuple[str, float, str, float | None]] = field(default_factory=list)

    def note(self, what: str, value: float, unit: str, goal: float | None = None) -> None:
        """Note a value, and print it."""
        told = "" if goal is None else f"{goal:g}"
        print(f"| {what} | {value:.2f} {unit} | {told} |", flush=True)
        self.lines.append((what, value, unit, goal))

    def wait(self, what: str, waits: Sequence[Wait], goal: float) -> None:
        """Note the median of waits, until it is shown and, without a goal, until the browser rests."""
        of = f", median of {len(waits)}" if len(waits) > 1 else ""
        self.note(f"{what}{of}", _median([wait.shown for wait in waits]), "s", goal)
        self.note(f"{what}{of}, until the browser rests", _median([wait.rested for wait in waits]), "s")


def main() -> None:
    """Print the table; the last lines are the figures and their goals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 predictions, fewer examinations and sessions")
    size = QUICK if parser.parse_args().quick else FULL
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(Path(folder), size)
    print()
    for what, value, unit, goal in measured.lines:
        if goal is not None:
            print(f"{what}, {unit}: {value:.2f} (goal {goal:g})")


def measure(folder: Path, size: Size) -> Measured:
    """Audit a table, serve the desk over it, and measure."""
    workspace = folder / "desk"
    os.environ["AFFIDAVIT_CACHE"] = str(folder / "cache")
    n_rows = audited(folder / "audit", size)
    _save_cohorts(workspace)
    _save_cohorts(folder / "another desk")
    print(f"{n_rows:,} predictions, 1,000 speakers, 24 cells, seven conditions\n\n| | | goal |\n|---|---|---|")
    measured = Measured()
    floor = timed(lambda: read_bundle(folder / "audit" / "bundle"))
    measured.note("pace of the machine: ten million additions in Python, before", _pace(), "s")
    measured.note("floor: the bundle read and held against its digests", floor, "s")
    with chromium() as browser:
        with served(folder / "audit", workspace) as desk:
            _one_user(browser, desk, measured)
            _further(browser, desk, measured, size.n_further)
        with served(folder / "audit", workspace) as desk:
            _again(browser, desk, measured)
        shutil.rmtree(folder / "cache")
        with served(folder / "audit", folder / "another desk") as desk:
            _elsewhere(browser, desk, measured)
    measured.note("pace of the machine, after", _pace(), "s")
    return measured


def _pace() -> float:
    """Return how long this machine takes for a fixed piece of work now: what waits vary with, beside the code."""
    return timed(lambda: sum(number for number in range(10_000_000)))


def audited(folder: Path, size: Size) -> int:
    """Write a table of simulated judgements and the bundle of its audit, and return how many rows it has."""
    options = {"n_speakers": 1000, "utterances_per_speaker": size.n_utterances // 1000, "accents": list(ACCENTS)}
    source = {"reasoner": {"name": "simulator", "options": {**options, "seed": 1}}}
    simulated = AuditPlan.model_validate({"runs": {RUN: source}, "by": ("accent", "age")})
    [loaded] = load_run(RUN, simulated.runs[RUN], simulated, Path(), lambda what, done, total: None)
    folder.mkdir(parents=True)
    loaded.predictions.write(folder / f"{RUN}.parquet")
    plan = AuditPlan(
        title="One million predictions",
        runs={RUN: RunSource(table=f"{RUN}.parquet")},
        by=("accent", "age"),
        examinations=tuple(Choice(name=name) for name in size.examinations),
    )
    write_bundle(run_plan(plan, folder=folder), folder / "bundle", renderings=())
    return loaded.predictions.n_rows


def _save_cohorts(workspace: Path) -> None:
    shelf = SavedCohorts(workspace=workspace, person=PERSON)
    for accent in ACCENTS[:4]:
        shelf.save(Cohort(name=accent, levels={"accent": (accent, "scottish")}))


def _one_user(browser: Browser, desk: Desk, measured: Measured) -> None:
    """Measure what one person waits for, who opens a desk that nobody opened before."""
    page = browser.new_page(viewport={"width": 1366, "height": 900})
    measured.wait("first page, desk just started", [waited(page, lambda: opened(page, desk))], GOAL_FIRST_S)
    measured.wait("first cohort at once", _cohorts(page, ACCENTS[:1]), GOAL_CHANGE_S)
    measured.wait("another cohort at once", _cohorts(page, ACCENTS[1:4]), GOAL_CHANGE_S)
    measured.wait("another metric in a cohort", _metrics(page), GOAL_CHANGE_S)
    measured.wait("everybody again", _cohorts(page, ("Everybody",)), GOAL_CHANGE_S)
    measured.wait("another metric of everybody", _metrics(page), GOAL_CHANGE_S)
    measured.note("memory of the desk, one user", desk.resident_gib(), "GiB", GOAL_ONE_GIB)
    measured.note("the most that it held", desk.peak_gib(), "GiB")


def _cohorts(page: Page, names: Sequence[str]) -> list[Wait]:
    """Measure the change to each cohort, from the choice in the opened list on."""
    waits = []
    for name in names:
        unfold(page, COHORT)
        waits.append(waited(page, lambda name=name: chosen(page, name, _told_of(name))))
    return waits


def _metrics(page: Page) -> list[Wait]:
    waits = []
    for label in ("Macro F1", "Weighted F1", "Accuracy"):
        unfold(page, METRIC)
        waits.append(waited(page, lambda label=label: chosen(page, label, f"{label} by group, run {RUN}")))
    return waits


def _further(browser: Browser, desk: Desk, measured: Measured, n_further: int) -> None:
    """Measure what each further person adds, who looks at a cohort and a metric too."""
    before = desk.resident_gib()
    waits = []
    for number in range(n_further):
        page = browser.new_context(viewport={"width": 1366, "height": 900}).new_page()
        waits.append(waited(page, lambda page=page: opened(page, desk)))
        _cohorts(page, ACCENTS[number % 4 : number % 4 + 1])
        unfold(page, METRIC)
        chosen(page, "Macro F1", f"Macro F1 by group, run {RUN}")
    measured.wait("first page of a further session", waits, GOAL_FIRST_S)
    each = (desk.resident_gib() - before) * 1024 / n_further
    measured.note(f"memory of each further session, mean of {n_further}", each, "MiB", GOAL_FURTHER_MIB)


def _again(browser: Browser, desk: Desk, measured: Measured) -> None:
    """Measure a desk that was started again over what it kept."""
    page = browser.new_context(viewport={"width": 1366, "height": 900}).new_page()
    measured.wait("first page, desk started again", [waited(page, lambda: opened(page, desk))], GOAL_FIRST_S)
    time.sleep(READS_S)
    measured.wait("first cohort after reading the page", _cohorts(page, ACCENTS[:1]), GOAL_CHANGE_S)
    measured.wait("another saved cohort", _cohorts(page, ACCENTS[1:4]), GOAL_CHANGE_S)


def _elsewhere(browser: Browser, desk: Desk, measured: Measured) -> None:
    """Measure a cohort of an audit that was made on another machine."""
    page = browser.new_context(viewport={"width": 1366, "height": 900}).new_page()
    opened(page, desk)
    (counted,) = _cohorts(page, ACCENTS[:1])
    what = "first cohort at once, the audit made elsewhere: its table is counted for it"
    measured.note(what, counted.shown, "s")


def opened(page: Page, desk: Desk) -> None:
    """Open the page of fairness, and wait until it is there."""
    page.goto(f"{desk.url}/fairness")
    page.get_by_role("heading", name=LAST).wait_for(timeout=PATIENCE_MS)
    _settled(page, LAST)


def unfold(page: Page, key: str) -> None:
    """Open the list of a widget."""
    page.locator(f".st-key-{key} input").click()
    page.get_by_role("option").first.wait_for()


def chosen(page: Page, option: str, told: str) -> None:
    """Choose in the list that is open, and wait until the page says what it then says, to its end."""
    page.get_by_role("option", name=option, exact=True).click()
    _settled(page, told)


def _told_of(cohort: str) -> str:
    return "Cohort: everybody." if cohort == "Everybody" else f"Cohort: accent {cohort} or scottish."


def _settled(page: Page, told: str) -> None:
    """Wait until the script has run to its end, and the page holds a text in what is up to date."""
    page.wait_for_function(
        """told => {
            const app = document.querySelector('[data-testid="stApp"]');
            if (app.getAttribute('data-test-script-state') !== 'notRunning') return false;
            if (document.querySelector('[data-stale="true"]')) return false;
            const alt = [...document.querySelectorAll('img, svg, [aria-label]')]
                .map(one => one.getAttribute('alt') || one.getAttribute('aria-label') || '').join(' ');
            return (document.body.innerText + ' ' + alt).includes(told);
        }""",
        arg=told,
        timeout=PATIENCE_MS,
        polling=20,
    )


class Wait(NamedTuple):
    """What somebody waits for after an act, in seconds."""

    shown: float
    """Until the page shows it, to its end."""
    rested: float
    """Until the browser is at rest too, and answers the next click at once."""


def waited(page: Page, act: Callable[[], object]) -> Wait:
    """Return the wait for an act; the next one begins at rest."""
    start = time.perf_counter()
    act()
    shown = time.perf_counter() - start
    page.evaluate("() => new Promise(resolve => requestIdleCallback(resolve))")
    return Wait(shown=shown, rested=time.perf_counter() - start)


def timed(act: Callable[[], object]) -> float:
    """Return how many seconds something takes."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def _median(seconds: list[float]) -> float:
    return sorted(seconds)[len(seconds) // 2]


@dataclass(frozen=True, slots=True)
class Desk:
    """A desk that is being served."""

    url: str
    pid: int
    """Of the process that serves pages."""

    def resident_gib(self) -> float:
        """Return the memory that it holds."""
        return self._status("VmRSS")

    def peak_gib(self) -> float:
        """Return the most memory that it held."""
        return self._status("VmHWM")

    def _status(self, name: str) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(name)).split()[1]) / 2**20


@contextmanager
def served(place: Path, workspace: Path) -> Iterator[Desk]:
    """Serve the desk by its command, from when it listens to the end of the block."""
    port = _free_port()
    flags = ["--workspace", str(workspace), "--port", str(port), "--no-browser", "--as", PERSON, "--role", "reviewer"]
    command = [sys.executable, "-m", "affidavit", "dashboard", str(place), *flags]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}"
        _await(f"{url}/_stcore/health")
        yield Desk(url=url, pid=_child_of(process.pid))
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await(url: str) -> None:
    end = time.monotonic() + PATIENCE_MS / 1000
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            if time.monotonic() > end:
                raise
        time.sleep(0.05)


def _child_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium without a window."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise SystemExit("chromium is not installed; Debian's package chromium brings it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-quic"])
        yield browser
        browser.close()


if __name__ == "__main__":
    main()
