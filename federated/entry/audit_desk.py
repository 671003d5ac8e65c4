"""What a site holds an audit's question against: the file that its officer approved, and the limits of its own policy.

Law: nothing is counted, and nothing named, for a file that the officer did not approve or took back, whatever came in
the message; a limit of `site.yaml` binds where the plan is laxer. Asked for on each message.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from flwr.app import Context

from affidavit.digests import file_digest
from affidavit.errors import PlanError
from affidavit.predictions import Predictions, Reading, read_predictions
from federated.deployment.approvals import standing
from federated.deployment.house import House
from federated.deployment.node import FOLDER
from federated.deployment.site_file import SiteAudit, SiteFile, read_site_file
from federated.entry.audit_answers import Answers
from federated.entry.audit_plan import FederatedAudit, read_federated_audit
from federated.entry.places import OWN_AUDIT, site_folder
from federated.pooled.counts_plan import NAME, CountsPlan
from federated.pooled.vocabulary import Draft, follows, names_all_of
from federated.updates.local import SiteLeavesError
from privacy.ledger.events import Budget

_UNPROTECTED: Final = "plan-unprotected"
_OTHER: Final = "plan-not-approved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A site that may answer an audit."""

    house: House
    policy: SiteFile
    own: SiteAudit
    """What its policy says of audits."""
    audit: FederatedAudit
    """The approved file."""
    answers: Answers

    @property
    def ledger(self) -> Path:
        """Where noise is counted: with all private training of the site."""
        return self.house.folder / "ledger.jsonl"

    @property
    def budget(self) -> Budget | None:
        """What answers and trainings may cost together."""
        given = self.policy.budget
        return None if given is None else Budget(epsilon=given.epsilon, delta=given.delta)

    @property
    def limits(self) -> dict[str, Any]:
        """What sums depend on beside plan and table."""
        return {"floor": self.policy.floor, "audit": self.own.model_dump(mode="json")}

    def plan(self) -> CountsPlan:
        """Return the plan by which is counted.

        Raises:
            SiteLeavesError: none was accepted yet, and the approved file is a draft.
        """
        asked = self.audit.audit
        found = asked if isinstance(asked, CountsPlan) else self.answers.plan()
        if found is None:
            raise SiteLeavesError(_OTHER, "this site accepted no plan that follows from the approved draft")
        self.require_limits(found)
        return found

    def accept(self, plan: CountsPlan) -> None:
        """Take part in a plan, and in no other one that follows from the same draft.

        Raises:
            SiteLeavesError: it is not what was approved, or the site's own limits do not allow it.
        """
        asked = self.audit.audit
        if isinstance(asked, CountsPlan):
            if plan.digest != asked.digest:
                raise SiteLeavesError(_OTHER, "the plan that came is not the one that this site's officer approved")
            self.require_limits(plan)
            return
        named = self.answers.vocabulary()
        if not follows(plan, asked) or named is None or not names_all_of(plan, named):
            words = "the plan that came does not follow from the approved draft, or lacks values that this site named"
            raise SiteLeavesError(_OTHER, words)
        self.require_limits(plan)
        self.answers.accept(plan)

    def draft(self, came: Draft) -> Draft:
        """Return the draft that the vocabulary is asked by.

        Raises:
            SiteLeavesError: it is not what was approved.
        """
        asked = self.audit.audit
        if not isinstance(asked, Draft) or came.digest != asked.digest:
            raise SiteLeavesError(_OTHER, "the draft that came is not what this site's officer approved")
        return asked

    def require_limits(self, plan: CountsPlan) -> None:
        """Hold a plan against the site's own limits.

        Raises:
            SiteLeavesError: they do not allow it.
        """
        if plan.noise is None:
            allowed = {"never": (), "secure": ("secure",), "plain": ("secure", "plain")}[self.own.exact_sums]
            if plan.told not in allowed:
                words = (
                    f"site.yaml says exact_sums: {self.own.exact_sums}, and the plan asks for exact sums, {plan.told}"
                )
                raise SiteLeavesError(_UNPROTECTED, words)
            if plan.told == "secure" and plan.floor < self.policy.floor:
                words = f"the total would be told of groups of {plan.floor} patients, and this site's floor is larger"
                raise SiteLeavesError(_UNPROTECTED, words)
        elif self.policy.budget is None or plan.noise.delta > self.policy.budget.delta:
            raise SiteLeavesError(_UNPROTECTED, "this site has no budget for noised counts, or one at a smaller delta")

    def read(self, reading: Reading) -> Predictions:
        """Return the site's table, where it holds enough patients.

        Raises:
            SiteLeavesError: it holds fewer than the floor.
            AffidavitError: it cannot be read.
        """
        predictions = read_predictions(self.house.folder / self.own.table, reading)
        if predictions.n_units < self.policy.floor:
            words = f"this site has fewer than {self.policy.floor} patients to count, and nothing of so few leaves it"
            raise SiteLeavesError("too-few-patients", words)
        return predictions


def desk_of(context: Context) -> Desk:
    """Return the site that a message came to.

    Raises:
        SiteLeavesError: its officer did not approve the file in its folder, or its policy allows no audit.
        AffidavitError: file, policy or log cannot be read.
    """
    folder = site_folder(context)
    if folder is None:
        raise PlanError(
            "the node is no site, and an audit is asked of sites",
            slug="plan-impossible",
            where="node configuration",
            found=f"no {FOLDER}",
            remedy="start it with `affidavit site run`",
        )
    house, path = House(folder=folder), folder / OWN_AUDIT
    digest = _approved(folder, path)
    policy = read_site_file(house)
    if NAME not in policy.examinations or policy.audit is None:
        words = f"site.yaml does not list {NAME} under examinations, or names no table under audit"
        raise SiteLeavesError("examination-not-allowed", words)
    audit = read_federated_audit(path)
    if policy.site not in audit.audit.sites:
        raise SiteLeavesError(_OTHER, "the approved audit does not name this site")
    kept = house.private / "audits" / digest.removeprefix("sha256:")[:24]
    return Desk(
        house=house, policy=policy, own=policy.audit, audit=audit, answers=Answers(folder=kept, site=policy.site)
    )


def _approved(folder: Path, path: Path) -> str:
    """Return the digest of the approved file.

    Raises:
        SiteLeavesError: there is none, or it is not approved now.
    """
    if not path.is_file():
        raise SiteLeavesError(_OTHER, f"there is no {OWN_AUDIT} in this site's folder")
    digest = file_digest(path)
    because = standing(folder).against(digest)
    if because is not None:
        raise SiteLeavesError(_OTHER, f"this site does not answer the audit {digest}: {because}")
    return digest
