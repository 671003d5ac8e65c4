"""`affidavit site`, `affidavit log` and `affidavit federated-audit`: a federation's commands and their flags."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from affidavit.cli.commands import command_of_room


def add_federation(app: typer.Typer) -> None:
    """Add the commands of a federation, in the order in which a hospital meets them."""
    app.command()(site)
    app.command()(log)
    app.command("federated-audit")(federated_audit)


def site(
    action: Annotated[str, typer.Argument(help="init, check, run, approve, refuse, rotate-key or leave.")],
    folder: Annotated[Path, typer.Argument(help="The site's own folder.")],
    subject: Annotated[
        str | None, typer.Argument(help="init: its name; approve, refuse: a digest or bundle; rotate-key: which key.")
    ] = None,
    server: Annotated[str | None, typer.Option("--server", help="init: the server as host:port.")] = None,
    by: Annotated[str, typer.Option("--by", help="Who says so.")] = "",
    because: Annotated[str, typer.Option("--because", help="Why.")] = "",
    until: Annotated[str | None, typer.Option("--until", help="approve: its last day, as year-month-day.")] = None,
) -> None:
    """A hospital's part of a federation: keys, checks, what may run, its node, its leave."""
    raise typer.Exit(command_of_room("site")(action, folder, subject, server=server, word=(by, because), until=until))


def log(
    action: Annotated[str, typer.Argument(help="verify or show.")],
    path: Annotated[Path, typer.Argument(help="A server's or site's log, or the folder that it is in.")],
    head: Annotated[str | None, typer.Option("--head", help="verify: a digest kept elsewhere, to be found.")] = None,
    against: Annotated[
        list[Path] | None, typer.Option("--against", help="verify: a site's log, held against a server's; repeat.")
    ] = None,
) -> None:
    """Say whether a federation's record holds, what it says, and whether server and sites tell the same story."""
    raise typer.Exit(command_of_room("log")(action, path, head=head, against=against or ()))


def federated_audit(
    action: Annotated[str, typer.Argument(help="vocabulary, count, site (at a site); plan, pool (at the server).")],
    plan: Annotated[Path, typer.Argument(help="The plan of the federated audit; vocabulary, plan: its draft.")],
    files: Annotated[
        list[Path],
        typer.Argument(
            help="vocabulary, count: a table; plan: SITE.vocabulary.json; pool: SITE.counts.json; site: a table a run."
        ),
    ],
    name: Annotated[str | None, typer.Option("--site", help="vocabulary, count, site: this site's name.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="vocabulary, count, plan: the file; else the folder.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", help="pool, site: signs the report; a private key, or a site's folder.")
    ] = None,
    ledger: Annotated[Path | None, typer.Option("--ledger", help="count: where the cost of noise is written.")] = None,
    policy: Annotated[str | None, typer.Option("--policy", help="pool: criteria.")] = None,
    column: Annotated[list[str] | None, typer.Option("--column", help="PART=COLUMN of a table; repeat.")] = None,
    tell_own_row: Annotated[bool, typer.Option("--tell-own-row", help="count: own estimates may leave.")] = False,
    sent: Annotated[Path | None, typer.Option("--sent", help="site: the file that left.")] = None,
    everywhere: Annotated[Path | None, typer.Option("--everywhere", help="site: the server's report.")] = None,
) -> None:
    """Audit several hospitals' tables without bringing patients together: sums leave, and nothing of one patient."""
    from affidavit.cli.audits import pairs
    from affidavit.federated_audits import AuditFlags

    flags = AuditFlags(
        site=name,
        out=out,
        ledger=ledger,
        policy=policy,
        columns=pairs(column or (), flag="--column"),
        tell_own_row=tell_own_row,
        sent=sent,
        everywhere=everywhere,
        key=key,
    )
    raise typer.Exit(command_of_room("federated-audit")(action, plan, files, flags=flags))
