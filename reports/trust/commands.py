"""`affidavit sign`, `timestamp`, `commit`, `pack` and `verify`.

Exit codes of `verify`: 0 nothing was found that does not hold; 2 something does not hold, and the files at fault are
named; 3 every signature is valid and the trust file does not know who signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from affidavit.cli.progress import shown_progress
from affidavit.cli.saying import say
from affidavit.digests import canonical_json
from affidavit.errors import EXIT_BAD_INPUT, EXIT_DONE, EXIT_INCONCLUSIVE, PlanError, TableError, VerificationError
from affidavit.files import replacing
from affidavit.plan import read_plan
from affidavit.provenance import now
from reports.oaths import verify_bundle
from reports.trust.adding import add_commitments, add_signature, add_token
from reports.trust.archive import write_archive
from reports.trust.commitment import (
    COMMITMENTS,
    Commitments,
    Committed,
    Salts,
    commit,
    read_salts,
    write_salts,
)
from reports.trust.contents import ZIP, open_contents
from reports.trust.key_commands import key_file, no_such, password_for, role_named
from reports.trust.keys import CARD_SUFFIX, KEY_SUFFIX, read_card, read_private_key
from reports.trust.parties import Role, file_part
from reports.trust.rows import predictions_of, table_of, with_tables
from reports.trust.statements import FOLDER
from reports.trust.trust_file import read_trust
from reports.trust.verification import Asked, State, VerificationReport, verify
from reports.trust.wholeness import read_whole

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from affidavit.plan import AuditPlan
    from affidavit.report import AuditReport

SALTS_SUFFIX: Final = ".salts.parquet"
_WIDTH: Final = 14


class Brought(NamedTuple):
    """What whoever verifies or commits brings beside the bundle; the command line hands it over as a tuple."""

    tables: Sequence[str] = ()
    """FILE, or RUN=FILE where a report has several tables."""
    plan: Path | None = None
    salts: Path | None = None
    """The owner's folder of salts."""


Rows = tuple[Sequence[str], Path | None, Path | None]
"""As `Brought`."""
NOTHING: Final = Brought()


def sign(
    bundle: Path, key: Path, *, role: str | None = None, name: str | None = None, requester: str | None = None
) -> int:
    """Sign a bundle as somebody.

    Args:
        bundle: a folder, or a zip.
        key: a file, or the name of a key in the folder of keys.
        role: as what; it has to be said.
        name: who signs; else whoever stands on the card beside the key.
        requester: who asked for the audit; else whoever an earlier signature names.

    Raises:
        AffidavitError: the key, the bundle, or a rule between people.
    """
    if role is None:
        raise PlanError(
            "a signature says as what it is made",
            slug="plan-invalid",
            where="affidavit sign",
            allowed=", ".join(f"--as {one}" for one in Role),
            remedy=f"type affidavit sign {bundle} --key {key} --as reviewer --requester NAME; "
            "a lone report.dsse.json is made no more",
        )
    path = key_file(key)
    signs_as, signer = role_named(role), name or _holder_of(path)
    asked_by = requester or (signer if signs_as is Role.REQUESTER else _requester_in(bundle))
    private = _unlocked(path)
    signed = add_signature(bundle, private, name=signer, role=signs_as, requester=asked_by, signed_at=now())
    say(f"signed {signed.oath.report_digest}\nas {signs_as} {signer}, key {signed.key_id}\n{signed.file}")
    return EXIT_DONE


def timestamp(bundle: Path, token: Path) -> int:
    """Put a timestamp (RFC 3161) beside the signature that it is of.

    Raises:
        AffidavitError: the bundle does not hold, or the token is of no signature in it.
    """
    say(add_token(bundle, _bytes(token)))
    return EXIT_DONE


def commit_rows(bundle: Path, rows: Rows) -> int:
    """Commit a bundle to its rows, before anybody signs it; the salts go to their owner's folder.

    Raises:
        AffidavitError: the rows are not those of the report, the bundle is signed, or there are salts already.
    """
    brought = Brought(*rows)
    if brought.salts is None:
        raise no_such("place for the salts", "none", ["--salts FOLDER, outside of the bundle"])
    _refuse_inside(brought.salts, bundle)
    contents = open_contents(bundle)
    report = read_whole(contents).report
    if report is None:
        raise VerificationError(
            "the report does not hold",
            slug="digest-mismatch",
            where=str(bundle),
            remedy="`affidavit verify` names the file at fault",
        )
    plan, folder = _rows_of(report, brought)
    with shown_progress() as progress:
        found = predictions_of(report, plan, folder=folder, progress=progress)
    made = [commit(table_of(predictions), run=run) for run, predictions in found.items()]
    files = [_salts_file(brought.salts, i, one.commitment.run) for i, one in enumerate(made)]
    _add_with_salts(bundle, made, files)
    for one, file in zip(made, files, strict=True):
        told, n_rows = one.commitment, len(one.salts.salts)
        say(f"{told.run}: {n_rows:,} rows (the bundle does not say how many), root {told.root}")
        say(f"salts: {file} (for their owner)")
    return EXIT_DONE


def _add_with_salts(bundle: Path, made: Sequence[Committed], files: Sequence[Path]) -> None:
    """Write the salts, then the commitments that need them; no salts are left of a commitment that was refused."""
    written: list[Path] = []
    try:
        for one, file in zip(made, files, strict=True):
            write_salts(file, one.salts)
            written.append(file)
        add_commitments(bundle, Commitments(runs=tuple(one.commitment for one in made)))
    except BaseException:
        for file in written:
            file.unlink()
        raise


def pack(bundle: Path, out: Path) -> int:
    """Write a bundle's folder as its one zip; an existing file is not replaced.

    Raises:
        AffidavitError: it is no bundle, a file cannot be in one, or the zip is there already.
    """
    contents = open_contents(bundle)
    if contents.faults:
        raise VerificationError(
            contents.faults[0].line(),
            slug="digest-mismatch",
            where=str(bundle),
            remedy="take out what is no file of the bundle",
        )
    if out.exists() or out.suffix != ZIP:
        raise PlanError(
            "the zip would replace a file" if out.exists() else f"the archive is no {ZIP}",
            slug="output-exists",
            where=str(out),
            remedy=f"choose another name, ending in {ZIP}",
        )
    with replacing(out) as temporary:
        temporary.write_bytes(write_archive({name: contents.read(name) for name in contents.digests}))
    say(f"{out}: {len(contents.digests):,} files")
    return EXIT_DONE


def verify_signed(
    bundle: Path, *, trust: Path | None, key: Path | None, rows: Rows = NOTHING, as_json: bool = False
) -> int:
    """Say what holds of a bundle, in four parts, and return the exit code.

    Args:
        bundle: a folder or a zip.
        trust: the reader's trust file; it does not lie in the bundle.
        key: a public key, for a signature of the former kind.
        rows: tables, plan and salts.
        as_json: prints the whole as canonical JSON instead.

    Raises:
        AffidavitError: something that was named cannot be read.
    """
    brought = Brought(*rows)
    for path in (trust, key):
        _refuse_inside(path, bundle)
    plan = None if brought.plan is None else read_plan(brought.plan)
    asked = Asked(
        trust=None if trust is None else read_trust(trust),
        public_key=None if key is None else _bytes(key),
        tables=_named_tables(brought.tables),
        plan=plan,
        folder=Path.cwd() if brought.plan is None else brought.plan.resolve().parent,
        salts=_salts_in(brought.salts),
    )
    with shown_progress() as progress:
        found = verify(bundle, asked, progress=progress)
    if as_json:
        say(canonical_json(found.model_dump(mode="json")).decode())
    else:
        _tell(found)
    return _exit_code(found, trusting=trust is not None)


def verify_either(
    bundle: Path, *, trust: Path | None, key: Path | None, rows: Rows = NOTHING, as_json: bool = False
) -> int:
    """Verify a bundle in four parts; one as it was before there were any, in the words that it had.

    Raises:
        AffidavitError: as `verify_signed`.
    """
    brought = Brought(*rows)
    named = [Path(table) for table in brought.tables]
    parts = (bundle / FOLDER, bundle / COMMITMENTS)
    new = not bundle.is_dir() or any(part.exists() for part in parts) or len(named) > 1
    if new or as_json or trust is not None or brought.salts is not None:
        return verify_signed(bundle, trust=trust, key=key, rows=brought, as_json=as_json)
    return verify_bundle(bundle, key=key, table=named[0] if named else None, plan=brought.plan)


def _tell(found: VerificationReport) -> None:
    for name, part in found.parts.items():
        say(f"{name:<{_WIDTH}} {part.state}: {part.said}")
        for fault in part.faults:
            say(f"{'':<{_WIDTH}}   {fault.line()}")
        if name == "signature":
            for one in found.signatures:
                say(f"{'':<{_WIDTH}}   {one.line()}")


def _exit_code(found: VerificationReport, *, trusting: bool) -> int:
    if found.fails:
        return EXIT_BAD_INPUT
    doubtful = trusting and found.signature.state is not State.HOLDS
    return EXIT_INCONCLUSIVE if doubtful else EXIT_DONE


def _rows_of(report: AuditReport, brought: Brought) -> tuple[AuditPlan, Path]:
    if brought.plan is not None:
        return read_plan(brought.plan), brought.plan.resolve().parent
    return with_tables(report, _named_tables(brought.tables)), Path.cwd()


def _named_tables(tables: Sequence[str]) -> dict[str, Path]:
    named = {}
    for text in tables:
        run, _, file = text.rpartition("=") if not Path(text).exists() else ("", "", text)
        named[run] = Path(file)
    return named


def _salts_file(folder: Path, i: int, run: str) -> Path:
    return folder / f"{i + 1}-{file_part(run) or 'run'}{SALTS_SUFFIX}"


def _salts_in(folder: Path | None) -> dict[str, Salts]:
    if folder is None:
        return {}
    found = [read_salts(path) for path in sorted(folder.glob(f"*{SALTS_SUFFIX}"))]
    if not found:
        raise TableError(
            "there are no salts in this folder",
            slug="file-not-found",
            where=str(folder),
            remedy="give the folder that `affidavit commit --salts` wrote to",
        )
    return {one.run: one for one in found}


def _refuse_inside(path: Path | None, bundle: Path) -> None:
    """Refuse what a reader brings if it lies in the bundle: nothing in there says whom to believe, or is secret."""
    if path is not None and path.resolve().is_relative_to(bundle.resolve()):
        raise VerificationError(
            "this lies inside the bundle",
            slug="key-invalid",
            where=str(path),
            remedy="keep your own outside of every bundle: what comes with one vouches for nobody",
        )


def _requester_in(bundle: Path) -> str:
    from reports.trust.signatures import read_signatures

    signed, _ = read_signatures(open_contents(bundle))
    if not signed:
        raise no_such("requester", "nobody", ["--requester NAME: who asked for the audit; the first signature says it"])
    return signed[0].oath.requester


def _holder_of(key: Path) -> str:
    """Return the name on the card beside a key."""
    card = key.with_name(f"{key.name.removesuffix(KEY_SUFFIX)}{CARD_SUFFIX}")
    if not card.exists():
        raise no_such("name", "nobody", ["--name NAME: the key has no card beside it"])
    return read_card(card).name


def _unlocked(path: Path) -> Ed25519PrivateKey:
    return read_private_key(path, password=password_for(_bytes(path), path.name))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise TableError(
            "the file cannot be read", slug="file-not-found", where=str(path), remedy="check the path"
        ) from None
