"""`gate` and `dossier`: whether an audited model may be used, and what only people can say of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from affidavit.cli.commands import command_of_room
from affidavit.cli.flags import DemandAnswers


def gate(
    bundle: Annotated[Path, typer.Argument(help="Folder that an audit wrote.")],
    policy: Annotated[str, typer.Option("--policy", help="Policy file, or the name of one that ships.")],
    waivers: Annotated[
        Path | None, typer.Option("--waivers", help="File of waivers: owner, reason, end and second approver of each.")
    ] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="Where to write JUnit XML for a CI server.")] = None,
    demand_answers: DemandAnswers = False,
    dossier: Annotated[
        Path | None, typer.Option("--dossier", help="A dossier, instead of one that was filed with the bundle.")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", help="Public key of whoever signed that dossier.")] = None,
    demand_dossier: Annotated[
        bool, typer.Option("--demand-dossier", help="End with exit code 3 if there is no dossier.")
    ] = False,
) -> None:
    """Hold a finished audit against a policy, and its use against the dossier; ends with 0, 1 (failed) or 3 (open)."""
    held = command_of_room("gate")
    said = (dossier, key, demand_dossier)
    raise typer.Exit(
        held(bundle, policy=policy, waivers=waivers, junit=junit, every_answer_demanded=demand_answers, dossier=said)
    )


def dossier(
    action: Annotated[str, typer.Argument(help="new, check or sign.")],
    path: Annotated[Path, typer.Argument(help="The dossier (YAML), or the folder that holds dossier.yaml.")],
    system: Annotated[str, typer.Option("--system", help="new: the system and its version.")] = "unnamed",
    key: Annotated[
        Path | None, typer.Option("--key", help="sign: private key. check: public key of whoever signed.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", help="check: folder that an audit wrote, held against the law packs.")
    ] = None,
) -> None:
    """Keep what only people can say of a system: write the questions, sign the answers, stop a prohibited use."""
    raise typer.Exit(command_of_room("dossier")(action, path, key=key, bundle=bundle, system=system))
