"""The record of a federated audit: what cannot have happened in it is found, and what its sites did not say as well."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest

from affidavit.records import Record
from federated.record.audit_entries import (
    AuditAborted,
    AuditAnswered,
    AuditAsked,
    AuditEnded,
    AuditFailed,
    AuditOpened,
    AuditSummed,
)
from federated.record.audit_holding import audits_held
from federated.record.command import log as log_command
from federated.record.entries import Sent
from federated.record.holding import held_together
from federated.record.laws import breaches
from federated.record.log import read_log
from tests.federated.record.logs import SITES, began, digest, keys, server_log, site_log, written

RUN = "sha256:audit"
OPENED = AuditOpened(run=RUN, plan=digest("audit"), told="plain")
FAILED = AuditFailed(run=RUN, because="nobody came")
AWAY = AuditAborted(attempt=1, stage="unmask", because="gone")


def asked(*sites: str, attempt: int = 1) -> AuditAsked:
    return AuditAsked(what="counts", attempt=attempt, plan=digest("plan"), sites=sites)


def came(site: str, *, what: Literal["invitation", "counts"] = "counts") -> AuditAnswered:
    return AuditAnswered(what=what, attempt=1, site=site, node="7", bytes=9, digest=digest((site, what)))


def summed(*sites: str) -> AuditSummed:
    return AuditSummed(attempt=1, terms=digest("terms"), contributors=sites, dropped={})


def ended(*sites: str, run: str = RUN) -> AuditEnded:
    return AuditEnded(run=run, plan=digest("plan"), sites=sites, report=digest("report"))


def plain() -> list[Record]:
    return [
        OPENED,
        AuditAsked(what="invitation", attempt=1, plan=digest("plan"), sites=("node 7", "node 8")),
        *(came(site, what="invitation") for site in SITES),
        asked(*SITES),
        *(came(site) for site in SITES),
        ended(*SITES),
    ]


@pytest.mark.parametrize(
    "entries",
    [
        plain(),
        [*plain(), *plain()],
        [OPENED, asked("north"), came("north"), *plain()],  # the server was killed, and asked again
        [OPENED, asked("north", "south"), came("north"), asked("south", attempt=2), came("south"), ended(*SITES)],
        [OPENED, asked(*SITES), summed(*SITES), ended(*SITES)],
        [OPENED, asked(*SITES), asked(*SITES, attempt=2), summed(*SITES), ended(*SITES)],
        [OPENED, asked(*SITES), AWAY, FAILED],
        [*server_log(), *plain()],
    ],
)
def test_what_happens_breaks_no_law(tmp_path: Path, entries: Sequence[Record]) -> None:
    assert breaches(read_log(written(tmp_path, entries))) == []


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([asked("north")], "none was opened"),
        ([*plain(), came("north")], "none was opened"),
        ([OPENED, FAILED, ended()], "none was opened"),
        ([OPENED, came("north")], "north was counted and was not asked"),
        ([OPENED, asked("north"), came("north"), came("north")], "north was counted twice"),
        ([OPENED, asked("north"), summed("north", "south")], "south was counted and was not asked"),
        ([OPENED, asked(*SITES), summed(*SITES), asked(*SITES, attempt=2)], "after their sum was opened"),
        ([OPENED, asked(*SITES), AWAY, asked(*SITES, attempt=2)], "after their sum was opened"),
        ([OPENED, asked(*SITES), came("north"), ended(*SITES)], "its report is over north, south, and north counted"),
        ([OPENED, asked(*SITES), came("north"), ended()], "its report is over nobody, and north counted"),
        ([OPENED, ended(run="sha256:other")], "another audit than the one that was opened"),
    ],
)
def test_what_cannot_have_happened_is_found(tmp_path: Path, entries: Sequence[Record], words: str) -> None:
    found = breaches(read_log(written(tmp_path, entries)))
    assert any(words in breach.what for breach in found), found
    assert log_command("verify", written(tmp_path / "again", entries)) == 1


def sent(site: str, what: str, said: object) -> Sent:
    return Sent(run=RUN, round=1, attempt=1, what=what, bytes=9, digest=digest(said))


def answers(site: str) -> list[Record]:
    return [
        began(site, keys()),
        sent(site, "query.audit", (site, "invitation")),
        sent(site, "evaluate.counts", (site, "counts")),
    ]


def test_answers_that_both_name_agree(tmp_path: Path) -> None:
    server = read_log(written(tmp_path / "server", plain()))
    sites = {site: read_log(written(tmp_path / site, answers(site))) for site in SITES}
    held = audits_held(server, sites)
    assert (held.agreeing, held.contradictions, held.missing) == (4, (), frozenset())
    assert audits_held(server, {"north": sites["north"]}).missing == {"south"}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (sent("north", "evaluate.counts", "other"), "took"),
        (sent("north", "evaluate.counts_masked", ("north", "counts")), "says it sent none"),
        (sent("north", "evaluate.counts", ("north", "counts")).model_copy(update={"run": "x"}), "says it sent none"),
    ],
)
def test_sums_that_a_site_did_not_send_are_a_contradiction(tmp_path: Path, entry: Sent, words: str) -> None:
    server = read_log(written(tmp_path / "server", plain()))
    north = read_log(written(tmp_path / "north", [*answers("north")[:-1], entry]))
    (said,) = audits_held(server, {"north": north}).contradictions
    assert said.startswith(f"audit, counts: the server took {digest(('north', 'counts'))[7:19]} of north, whose log")
    assert words in said


def test_a_training_and_an_audit_of_one_server_are_held_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = written(tmp_path / "server", [*server_log(), *plain()])
    sites = [written(tmp_path / site, [*site_log(site), *answers(site)[1:]]) for site in SITES]
    held = held_together(read_log(server), {site: read_log(path) for site, path in zip(SITES, sites, strict=True)})
    assert (held.agreeing, held.answers, held.contradictions) == (4, 4, ())
    assert log_command("verify", server, against=sites) == 0
    said = capsys.readouterr().out
    assert "4 updates are named alike" in said
    assert "4 answers to audits are named alike" in said


def test_a_record_of_audits_alone_speaks_of_no_updates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = written(tmp_path / "server", plain())
    sites = [written(tmp_path / site, answers(site)) for site in SITES]
    assert log_command("verify", server, against=sites) == 0
    assert "updates" not in capsys.readouterr().out
