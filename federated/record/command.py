"""The command `affidavit log`: does a record hold, what does it say, do server and sites tell the same story?

Exit codes: 0 it holds; 1 it holds as a chain and says what cannot have happened, or two logs contradict each other;
2 it cannot be read, or a line was changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, get_args

import typer

from affidavit.errors import EXIT_CRITERION_FAILED, EXIT_DONE, PlanError, VerificationError
from federated.record.audit_entries import AuditOpened
from federated.record.entries import RunOpened
from federated.record.holding import held_together
from federated.record.laws import breaches
from federated.record.log import Log, read_log
from federated.record.signatures import fingerprint
from federated.record.site_keys import keys_of
from federated.rounds.events import RunBegan

Action = Literal["verify", "show"]
_MOST: Final = 20
"""Breaches and contradictions that are printed."""


def log(action: str, path: Path, *, head: str | None = None, against: Sequence[Path] = ()) -> int:
    """Verify a log, or show it, and return the exit code.

    `head` is a digest that was kept elsewhere; `against` are the logs of sites, which a server's is held against.

    Raises:
        PlanError: there is no such action.
        TableError: there is no log.
        VerificationError: a line does not hold, or no line has the digest `head`.
    """
    if action == "show":
        return show(path)
    if action == "verify":
        return verify(path, head=head, against=against)
    raise PlanError(
        f"a log has no action {action!r}",
        slug="plan-impossible",
        allowed=", ".join(get_args(Action)),
        remedy="such as `affidavit log verify PATH`",
    )


def verify(path: Path, *, head: str | None = None, against: Sequence[Path] = ()) -> int:
    """Verify chain, entries, signatures and laws of a log and, given sites' logs, that both tell the same story."""
    read = _begun(path)
    _say_log(read)
    if head is not None and not read.chain.holds(head):
        raise VerificationError(
            "no line has this digest: lines were cut off the end, or it is of another log",
            slug="digest-mismatch",
            where=read.where,
            found=f"head {read.head}",
            allowed=head,
            remedy="ask whoever keeps the log for the lines that are missing",
        )
    found = breaches(read)
    for breach in found[:_MOST]:
        typer.echo(f"line {breach.line}: {breach.what}")
    sites = [_begun(place) for place in against]
    contradicted = bool(sites) and _say_held(read, sites)
    _say_rest(len(found))
    return EXIT_CRITERION_FAILED if found or contradicted else EXIT_DONE


def show(path: Path) -> int:
    """Print a log, one line an entry."""
    for line in _begun(path).lines:
        entry: Mapping[str, Any] = line.entry.model_dump(mode="json", exclude={"kind", "signature"})
        told = ", ".join(f"{name} {_told(value)}" for name, value in entry.items())
        typer.echo(f"{line.number + 1:>5}  {line.at}  {line.entry.kind:<14} {told}")
    return EXIT_DONE


def _begun(path: Path) -> Log:
    """Return a log that has a line.

    Raises:
        TableError: there is none.
        VerificationError: it is empty, or a line does not hold.
    """
    read = read_log(path)
    if read.lines:
        return read
    raise VerificationError(
        "there is no entry in it, and nothing to hold",
        slug="chain-broken",
        where=read.where,
        found=f"{len(read.chain.torn):,} bytes that are no line" if read.chain.torn else "an empty file",
        allowed="the log as its server or site wrote it",
        remedy="ask whoever keeps it for the whole file",
    )


def _say_log(read: Log) -> None:
    typer.echo(f"{read.where}: {len(read.lines):,} entries hold\nhead {read.head}")
    aside, rest = read.crashes - bool(read.chain.torn), len(read.chain.torn)
    if aside:
        typer.echo(f"torn lines that crashes left, set aside beside the log: {aside:,}")
    if rest:
        typer.echo(f"the last {rest:,} bytes are no whole line: a crash tore it off, or the file was cut there")
    keys = keys_of(line.entry for line in read.lines)
    if keys.site:
        typer.echo(f"site {keys.site}; compare its keys by another way than this file:")
        for use, public in sorted(keys.keys.items()):
            typer.echo(f"  {use:<8} {fingerprint(public)}")


def _say_held(server: Log, logs: Sequence[Log]) -> bool:
    """Say how the logs go together, and return whether any two contradict each other.

    Raises:
        PlanError: a log is no site's, two are of one site, or the first is no server's.
    """
    named = [(keys_of(line.entry for line in one.lines).site, one) for one in logs]
    sites = dict(named)
    if (
        "" in sites
        or len(sites) < len(named)
        or not any(isinstance(line.entry, RunBegan | RunOpened | AuditOpened) for line in server.lines)
    ):
        raise PlanError(
            "a server's log is held against those of different sites",
            slug="plan-impossible",
            where="affidavit log verify",
            found=", ".join(f"{one.where} of {site or 'no site'}" for site, one in named),
            remedy="name the server's log first, and each site's with --against",
        )
    held = held_together(server, sites)
    audits = bool(server.of(AuditOpened))
    if not audits or any(isinstance(line.entry, RunBegan | RunOpened) for line in server.lines):
        typer.echo(
            f"{held.agreeing:,} updates are named alike by server and site; {held.models:,} rounds sent one model"
        )
    if audits:
        typer.echo(f"{held.answers:,} answers to audits are named alike by server and site")
    for words in held.uncounted[:_MOST]:
        typer.echo(f"not added: {words}")
    if held.elsewhere:
        typer.echo(f"not of this server: {held.elsewhere:,} runs in sites' logs that its own does not tell of")
    if held.missing:
        typer.echo(f"not held against: {', '.join(held.missing)}, whose logs are not there")
    for words in held.contradictions[:_MOST]:
        typer.echo(f"contradiction: {words}")
    _say_rest(len(held.contradictions))
    return bool(held.contradictions)


def _say_rest(n: int) -> None:
    if n > _MOST:
        typer.echo(f"and {n - _MOST:,} more")


def _told(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {_told(one)}" for name, one in value.items()) or "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(map(str, value)) or "none"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = "".join(letter if letter.isprintable() else " " for letter in str(value))
    return text.removeprefix("sha256:")[:12] if text.startswith("sha256:") else text
