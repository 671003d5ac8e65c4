"""What the ClientApp answers in a federated audit: who takes part, which values there are, sums in clear, secure sums.

The order is the law: the approved file and the site's limits first (`federated.entry.audit_desk`), then the answer as
it was kept, if there was one; else the count, its cost in the ledger, the answer on disk, and only then something to
send.
"""

from __future__ import annotations

from flwr.app import Context
from flwr.clientapp import ClientApp

from affidavit.errors import BudgetSpentError
from federated.deployment.keys import officer_key
from federated.entry.audit_desk import Desk, desk_of
from federated.pooled.asking import add_counts
from federated.pooled.at_site import SiteTerms, site_counts
from federated.pooled.contribution import SiteCounts
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.inviting import add_invitation
from federated.pooled.noise import affordable
from federated.pooled.reading import reading_of
from federated.pooled.secure_site import DEARER, CountingSite, add_secure_counts
from federated.pooled.vocabulary import Draft, Vocabulary, reading_of_draft, vocabulary_of
from federated.pooled.vocabulary_asking import add_vocabulary
from federated.private_files import held
from federated.secure.terms import LEAST
from federated.updates.local import SiteLeavesError


def audit_app() -> ClientApp:
    """Return the app that answers audits at a site."""
    app = ClientApp()
    add_invitation(app, accepted)
    add_vocabulary(app, named)
    add_counts(app, counted)
    add_secure_counts(app, opened)
    return app


def accepted(plan: CountsPlan, context: Context) -> str:
    """Take part in a plan, and return the site's name.

    Raises:
        SiteLeavesError: the officer did not approve it, or the site's limits do not allow it, or a budget does not pay.
        AffidavitError: the plan, the policy or the log cannot be read.
    """
    desk = desk_of(context)
    with held(desk.answers.folder):
        desk.accept(plan)
        if plan.noise is not None and not desk.answers.counts.exists():
            _require_room(desk, plan)
    return desk.policy.site


def named(draft: Draft, context: Context) -> Vocabulary:
    """Return which values the site's table has in enough patients, the same whenever it is asked.

    Raises:
        SiteLeavesError: the officer did not approve the draft.
        AffidavitError: the table cannot be read.
    """
    desk = desk_of(context)
    asked = desk.draft(draft)
    with held(desk.answers.folder):
        before = desk.answers.vocabulary()
        if before is not None:
            return before
        predictions = desk.read(reading_of_draft(asked, columns=desk.own.columns))
        stricter = asked.model_copy(update={"floor": max(asked.floor, desk.policy.floor)})
        found = vocabulary_of(predictions, stricter, site=desk.policy.site)
        told = found.model_copy(update={"draft": asked.digest})
        desk.answers.keep_vocabulary(told)
        return told


def counted(plan: CountsPlan, context: Context) -> SiteCounts:
    """Return the sums that leave the site for the server to see, the same whenever it is asked.

    Raises:
        SiteLeavesError: the officer did not approve the plan, the site's limits do not allow it, or a budget is spent.
        AffidavitError: the table cannot be counted.
    """
    desk = desk_of(context)
    with held(desk.answers.folder):
        desk.accept(plan)
        before = desk.answers.sums(desk.limits)
        if before is not None:
            return before
        sums = _counted(desk, plan)
        desk.answers.keep_sums(sums, desk.limits)
        return sums


def opened(context: Context) -> CountingSite:
    """Return the site's part in a secure sum of counts.

    Raises:
        SiteLeavesError: the officer did not approve the plan, or the site's limits do not allow it.
        AffidavitError: the plan, the policy, the log or the key cannot be read.
    """
    desk = desk_of(context)
    plan = desk.plan()
    return CountingSite(
        site=desk.policy.site,
        key=officer_key(desk.house.key("signing")),
        plan=plan,
        terms=desk.audit.terms(plan),
        table=lambda: desk.read(reading_of(plan, columns=desk.own.columns)),
        folder=desk.answers.folder,
        minimum=max(LEAST, desk.policy.smallest_cohort),
        tell_own_rows=desk.own.own_estimates,
        ledger=desk.ledger,
        budget=desk.budget,
    )


def _counted(desk: Desk, plan: CountsPlan) -> SiteCounts:
    predictions = desk.read(reading_of(plan, columns=desk.own.columns))
    if plan.noise is not None:
        _require_room(desk, plan)
    terms = SiteTerms(
        site=desk.policy.site,
        ledger=desk.ledger,
        budget=desk.budget,
        floor=desk.policy.floor,
        tell_own_rows=desk.own.own_estimates and plan.noise is None,
        tell_data_digest=desk.own.data_digest,
    )
    try:
        sums = site_counts(predictions, plan, terms)
    except BudgetSpentError:
        raise SiteLeavesError("budget-spent", DEARER) from None
    return sums if "epsilon" in desk.policy.tells else _without_ledger(sums)


def _require_room(desk: Desk, plan: CountsPlan) -> None:
    if not affordable(plan, desk.ledger, site=desk.policy.site, budget=desk.budget):
        raise SiteLeavesError("budget-spent", DEARER)


def _without_ledger(sums: SiteCounts) -> SiteCounts:
    """Return sums that say what they cost, and not what the whole of the site's ledger has spent."""
    if sums.spent is None:
        return sums
    spent = sums.spent.model_copy(update={"ledger_epsilon": None, "ledger_head": None})
    return sums.model_copy(update={"spent": spent}).sealed()
