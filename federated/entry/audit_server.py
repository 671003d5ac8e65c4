"""What the ServerApp does for an audit: asks the sites of the plan, writes down what came of it, and the report.

OUT/                     the report's bundle: there where, and only where, the audit was done
OUT.audit.jsonl          the record, to be held against the sites' logs
OUT.plan.yaml            the plan that was counted by, with its vocabulary
OUT.counts/SITE.counts.json   each site's sums as they came, where the server sees them

A site answers a plan once and says the same again, so that an audit that failed is asked for again as it is; but for a
secure sum that was opened, which no site gives a second time.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from flwr.app import Context
from flwr.serverapp import Grid

from affidavit.bundle import write_bundle
from affidavit.digests import canonical_json
from affidavit.errors import AffidavitError, FederationError
from affidavit.files import check_place, replacing
from affidavit.report import AuditReport
from federated.entry.audit_plan import FederatedAudit, read_federated_audit
from federated.entry.places import OUT, named_folder, plan_of, require_free
from federated.entry.versions import versions_of
from federated.pooled.asking import ask
from federated.pooled.contribution import SUFFIX, SiteCounts, write_counts
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.inviting import Invited, invite
from federated.pooled.notes import About
from federated.pooled.report import federated_report
from federated.pooled.secure_asking import ask_securely
from federated.pooled.totals import Totals, added
from federated.pooled.vocabulary import Draft
from federated.pooled.vocabulary_asking import ask_vocabulary
from federated.record.audit_entries import AuditAsked, AuditEnded, AuditFailed, AuditOpened
from federated.record.log import RunLog, read_log
from federated.rounds.waiting import Clock, MonotonicClock
from federated.updates.messages import plain_words

LOG: Final = logging.getLogger("affidavit.server")


def serve_audit(grid: Grid, context: Context, *, clock: Clock | None = None) -> AuditReport:
    """Ask for the audit of the plan that the run names, and leave its report in the folder that it names.

    Raises:
        PlanError: the plan is at fault, or the folder holds something.
        FederationError: too few sites answered, or their secure sum did not come about: then there is no report.
        VerificationError: the total cannot be a sum over patients.
    """
    path, place = plan_of(context), named_folder(context, OUT)
    audit = read_federated_audit(path)
    require_free(place)
    check_place(place)
    record = place.parent / f"{place.name}.audit.jsonl"
    with RunLog(record) as log:
        log.write(
            AuditOpened.model_validate(
                {**versions_of(grid, path), "run": audit.run, "told": audit.told, "sites": _sites(audit)}
            )
        )
        server = Server(
            grid=grid,
            audit=audit,
            place=place,
            record=record,
            clock=clock or MonotonicClock(),
            about=About(run=audit.run, note=log.write),
        )
        try:
            totals = server.totals()
            report = federated_report(totals)
        except AffidavitError as error:
            log.write(AuditFailed(run=audit.run, because=plain_words(f"{error.slug}: {error.what}")))
            raise
        log.write(
            AuditEnded(
                run=audit.run,
                plan=totals.plan.digest,
                sites=tuple(sorted({*totals.contributors, *totals.silent})),
                report=report.report_digest,
            )
        )
        written(report, place)
    return report


def written(report: AuditReport, place: Path) -> None:
    """Write the report, and its pages where this machine can draw them.

    What is signed is on disk first: a page that cannot be drawn (the rooms that draw are no part of a bundle of code)
    takes nothing away from an audit that the sites answer once.
    """
    write_bundle(report, place, renderings=())
    try:
        write_bundle(report, place)
    except Exception:  # whatever the machine lacks; what is signed is there
        LOG.exception("no pages were drawn of the report; what is signed is in %s", place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One audit, asked for once."""

    grid: Grid
    audit: FederatedAudit
    place: Path
    record: Path
    """Where it is written down, with what was asked before."""
    clock: Clock
    about: About

    def totals(self) -> Totals:
        """Return the totals over the sites that answered.

        Raises:
            FederationError: they are too few, or their sum did not come about.
            AffidavitError: no plan can be made of what they named, or the total cannot be.
        """
        nodes = self._connected()
        plan, nodes = self._plan(nodes)
        with replacing(self.place.parent / f"{self.place.name}.plan.yaml") as temporary:
            temporary.write_text(_as_yaml(plan), encoding="utf-8")
        invited = invite(self.grid, plan, nodes, deadline=self.audit.deadline, clock=self.clock, about=self.about)
        self._require_enough(invited.sites, f"take part{_said(invited)}")
        if plan.told == "secure":
            answers = ask_securely(
                self.grid,
                self.audit.terms(plan),
                invited.sites,
                clock=self.clock,
                patience=replace(self.audit.patience, before=self._attempts(plan)),
                about=self.about,
            )
            return answers.totals(plan)
        return added(plan, self._counts(plan, invited.sites))

    def _attempts(self, plan: CountsPlan) -> int:
        """Return how often sites were asked to sum this plan, in this run and in those before it."""
        asked = [entry for entry in read_log(self.record).of(AuditAsked) if entry.what == "counts"]
        return max((entry.attempt for entry in asked if entry.plan == plan.digest), default=0)

    def _connected(self) -> list[int]:
        """Return the nodes that are connected, as soon as they are as many as the plan has sites, or time is up."""
        until = self.clock.now() + self.audit.deadline
        while True:
            nodes = list(self.grid.get_node_ids())
            if len(nodes) >= len(self.audit.audit.sites) or self.clock.now() >= until:
                return nodes
            self.clock.pause()

    def _plan(self, nodes: list[int]) -> tuple[CountsPlan, list[int]]:
        """Return the plan, and the nodes that are asked by it: of a draft those that named what they have."""
        asked = self.audit.audit
        if not isinstance(asked, Draft):
            return asked, nodes
        named = ask_vocabulary(
            self.grid, asked, nodes, deadline=self.audit.deadline, clock=self.clock, about=self.about
        )
        self._require_enough(named.sites, f"named what they have{_words(named.refused)}")
        return named.plan(), list(named.sites.values())

    def _counts(self, plan: CountsPlan, sites: Mapping[str, int]) -> list[SiteCounts]:
        """Return what sites send for the server to see; who did not answer is asked again."""
        taken: dict[str, SiteCounts] = {}
        refused: dict[int, str] = {}
        waiting = dict(sites)
        for attempt in range(1, self.audit.attempts + 1):
            answers = ask(
                self.grid,
                plan,
                waiting,
                deadline=self.audit.deadline,
                clock=self.clock,
                about=replace(self.about, attempt=attempt),
            )
            refused |= answers.refused
            for sums in answers.contributions:
                taken[sums.site] = sums
                folder = self.place.parent / f"{self.place.name}.counts"
                write_counts(sums, folder / f"{sums.site}{SUFFIX}")
            waiting = {site: node for site, node in waiting.items() if site not in taken and node not in answers.left}
            if not waiting:
                break
        self._require_enough(taken, f"sent sums{_words(refused)}")
        return list(taken.values())

    def _require_enough(self, sites: Mapping[str, object], did: str) -> None:
        least = self.audit.quorum
        if len(sites) >= least:
            return
        raise FederationError(
            "too few sites answered the audit, and there is no report",
            slug="quorum-missed",
            where=f"federated audit of {len(self.audit.audit.sites)} sites",
            found=f"{len(sites)} {did}" if not sites else f"{', '.join(sorted(sites))} {did}",
            allowed=f"{least} or more",
            remedy="see in the record what became of the others; ask again when they can answer: sites that did say "
            "the same again",
        )


def _sites(audit: FederatedAudit) -> dict[str, str]:
    secure = audit.told == "secure"
    return {site: audit.keys[site] if secure else "no key: sums in clear" for site in audit.audit.sites}


def _said(invited: Invited) -> str:
    silent = f"; {len(invited.silent)} did not answer" if invited.silent else ""
    return f"{silent}{_words(invited.refused)}"


def _words(refused: Mapping[int, str]) -> str:
    said = "; ".join(sorted(set(refused.values())))
    return f" ({said[:600]})" if said else ""


def _as_yaml(plan: CountsPlan) -> str:
    import yaml

    text: str = yaml.safe_dump(
        json.loads(canonical_json(plan.model_dump(mode="json", exclude_defaults=True))), sort_keys=False
    )
    return text
