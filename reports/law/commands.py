"""The command `affidavit dossier`: new, check and sign."""

from __future__ import annotations

import datetime
from collections import Counter
from pathlib import Path
from typing import Final

from affidavit.bundle import read_bundle
from affidavit.cli.saying import say
from affidavit.errors import (
    EXIT_CRITERION_FAILED,
    EXIT_DONE,
    EXIT_INCONCLUSIVE,
    PlanError,
)
from affidavit.files import replacing
from affidavit.provenance import now
from affidavit.report import AuditReport
from affidavit.yaml_files import did_you_mean
from reports.law.control_map import Material, Status, control_map
from reports.law.dossier import parse_dossier
from reports.law.dossier_files import bytes_of, dossier_path, read_testimony
from reports.law.dossier_signing import ENVELOPE, sign_dossier
from reports.law.pack import shipped_packs
from reports.law.scope import NOTHING_OBSERVED, Outcome, ScopeDecision, observed_in
from reports.law.sections import NOT_ADVICE
from reports.law.staleness import stale_warnings
from reports.law.template import template
from reports.law.testimony import Testimony, gate
from reports.trust.key_commands import key_file, password_for
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
    file = dossier_path(path)
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
        allowed="--key with a private key, by file or by name" if missing else ", ".join(ACTIONS),
        remedy="`affidavit keys new NAME --role ROLE` makes a key" if missing else "choose one of them",
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
    say(f"{path}: every question, and no answer yet")
    return EXIT_DONE


def sign_file(path: Path, key: Path) -> int:
    """Sign a dossier: write the envelope beside it, and say what is still unanswered."""
    content = bytes_of(path, "the dossier")
    told = parse_dossier(content, where=path.name)
    file = key_file(key)
    private = bytes_of(file, "the key file")
    envelope = sign_dossier(content, told, private, today=_today(), password=password_for(private, file.name))
    with replacing(path.with_name(ENVELOPE)) as temporary:
        temporary.write_bytes(envelope)
    say(f"signed {plain(told.system)}\n{path.with_name(ENVELOPE)}")
    if unanswered := told.unanswered():
        say(f"unanswered, and signed as such: {', '.join(unanswered)}")
    return EXIT_DONE


def check_dossier(path: Path, *, key: Path | None, bundle: Path | None) -> int:
    """Say what the gate says, and beside a bundle what the control map says; 0 open, 1 prohibited, 3 unanswered."""
    testimony = read_testimony(path, key)
    report = None if bundle is None else read_bundle(bundle)
    observed = NOTHING_OBSERVED if report is None else observed_in(report)
    decision = gate(testimony, today=_today(), observed=observed)
    say(f"signature    {testimony.key_id or 'not verified: --key takes the public key of whoever signed'}")
    _say(decision)
    if report is not None:
        _say_map(report, testimony, decision)
    say(NOT_ADVICE)
    return _EXITS[decision.outcome]


def _say(decision: ScopeDecision) -> None:
    say(f"scope        {decision.outcome}")
    for reason in decision.reasons:
        say(f"  because    {reason.text}")
    for argument in decision.arguments:
        say(f"  argument   {argument.text}")


def _say_map(report: AuditReport, testimony: Testimony, decision: ScopeDecision) -> None:
    packs = shipped_packs()
    material = Material(report=report, testimony=testimony, decision=decision, today=_today())
    for pack, rows in control_map(packs, material):
        told = Counter(row.status for row in rows)
        counts = ", ".join(f"{told[status]} {status}" for status in Status if told[status])
        say(f"{pack.id:<12} {counts}")
    for warning in stale_warnings(packs, today=_today()):
        say(f"stale        {warning}")


def _today() -> datetime.date:
    return now().date()
