"""`keys`, `sign`, `timestamp`, `commit`, `pack` and `verify`: who swears to a bundle, and what of it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from affidavit.cli.commands import command_of_room

BundleArgument = Annotated[Path, typer.Argument(help="Folder that an audit wrote, or its zip.")]
Tables = Annotated[
    list[str] | None,
    typer.Option("--table", help="The table audited, FILE or RUN=FILE: every finding is computed again; repeat."),
]
PlanOption = Annotated[
    Path | None, typer.Option("--plan", help="The plan audited, beside its data: it is carried out again.")
]


def add_trust(app: typer.Typer) -> None:
    """Add the commands about signatures, in the order in which a bundle meets them."""
    for command in (keys, commit, sign, timestamp, pack, verify):
        app.command()(command)


def keygen(
    out: Annotated[Path | None, typer.Argument(help="Where the private key was to go.")] = None,
) -> None:
    """Say which command makes keys now."""
    from affidavit.errors import PlanError

    named = "NAME" if out is None else out.name.removesuffix(".key")
    raise PlanError(
        "keys are made with the name and the role of whoever signs",
        slug="plan-impossible",
        where="affidavit keygen",
        remedy=f'type affidavit keys new "{named}" --role reviewer; roles are requester, issuer, reviewer and approver',
    )


def keys(
    action: Annotated[str, typer.Argument(help="new, list or show (what goes into a trust file).")],
    name: Annotated[str | None, typer.Argument(help="new, show: whose key.")] = None,
    role: Annotated[str, typer.Option("--role", help="new: requester, issuer, reviewer or approver.")] = "reviewer",
    folder: Annotated[Path | None, typer.Option("--folder", help="Where keys lie; else AFFIDAVIT_KEYS.")] = None,
    password: Annotated[
        bool, typer.Option("--password", help="new: lock it; asks, or AFFIDAVIT_KEY_PASSWORD.")
    ] = False,
) -> None:
    """Make, list and show the keys that people sign with."""
    raise typer.Exit(command_of_room("keys")(action, name, role=role, folder=folder, locked=password))


def commit(
    bundle: BundleArgument,
    salts: Annotated[Path, typer.Option("--salts", help="The owner's folder for the salts, outside of the bundle.")],
    table: Tables = None,
    plan: PlanOption = None,
) -> None:
    """Bind a bundle to the rows behind it without showing one; before anybody signs."""
    raise typer.Exit(command_of_room("commit")(bundle, (tuple(table or ()), plan, salts)))


def sign(
    bundle: BundleArgument,
    key: Annotated[Path, typer.Option("--key", help="Private key (PEM, ed25519): a file, or a name in `keys list`.")],
    role: Annotated[
        str | None, typer.Option("--as", help="requester, issuer, reviewer or approver; one signature a person.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Who signs; else the name on the key's card.")] = None,
    requester: Annotated[
        str | None, typer.Option("--requester", help="Who asked for the audit; the first signature says it.")
    ] = None,
) -> None:
    """Sign a bundle as somebody, into signatures/."""
    raise typer.Exit(command_of_room("sign")(bundle, key, role=role, name=name, requester=requester))


def timestamp(
    bundle: BundleArgument,
    token: Annotated[Path, typer.Argument(help="The answer of a timestamp authority (RFC 3161, .tsr).")],
) -> None:
    """Put a timestamp beside the signature that it is of."""
    raise typer.Exit(command_of_room("timestamp")(bundle, token))


def pack(
    bundle: BundleArgument,
    out: Annotated[Path, typer.Argument(help="The zip to write; there is one for the same files.")],
) -> None:
    """Write a bundle as one zip."""
    raise typer.Exit(command_of_room("pack")(bundle, out))


def verify(
    bundle: BundleArgument,
    trust: Annotated[Path | None, typer.Option("--trust", help="Your trust file: whom you believe.")] = None,
    key: Annotated[
        Path | None, typer.Option("--key", help="Public key of who signed a report.dsse.json of before.")
    ] = None,
    table: Tables = None,
    plan: PlanOption = None,
    salts: Annotated[Path | None, typer.Option("--salts", help="The owner's salts: opens the commitment.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the four parts as JSON.")] = False,
) -> None:
    """Say what holds of a bundle: signature, digests, recomputation, reproduction."""
    rows = tuple(table or ()), plan, salts
    raise typer.Exit(command_of_room("verify")(bundle, trust=trust, key=key, rows=rows, as_json=json))
