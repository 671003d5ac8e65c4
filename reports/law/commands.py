"""The command `affidavit dossier`: new, check and sign."""

from __future__ import annotations

import datetime
from collections import Counter
from pathlib import Path
from typing import Final

import typer

from affidavit.bundle import read_bundle
from affidavit.errors import (
    EXIT_CRITERION_FAILED,
    EXIT_DONE,
    EXIT_INCONCLUSIVE,
    PlanError,
    TableError,
)
from affidavit.files import replacing
from affidavit.provenance import now
from affidavit.report import AuditReport
from affidavit.yaml_files import did_you_mean
from reports.law.control_map import Material, Status, control_map
from reports.law.dossier import DOSSIER, parse_dossier
from reports.law.dossier_signing import ENVELOPE, sign_dossier, verify_dossier
from reports.law.pack import shipped_packs
from reports.law.scope import NOTHING_OBSERVED, Outcome, ScopeDecision, observed_in
from reports.law.sections import NOT_ADVICE
from reports.law.staleness import stale_warnings
from reports.law.template import template
from reports.law.testimony import Testimony, gate
from reports.wording import plain

ACTIONS: Final = ("new", "check", "sign")
_EXITS: Final = {
    Outcome.ALLOWED: EXIT_DONE,
    Outcome.PROHIBITED: EXIT_CRITERION_FAILED,
    Outcome.UNANSWERED: EXIT_INCONCLUSIVE,
}


def dossier(
    action: str, path: Path, *, key: Path | None = None, bundle: Path | None = None, system: str = "unnamed"
) -> int:
    """Do what `affidavit dossier ACTION PATH` asks; `path` is the file or its folder.

    Raises:
        PlanError: there is no such action, or it needs a key that was not given.
    """
    is_folder = path.is_dir() or (not path.exists() and path.suffix == "")
    file = path / DOSSIER if is_folder else path
    if action == "new":
        return new_dossier(file, system=system)
    if action == "check":
        return check_dossier(file, key=key, bundle=bundle)
    if action == "sign" and key is not None:
        return sign_file(file, key)
    missing = action == "sign"
    raise PlanError(
        "signing needs a private key"
        if missing
        else f"there is no action {action!r}{did_you_mean(action, [*ACTIONS])}",
        slug="plan-impossible",
        where="affidavit dossier",
        allowed="--key with a private key (PEM, ed25519)" if missing else ", ".join(ACTIONS),
        remedy="`affidavit keygen` makes a key" if missing else "choose one of them",
    )


def new_dossier(path: Path, *, system: str) -> int:
    """Write a dossier with every question and no answer; an existing file is never overwritten."""
    if path.exists():
        raise PlanError(
            "the dossier exists already",
            slug="output-exists",
            where=str(path),
            allowed="a path where nothing is",
            remedy="choose another path; answers that people gave are not overwritten",
        )
    with replacing(path) as temporary:
        temporary.write_text(template(system), encoding="utf-8")
    typer.echo(f"{path}: every question, and no answer yet")
    return EXIT_DONE


def sign_file(path: Path, key: Path) -> int:
    """Sign a dossier: write the envelope beside it, and say what is still unanswered."""
    content = _bytes(path, "the dossier")
    told = parse_dossier(content, where=path.name)
    envelope = sign_dossier(content, told, _bytes(key, "the key file"), today=_today())
    with replacing(path.with_name(ENVELOPE)) as temporary:
        temporary.write_bytes(envelope)
    typer.echo(f"signed {plain(told.system)}\n{path.with_name(ENVELOPE)}")
    if unanswered := told.unanswered():
        typer.echo(f"unanswered, and signed as such: {', '.join(unanswered)}")
    return EXIT_DONE


def check_dossier(path: Path, *, key: Path | None, bundle: Path | None) -> int:
    """Say what the gate says, and beside a bundle what the control map says; 0 open, 1 prohibited, 3 unanswered."""
    content = _bytes(path, "the dossier")
    testimony = Testimony(dossier=parse_dossier(content, where=path.name), key_id=_key_id(content, path, key))
    report = None if bundle is None else read_bundle(bundle)
    observed = NOTHING_OBSERVED if report is None else observed_in(report)
    decision = gate(testimony, today=_today(), observed=observed)
    typer.echo(f"signature    {testimony.key_id or 'not verified: --key takes the public key of whoever signed'}")
    _say(decision)
    if report is not None:
        _say_map(report, testimony, decision)
    typer.echo(NOT_ADVICE)
    return _EXITS[decision.outcome]


def _say(decision: ScopeDecision) -> None:
    typer.echo(f"scope        {decision.outcome}")
    for reason in decision.reasons:
        typer.echo(f"  because    {reason.text}")
    for argument in decision.arguments:
        typer.echo(f"  argument   {argument.text}")


def _say_map(report: AuditReport, testimony: Testimony, decision: ScopeDecision) -> None:
    packs = shipped_packs()
    material = Material(report=report, testimony=testimony, decision=decision, today=_today())
    for pack, rows in control_map(packs, material):
        told = Counter(row.status for row in rows)
        counts = ", ".join(f"{told[status]} {status}" for status in Status if told[status])
        typer.echo(f"{pack.id:<12} {counts}")
    for warning in stale_warnings(packs, today=_today()):
        typer.echo(f"stale        {warning}")


def _key_id(content: bytes, path: Path, key: Path | None) -> str | None:
    """Return the key whose signature holds; None where no key was given.

    Raises:
        VerificationError: a key was given, and the signature is missing or does not hold.
    """
    if key is None:
        return None
    envelope = _bytes(path.with_name(ENVELOPE), "the signature of the dossier")
    return verify_dossier(envelope, content, _bytes(key, "the key file")).key_id


def _today() -> datetime.date:
    return now().date()


def _bytes(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise TableError(
            f"{what} cannot be read", slug="file-not-found", where=str(path), remedy="check the path"
        ) from None
