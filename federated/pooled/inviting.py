"""The question before the counting, over Flower: who is at which node, and does it take part in this plan?

A site accepts the plan that its officer approved, or one that follows from the draft that they approved, and keeps to
the one that it accepted. A name belongs to the node that said it first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid

from affidavit.digests import canonical_json
from federated.pooled.asking import plan_of
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.notes import ALONE, About, content_only, node_named
from federated.rounds.waiting import Clock, replies
from federated.sites.app import answered
from federated.updates.local import SiteLeavesError
from federated.updates.messages import UnusableReplyError, plain_words

INVITATION: Final = "query.audit"
_PLAN, _ACCEPTS = "plan", "accepts"
Accept = Callable[[CountsPlan, Context], str]
"""Returns the site's name: it holds the plan against what was approved, and raises `SiteLeavesError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """What came back."""

    sites: Mapping[str, int]
    """Where each site that takes part is reached."""
    refused: Mapping[int, str] = field(default_factory=dict)
    """Nodes that do not, or whose answer cannot be used, and why."""
    silent: tuple[int, ...] = ()
    """Nodes that did not answer in time."""


def add_invitation(app: ClientApp, accept: Accept) -> None:
    """Let a site's app answer whether it takes part."""

    @app.query("audit")
    def _invited(message: Message, context: Context) -> Message:
        def made() -> RecordDict:
            plan = plan_of(message.content)
            return RecordDict({_ACCEPTS: ConfigRecord({"site": accept(plan, context), "plan": plan.digest})})

        return answered(message, made)


def invite(
    grid: Grid, plan: CountsPlan, nodes: Iterable[int], *, deadline: float, clock: Clock, about: About = ALONE
) -> Invited:
    """Ask nodes who they are and whether they take part in a plan, for `deadline` seconds at most."""
    asked = list(nodes)
    about.asked("invitation", plan.digest, tuple(map(node_named, asked)))
    content = about.placed(RecordDict({_PLAN: ConfigRecord({"json": canonical_json(plan.model_dump(mode="json"))})}))
    messages = [Message(content, node, INVITATION, group_id="invitation") for node in asked]
    sites: dict[str, int] = {}
    refused: dict[int, str] = {}
    for reply in replies(grid, messages, deadline=deadline, clock=clock):
        node = reply.metadata.src_node_id
        try:
            site = _accepted(reply, plan, taken=frozenset(sites))
        except SiteLeavesError as error:
            refused[node] = plain_words(f"{error.slug}: {error.words}")
        except UnusableReplyError as error:
            refused[node] = plain_words(str(error))
        else:
            about.answered("invitation", site, reply)
            sites[site] = node
        if node in refused:
            about.refused("invitation", node_named(node), refused[node])
    heard = {*sites.values(), *refused}
    return Invited(sites=sites, refused=refused, silent=tuple(node for node in asked if node not in heard))


def _accepted(reply: Message, plan: CountsPlan, *, taken: frozenset[str]) -> str:
    said = content_only(reply, _ACCEPTS).config_records.get(_ACCEPTS)
    site, digest = ("", "") if said is None else (said.get("site"), said.get("plan"))
    if not isinstance(site, str) or site not in plan.sites or digest != plan.digest:
        raise UnusableReplyError("it accepts another plan, or the plan does not name it")
    if site in taken:
        raise UnusableReplyError(f"another node answered as {site}")
    return site
