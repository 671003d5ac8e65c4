"""The command `affidavit site`: a hospital's part of a federation, from its keys to its leave.

Exit codes: 0 done, and for `check` nothing at fault; 1 `check` found faults; 2 it cannot be done as asked; 3 the node
ended by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import typer

from affidavit.errors import EXIT_CRITERION_FAILED, EXIT_DONE, PlanError
from federated.deployment.approvals import Word, approve, refuse, standing
from federated.deployment.house import House
from federated.deployment.leaving import STAYS, left
from federated.deployment.opening import opened_site
from federated.deployment.readiness import readiness
from federated.deployment.rotation import TELL, rotated, use_named
from federated.deployment.running import run_site
from federated.record.log import read_log
from federated.record.signatures import fingerprint

NOBODY: Final = ("", "")
_IN_PLAN: Final = "as a plan's `sites` names it:\n  {name}: {key}"
"""What the server's operator copies; the key in full, for masks are agreed on with whom it names."""


def site(
    action: str,
    folder: Path,
    subject: str | None = None,
    *,
    server: str | None = None,
    word: tuple[str, str] = NOBODY,
    until: str | None = None,
) -> int:
    """Do one thing at a site and return the exit code.

    `subject` is the site's name for `init`, a digest or a bundle's path for `approve` and `refuse`, a key for
    `rotate-key`; `word` is who says so, and why.

    Raises:
        PlanError: there is no such action, or what it needs is missing.
        AffidavitError: it could not be done.
    """
    house, said = House(folder=folder), Word(by=word[0], because=word[1])
    actions: Mapping[str, Callable[[], int]] = {
        "init": lambda: _init(folder, _needed(subject, "the site's name"), _needed(server, "--server host:port")),
        "check": lambda: _check(house),
        "run": lambda: _run(folder),
        "approve": lambda: _approve(house, _needed(subject, "a digest, or a bundle"), said, until),
        "refuse": lambda: _refuse(house, _needed(subject, "a digest, or a bundle"), said),
        "rotate-key": lambda: _rotate(house, _needed(subject, "node, signing or officer"), said),
        "leave": lambda: _leave(house, said),
    }
    if action not in actions:
        raise PlanError(
            f"a site has no action {action!r}",
            slug="plan-impossible",
            allowed=", ".join(actions),
            remedy="such as `affidavit site check FOLDER`",
        )
    return actions[action]()


def _needed(given: str | None, what: str) -> str:
    if given:
        return given
    raise PlanError("something is missing", slug="plan-invalid", where="affidavit site", allowed=what)


def _init(folder: Path, name: str, server: str) -> int:
    began, house = opened_site(folder, site=name, server=server), House(folder=folder)
    typer.echo(f"site {name} in {folder}")
    for use, public in sorted(began.keys.items()):
        typer.echo(f"  {use:<8} {fingerprint(public)}")
    typer.echo(_IN_PLAN.format(name=name, key=began.keys["signing"]))
    typer.echo(
        f"next: write {house.policy}; put the authority's certificate beside it; send {house.public('node')} and "
        f"the line above to the server's operator; then `affidavit site check {folder}`"
    )
    return EXIT_DONE


def _check(house: House) -> int:
    found = readiness(house)
    for one in found.checks:
        state = "not tried" if one.fine is None else ("fine" if one.fine else "FAULT")
        typer.echo(f"{one.name:<12} {state:<10} {one.found}")
        if one.fine is False and one.remedy:
            typer.echo(f"{'':<12} {'remedy':<10} {one.remedy}")
    if found.quality:
        typer.echo("\ndata quality, in patients; nothing of it was sent")
    for line in found.quality:
        typer.echo(f"  {line}")
    return EXIT_DONE if found.ready else EXIT_CRITERION_FAILED


def _run(folder: Path) -> int:
    typer.echo(f"the node of {folder} runs until it is stopped (Ctrl-C, or SIGTERM to this process)")
    run_site(folder)
    return EXIT_DONE


def _approve(house: House, named: str, word: Word, until: str | None) -> int:
    entry = approve(house, named, word=word, until=until)
    lasts = "until it is taken back" if entry.until is None else f"until the end of {entry.until}"
    typer.echo(f"approved {entry.digest} ({entry.what}), {lasts}\nhead {read_log(house.log).head}")
    return EXIT_DONE


def _refuse(house: House, named: str, word: Word) -> int:
    entry = refuse(house, named, word=word)
    typer.echo(f"refused {entry.digest}\nhead {read_log(house.log).head}")
    return EXIT_DONE


def _rotate(house: House, named: str, word: Word) -> int:
    use = use_named(named)
    entry = rotated(house, use, because=word.because)
    typer.echo(f"{use} key is now {fingerprint(entry.key)}\ntell {TELL[use]}")
    if use == "signing":
        typer.echo(_IN_PLAN.format(name=standing(house.folder).site, key=entry.key))
    return EXIT_DONE


def _leave(house: House, word: Word) -> int:
    entry, place = left(house, word=word)
    spent = "no epsilon was said" if entry.epsilon is None else f"epsilon up to {entry.epsilon:g} was said"
    typer.echo(f"contributed: {entry.rounds:,} rounds, {entry.bytes:,} bytes; {spent}\nsigned over {entry.head}")
    for line in STAYS:
        typer.echo(f"remains: {line}")
    typer.echo(f"send {place} to the server's operator, and ask them to unregister keys/node.pub")
    return EXIT_DONE
