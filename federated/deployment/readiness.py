"""`affidavit site check`: is everything there for this site to take part? Each part apart, each fault with a remedy."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from affidavit.corpus import Corpus
from affidavit.errors import AffidavitError
from affidavit.predictions import Reading, read_predictions
from affidavit.protocols import CorpusLoader, silent
from affidavit.provenance import Now, now
from affidavit.registry import Door, load
from federated.deployment.approvals import standing
from federated.deployment.connection import Checked, reach
from federated.deployment.data_quality import quality_lines
from federated.deployment.house import House
from federated.deployment.keys import USES, public_of, read_key
from federated.deployment.site_file import SiteFile, read_site_file
from federated.pooled.counting import require_patients
from federated.pooled.counts_plan import NAME
from federated.record.entries import Approved
from federated.record.log import read_log
from federated.record.signatures import public_hex
from federated.record.site_keys import keys_of

_REPAIR: Final = "read the line that is named, and docs/hospital.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What came of all checks."""

    checks: tuple[Checked, ...]
    quality: tuple[str, ...]
    """The data quality report, where the patients could be read."""

    @property
    def ready(self) -> bool:
        """Whether nothing is at fault."""
        return all(one.fine is not False for one in self.checks)


def readiness(house: House, *, clock: Now = now) -> Readiness:
    """Check everything; without a policy that reads, nothing else can be asked."""
    try:
        policy = read_site_file(house)
    except AffidavitError as error:
        return Readiness(checks=(_fault("policy", error),), quality=())
    told = [Checked(name="policy", fine=True, found=f"site {policy.site}"), *_own(house, policy, clock)]
    corpus, check = _corpus(house, policy)
    told += [check, *_audit(house, policy)]
    told += reach(policy.server, (house.folder / policy.ca).resolve(), clock=clock).checks()
    quality = () if corpus is None else tuple(quality_lines(corpus, floor=policy.floor))
    return Readiness(checks=tuple(told), quality=quality)


def _own(house: House, policy: SiteFile, clock: Now) -> Iterator[Checked]:
    yield _closed(house)
    yield from _keys(house)
    try:
        now_standing = standing(house.folder, clock=clock)
    except AffidavitError as error:
        yield _fault("log", error)
        return
    if now_standing.site != policy.site:
        found = f"the log is of {now_standing.site or 'no site'}, the policy of {policy.site}"
        yield Checked(name="log", fine=False, found=found, remedy="write the log's name into site.yaml")
        return
    yield Checked(name="log", fine=True, found="every line and every signature holds")
    held = [one for one in now_standing.answers.values() if isinstance(one, Approved)]
    holds = [one for one in held if now_standing.against(one.digest) is None]
    found = f"{len(holds)} digests may run" if holds else "nothing may run yet"
    yield Checked(name="approvals", fine=True if holds else None, found=found)


def _closed(house: House) -> Checked:
    mode = stat.S_IMODE(house.folder.stat().st_mode)
    if mode & 0o077:
        return Checked(
            name="folder",
            fine=False,
            found=f"others may look into it (mode {mode:o})",
            remedy=f"chmod 700 {house.folder}",
        )
    return Checked(name="folder", fine=True, found="for its owner alone")


def _keys(house: House) -> Iterator[Checked]:
    try:
        named = keys_of(line.entry for line in read_log(house.log).lines).keys
    except AffidavitError:
        named = {}
    for use in USES:
        name = f"{use} key"
        if use == "officer" and not house.key(use).exists():
            yield Checked(name=name, fine=None, found="kept elsewhere")
            continue
        try:
            key = read_key(house.key(use))
        except AffidavitError as error:
            yield _fault(name, error)
            continue
        public = house.public(use).read_bytes() if house.public(use).exists() else b""
        if public != public_of(key) or named.get(use) != public_hex(key):
            found = "its public half, or the log, names another one"
            remedy = "put both halves back that belong together, or `affidavit site rotate-key`"
            yield Checked(name=name, fine=False, found=found, remedy=remedy)
            continue
        yield Checked(name=name, fine=True, found="both halves, and the log names it")


def _corpus(house: House, policy: SiteFile) -> tuple[Corpus | None, Checked]:
    if policy.corpus is None and policy.audit is not None:
        return None, Checked(name="corpus", fine=None, found="site.yaml names none: nothing is trained here")
    if policy.corpus is None:
        remedy = "write `corpus` into site.yaml: a loader and where the patients are"
        return None, Checked(name="corpus", fine=False, found="site.yaml names none", remedy=remedy)
    try:
        loader: CorpusLoader = load(Door.CORPORA, policy.corpus.name)
        corpus = loader.load(policy.corpus.options, folder=house.folder, progress=silent)
    except AffidavitError as error:
        return None, _fault("corpus", error)
    n_units = len({one.unit for one in corpus.utterances})
    if n_units < policy.floor:
        found = f"fewer than {policy.floor} patients"
        return None, Checked(
            name="corpus", fine=False, found=found, remedy="no count of so few may leave: take no part"
        )
    return corpus, Checked(name="corpus", fine=True, found="the patients can be read")


def _audit(house: House, policy: SiteFile) -> Iterator[Checked]:
    """Check the table that audits count; what a plan asks of it is known when there is one."""
    if policy.audit is None:
        return
    try:
        predictions = read_predictions(
            house.folder / policy.audit.table, Reading(run="own", by=(), columns=policy.audit.columns)
        )
        require_patients(predictions)
    except AffidavitError as error:
        yield _fault("audit", error)
        return
    if predictions.n_units < policy.floor:
        found = f"the table has fewer than {policy.floor} patients"
        yield Checked(name="audit", fine=False, found=found, remedy="nothing of so few may leave: answer no audit")
        return
    if NAME not in policy.examinations:
        remedy = f"write {NAME} under examinations, where audits are to be answered"
        yield Checked(name="audit", fine=None, found=f"no audit is answered: {remedy}")
        return
    yield Checked(name="audit", fine=True, found=f"the table can be read; exact sums: {policy.audit.exact_sums}")


def _fault(name: str, error: AffidavitError) -> Checked:
    """Return a fault without what was found: a row of patients may stand there, and this report may leave."""
    where = f"{error.where}: " if error.where else ""
    return Checked(name=name, fine=False, found=f"{where}{error.what}", remedy=error.remedy or _REPAIR)
