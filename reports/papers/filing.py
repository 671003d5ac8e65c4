"""The command `affidavit file`: lays papers beside a report and draws its pages again, before anybody signs.

Laws: a bundle that somebody signed is not touched; a bundle that does not hold is not filed; the former papers go, so
that what stands in a bundle was filed on one day; all of it is written or nothing.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from affidavit.bundle import ENVELOPE as FORMER_ENVELOPE
from affidavit.bundle import RENDERINGS, SUMS, read_bundle
from affidavit.cli.saying import say
from affidavit.errors import EXIT_CRITERION_FAILED, EXIT_DONE, EXIT_INCONCLUSIVE, PlanError
from affidavit.files import replacing, replacing_folder
from affidavit.provenance import now
from affidavit.registry import Door, load
from affidavit.report import AuditReport
from reports.law.dossier import parse_dossier
from reports.law.dossier_files import bytes_of, dossier_path
from reports.law.dossier_signing import ENVELOPE as ENVELOPE_FILE
from reports.law.dossier_signing import verify_dossier
from reports.law.scope import Outcome, observed_in
from reports.law.testimony import gate
from reports.papers.changes import Changes, changes_since
from reports.papers.folder import (
    DOSSIER,
    ENVELOPE,
    FILING,
    FOLDER,
    PUBLIC_KEY,
    WAIVERS,
    Filing,
    parse_waivers,
    read_papers,
)
from reports.papers.papers import Papers
from reports.papers.rendering import rendered_with
from reports.trust.adding import held_report
from reports.trust.archive import write_archive
from reports.trust.contents import Contents, open_contents
from reports.trust.key_commands import card_file
from reports.trust.keys import public_key_in, public_pem
from reports.trust.sums import sums_text

_EXITS: Final = {
    Outcome.ALLOWED: EXIT_DONE,
    Outcome.PROHIBITED: EXIT_CRITERION_FAILED,
    Outcome.UNANSWERED: EXIT_INCONCLUSIVE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What is to be filed; paths of the user's files."""

    dossier: Path | None = None
    """`dossier.yaml` or its folder."""
    key: Path | None = None
    """The public key of whoever signed the dossier."""
    waivers: Path | None = None
    since: Sequence[Path] = ()
    """Bundles of earlier audits, or of comparisons of their tables with this one's."""
    valid_until: datetime.date | None = None


def file_papers(
    bundle: Path,
    *,
    dossier: tuple[Path | None, Path | None],
    waivers: Path | None,
    since: Sequence[Path],
    valid_until: datetime.date | None,
) -> int:
    """Do what `affidavit file` asks; see `file_bundle`. The dossier comes with the public key of whoever signed it."""
    path, key = dossier
    return file_bundle(
        bundle, Brought(dossier=path, key=key, waivers=waivers, since=since, valid_until=valid_until)
    )  # fmt: skip


def file_bundle(bundle: Path, brought: Brought) -> int:
    """File papers with a bundle; 0, or what the scope gate says where a dossier was filed: 1 prohibited, 3 unanswered.

    Raises:
        PlanError: somebody signed the bundle, nothing was brought, or the last day lies in the past.
        VerificationError: the bundle does not hold, or a signature over the dossier does not.
        AffidavitError: something that was named cannot be read.
    """
    contents = open_contents(bundle)
    report = held_report(contents)
    _refuse_signed(contents)
    today = now().date()
    _refuse_past(brought.valid_until, today)
    added = _papers(report, brought, today)
    papers = read_papers(added, lambda name: added[name], report)
    _write(contents, report, added, papers)
    say(f"filed on {today.isoformat()}: {', '.join(sorted(added))}")
    if papers.testimony.dossier is None:
        return EXIT_DONE
    decision = gate(papers.testimony, today=today, observed=observed_in(report))
    say(f"scope {decision.outcome}: {decision.reasons[0].text}")
    return _EXITS[decision.outcome]


def _papers(report: AuditReport, brought: Brought, today: datetime.date) -> dict[str, bytes]:
    """Return the files of `papers/`."""
    files: dict[str, bytes] = {}
    key_id = None
    if brought.dossier is not None:
        path = dossier_path(brought.dossier)
        files[DOSSIER] = bytes_of(path, "the dossier")
        parse_dossier(files[DOSSIER], where=path.name)
        if brought.key is not None:
            files[ENVELOPE] = bytes_of(path.with_name(ENVELOPE_FILE), "the signature of the dossier")
            card = bytes_of(card_file(brought.key), "the key file")
            files[PUBLIC_KEY] = public_pem(public_key_in(card)).encode()
            key_id = verify_dossier(files[ENVELOPE], files[DOSSIER], files[PUBLIC_KEY]).key_id
    if brought.waivers is not None:
        files[WAIVERS] = bytes_of(brought.waivers, "the file of waivers")
        parse_waivers(files[WAIVERS], where=brought.waivers.name)
    filing = Filing(
        filed_on=today,
        valid_until=brought.valid_until,
        dossier_key_id=key_id,
        changes=tuple(_changes(report, path) for path in brought.since),
    )
    if not files and not filing.changes and filing.valid_until is None:
        raise PlanError(
            "there is nothing to file",
            slug="plan-impossible",
            where="affidavit file",
            allowed="--dossier, --waivers, --since and --valid-until",
            remedy="name at least one of them; `affidavit dossier new` begins a dossier",
        )
    return {**files, FILING: filing.to_json()}


def _changes(report: AuditReport, earlier: Path) -> Changes:
    return changes_since(report, read_bundle(earlier), name=earlier.resolve().name)


def _write(contents: Contents, report: AuditReport, added: Mapping[str, bytes], papers: Papers) -> None:
    """Write the bundle anew: what was there but its former papers, the new ones, pages drawn from both, and sums."""
    files = {name: contents.read(name) for name in contents.digests if not name.startswith(FOLDER) and name != SUMS}
    files |= added
    for name in RENDERINGS:
        renderer = load(Door.RENDERERS, name)
        files[f"report{renderer.suffix}"] = rendered_with(renderer, report, papers)
    files[SUMS] = sums_text({name: hashlib.sha256(content).hexdigest() for name, content in files.items()})
    if contents.where.is_file():
        with replacing(contents.where) as temporary:
            temporary.write_bytes(write_archive(files))
        return
    with replacing_folder(contents.where) as folder:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)


def _refuse_signed(contents: Contents) -> None:
    if contents.envelopes or FORMER_ENVELOPE in contents.digests:
        raise PlanError(
            "somebody has signed this bundle, and filing would change it",
            slug="output-exists",
            where=str(contents.where),
            allowed="a bundle that nobody signed",
            remedy="file papers first and sign then; of a signed bundle, take a copy without its signatures/",
        )


def _refuse_past(valid_until: datetime.date | None, today: datetime.date) -> None:
    if valid_until is not None and valid_until < today:
        raise PlanError(
            "the last day of the report lies in the past",
            slug="plan-impossible",
            where="affidavit file --valid-until",
            found=valid_until.isoformat(),
            allowed=f"{today.isoformat()} or later",
            remedy="name a day on which the report shall still be relied on",
        )
