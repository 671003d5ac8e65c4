"""What holds of a bundle, in four parts that are told apart.

signature      who put their name to these bytes, and whom of them the reader's trust file knows
digests        whether every file is as it was written
recomputation  whether the findings follow from the tables; not where the tables stay with their owner
reproduction   whether the plan, run again, gives the report again

Each part says what holds and names every file at fault. That one part was not checked says nothing of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from affidavit.bundle import ENVELOPE, REPORT
from affidavit.errors import VerificationError
from affidavit.plan import AuditPlan
from affidavit.protocols import Progress, silent
from affidavit.records import Record
from affidavit.report import SMALL_CELLS, AuditReport
from affidavit.verification import recompute
from reports.signing import verify_envelope
from reports.trust.commitment import COMMITMENTS, Commitments, Salts, check_opening
from reports.trust.contents import Contents, open_contents
from reports.trust.faults import Fault
from reports.trust.parties import Role
from reports.trust.rows import predictions_of, table_of, with_tables
from reports.trust.signatures import Held, SignatureOutcome, hold_signatures
from reports.trust.trust_file import Standing, TrustFile
from reports.trust.wholeness import Read, page_faults, read_whole, sums_faults


class State(StrEnum):
    """What a part says."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNKNOWN_SIGNER = "valid, signer unknown"
    NOT_SIGNED = "not signed"
    NOT_CHECKED = "not checked"
    NOT_RECOMPUTABLE = "not recomputable here"


class Part(Record):
    """One of the four."""

    state: State
    said: str
    faults: tuple[Fault, ...] = ()


class VerificationReport(Record):
    """What holds of a bundle."""

    signature: Part
    digests: Part
    recomputation: Part
    reproduction: Part
    signatures: tuple[SignatureOutcome, ...]
    """Every valid one, whoever made it."""

    @property
    def parts(self) -> Mapping[str, Part]:
        """The four by name."""
        return {
            "signature": self.signature,
            "digests": self.digests,
            "recomputation": self.recomputation,
            "reproduction": self.reproduction,
        }

    @property
    def fails(self) -> bool:
        """Whether any part does not hold."""
        return any(part.state is State.FAILS for part in self.parts.values())

    @property
    def at_fault(self) -> tuple[str, ...]:
        """Every file at fault, each once."""
        return tuple(sorted({fault.file for part in self.parts.values() for fault in part.faults}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a reader brings to a bundle; nothing of it is taken from the bundle."""

    trust: TrustFile | None = None
    public_key: bytes | None = None
    """PEM, for a signature of the former kind (report.dsse.json)."""
    tables: Mapping[str, Path] = field(default_factory=dict)
    """Run to its table; `""` names the only one."""
    plan: AuditPlan | None = None
    """The plan to be run again."""
    folder: Path = field(default_factory=Path)
    """Where the plan's data lie."""
    salts: Mapping[str, Salts] = field(default_factory=dict)
    """Run to the salts of its rows, for their owner."""
    pages: bool = True
    """Whether the pages are drawn again."""


UNREADABLE: Final = "the report does not hold"


def verify(bundle: Path, asked: Asked, *, progress: Progress = silent) -> VerificationReport:
    """Return what holds of a bundle, a folder or a zip.

    Raises:
        TableError: there is no such bundle, or a table that was named.
        VerificationError: `bundle-incomplete`, it is no bundle, or the tables are not of its runs.
    """
    contents = open_contents(bundle)
    if contents.cut_short:
        return _of_a_broken_archive(contents)
    read = read_whole(contents)
    held = hold_signatures(contents, asked.trust, read.report)
    reproduction = _reproduction(read, asked, progress)
    return VerificationReport(
        signature=_signature(contents, held, asked),
        digests=_digests(contents, read, held, pages=asked.pages),
        recomputation=_recomputation(read, asked, reproduction, progress),
        reproduction=reproduction,
        signatures=held.outcomes,
    )


def _of_a_broken_archive(contents: Contents) -> VerificationReport:
    """Return what holds of an archive that is not in its one form: what is behind the fault was not read."""
    unread = Part(state=State.NOT_CHECKED, said="the archive does not hold")
    return VerificationReport(
        signature=unread,
        digests=_failed(contents.faults),
        recomputation=unread,
        reproduction=unread,
        signatures=(),
    )


def _digests(contents: Contents, read: Read, held: Held, *, pages: bool) -> Part:
    faults = [*contents.faults, *read.faults, *sums_faults(contents, held.authority)]
    if faults or read.report is None:
        return _failed(faults)
    drawn = page_faults(read.report, contents) if pages else None
    if drawn:
        return _failed(drawn)
    shown = (
        "" if not pages else "; the pages show what it says" if drawn is not None else "; other versions drew the pages"
    )
    said = f"{len(contents.signed):,} files are as they were written, the report and its exhibits as it says{shown}"
    return Part(state=State.HOLDS, said=said)


def _failed(faults: Iterable[Fault]) -> Part:
    told = tuple(dict.fromkeys(faults))
    files = list(dict.fromkeys(fault.file for fault in told))
    return Part(state=State.FAILS, said=f"at fault: {', '.join(files)}", faults=told)


def _signature(contents: Contents, held: Held, asked: Asked) -> Part:
    faults = [*held.faults, *_distrusted(held.outcomes), *_missing_roles(held.outcomes, asked.trust)]
    former = _former(contents, asked) if ENVELOPE in contents.digests else None
    if former is not None and former.state is State.FAILS:
        faults += former.faults
    if faults:
        return _failed(faults)
    if not held.outcomes:
        return former or Part(state=State.NOT_SIGNED, said="nobody signed this bundle")
    unknown = [one for one in held.outcomes if one.standing is not Standing.TRUSTED]
    if unknown:
        named = "; ".join(f"{one.name} as {one.role}: {one.because}" for one in unknown)
        return Part(state=State.UNKNOWN_SIGNER, said=named)
    return Part(state=State.HOLDS, said="; ".join(f"{one.name} as {one.role}" for one in held.outcomes))


def _distrusted(outcomes: Iterable[SignatureOutcome]) -> list[Fault]:
    """Return the signatures of which the trust file says no; that it says nothing is no fault."""
    fine = (Standing.TRUSTED, Standing.UNKNOWN)
    return [Fault(file=one.file, what=f"{one.standing}: {one.because}") for one in outcomes if one.standing not in fine]


def _missing_roles(outcomes: Iterable[SignatureOutcome], trust: TrustFile | None) -> list[Fault]:
    trusted = {one.role for one in outcomes if one.standing is Standing.TRUSTED}
    required: tuple[Role, ...] = () if trust is None else trust.require
    return [
        Fault(file="signatures", what=f"no trusted signature of the role {role}, which the trust file requires")
        for role in required
        if role not in trusted
    ]


def _former(contents: Contents, asked: Asked) -> Part:
    """Hold the signature of the former kind, which carries no key, against the key that the reader brings."""
    if asked.public_key is None:
        said = f"{ENVELOPE} carries no key: give the signer's public key to hold it against"
        return Part(state=State.NOT_CHECKED, said=said)
    if REPORT not in contents.digests:
        return _failed([Fault(file=REPORT, what="is missing")])
    others = {name: digest for name, digest in contents.signed.items() if name not in (REPORT, ENVELOPE)}
    try:
        signed = verify_envelope(contents.read(ENVELOPE), contents.read(REPORT), others, asked.public_key)
    except VerificationError as error:
        return _failed([Fault(file=ENVELOPE, what=error.what)])
    return Part(state=State.HOLDS, said=f"{ENVELOPE}, key {signed.key_id}")


def _recomputation(read: Read, asked: Asked, reproduction: Part, progress: Progress) -> Part:
    if read.report is None:
        return Part(state=State.NOT_CHECKED, said=UNREADABLE)
    if released(read.report):
        bound = "" if read.commitments is None else f"; {_committed(read.commitments)}"
        said = f"the report was released under disclosure control, and its owner has the whole one{bound}"
        return Part(state=State.NOT_RECOMPUTABLE, said=said)
    if not asked.tables and asked.plan is not None and all(run.table for run in asked.plan.runs.values()):
        return reproduction.model_copy(update={"said": f"{reproduction.said}; every run of the plan is a table"})
    if not asked.tables:
        return _without_tables(read)
    plan = with_tables(read.report, asked.tables)
    part = _again(read.report, plan, Path.cwd(), progress)
    return part if part.state is State.FAILS else _opened(read, asked, plan, part, progress)


def _without_tables(read: Read) -> Part:
    if read.commitments is None:
        return Part(state=State.NOT_CHECKED, said="no table was given")
    return Part(state=State.NOT_RECOMPUTABLE, said=_committed(read.commitments))


def _committed(commitments: Commitments) -> str:
    rows = ", ".join(one.words() for one in commitments.runs)
    return f"the rows stay with their owner, and the bundle commits to them: {rows}"


def _opened(read: Read, asked: Asked, plan: AuditPlan, part: Part, progress: Progress) -> Part:
    """Hold the commitment against the rows, where their owner brings the salts."""
    if read.report is None or read.commitments is None:
        return part
    if not asked.salts:
        return part.model_copy(update={"said": f"{part.said}; the commitment was not opened: it needs the salts"})
    found = predictions_of(read.report, plan, folder=Path.cwd(), progress=progress)
    try:
        for one in read.commitments.runs:
            if one.run not in asked.salts:
                raise _no_salts(one.run)
            check_opening(table_of(found[one.run]), asked.salts[one.run], one)
    except VerificationError as error:
        return _failed([Fault(file=COMMITMENTS, what=_in_short(error))])
    return part.model_copy(update={"said": f"{part.said}; the rows are those that the bundle commits to"})


def _no_salts(run: str) -> VerificationError:
    return VerificationError(
        f"no salts were given for the run {run}",
        slug="bundle-incomplete",
        remedy="give the salts of every run that the bundle commits to",
    )


def _reproduction(read: Read, asked: Asked, progress: Progress) -> Part:
    if read.report is None:
        return Part(state=State.NOT_CHECKED, said=UNREADABLE)
    if asked.plan is None:
        return Part(state=State.NOT_CHECKED, said="no plan was given to be run again")
    if released(read.report):
        return Part(state=State.NOT_RECOMPUTABLE, said="the report was released under disclosure control")
    return _again(read.report, asked.plan, asked.folder, progress)


def _again(report: AuditReport, plan: AuditPlan, folder: Path, progress: Progress) -> Part:
    try:
        said = recompute(report, table=None, plan=plan, folder=folder, progress=progress)
    except VerificationError as error:
        return _failed([Fault(file=REPORT, what=_in_short(error))])
    return Part(state=State.HOLDS, said=said.removeprefix("hold: "))


def released(report: AuditReport) -> bool:
    """Say whether numbers were withheld from a report, so that no table gives it again."""
    return report.marking != SMALL_CELLS


def _in_short(error: VerificationError) -> str:
    facts = "; ".join(f"{name} {text}" for name, text in (("found", error.found), ("allowed", error.allowed)) if text)
    return f"{error.what}{f' ({facts})' if facts else ''}"
