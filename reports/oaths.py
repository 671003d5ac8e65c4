"""`affidavit verify` for a bundle of before, in the words that it had: at most one signature, `report.dsse.json`."""

from __future__ import annotations

from pathlib import Path

from affidavit.bundle import ENVELOPE, RENDERINGS, REPORT, read_bundle, subjects
from affidavit.cli.progress import shown_progress
from affidavit.cli.saying import say
from affidavit.errors import EXIT_DONE, TableError, VerificationError
from affidavit.plan import read_plan
from affidavit.provenance import provenance
from affidavit.registry import Door, load
from affidavit.report import AuditReport
from affidavit.verification import recompute
from reports.signing import verify_envelope


def verify_bundle(folder: Path, *, key: Path | None, table: Path | None, plan: Path | None) -> int:
    """Verify digests, then the signature if a key is given, then the findings if a table or plan is given."""
    report = read_bundle(folder)
    say(f"digests      hold: report and {len(report.exhibits)} exhibits are as they were written")
    _verify_renderings(folder, report)
    _verify_signature(folder, key)
    if table is None and plan is None:
        say("findings     not computed again: give --table or --plan")
        return EXIT_DONE
    with shown_progress() as progress:
        difference = recompute(
            report, table=table, plan=None if plan is None else read_plan(plan), folder=_folder(plan), progress=progress
        )
    say(f"findings     {difference}")
    return EXIT_DONE


def _folder(plan: Path | None) -> Path:
    return Path.cwd() if plan is None else plan.resolve().parent


def _verify_renderings(folder: Path, report: AuditReport) -> None:
    """Render the report again and compare: people read the page, not the JSON."""
    now, then = provenance(report.plan.execution), report.provenance
    if (now.affidavit, now.packages) != (then.affidavit, then.packages):
        say("renderings   not compared: other versions wrote them")
        return
    for name in RENDERINGS:
        renderer = load(Door.RENDERERS, name)
        path = folder / f"report{renderer.suffix}"
        if path.read_bytes() != renderer.render(report):
            raise VerificationError(
                f"{path.name} does not show what {REPORT} says",
                slug="digest-mismatch",
                where=str(path),
                remedy="trust report.json alone, and ask whoever issued the report for the original",
            )
    say("renderings   hold: the pages show what report.json says")


def _verify_signature(folder: Path, key: Path | None) -> None:
    envelope = folder / ENVELOPE
    if key is None:
        state = "there is one, but no --key was given to hold it against" if envelope.exists() else "none"
        say(f"signature    {state}")
        return
    if not envelope.exists():
        raise VerificationError(
            "the bundle is not signed",
            slug="bundle-incomplete",
            where=str(envelope),
            remedy="`affidavit sign BUNDLE --key KEY --as ROLE` signs it, and `verify --trust` tells by whom",
        )
    statement = verify_envelope(envelope.read_bytes(), (folder / REPORT).read_bytes(), subjects(folder), _read(key))
    say(f"signature    holds: key {statement.key_id}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise TableError(
            "the key file cannot be read", slug="file-not-found", where=str(path), remedy="check the path"
        ) from None
