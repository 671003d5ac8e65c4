"""The federated audit through Flower: the server asks with the plan, a site answers with its sums or says why not.

The plan travels whole, so that a site can hold it against what its officer approved; what comes back is the file that
the site would have written. Nothing is waited for beyond the deadline, and who did not answer is named.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid
from pydantic import ValidationError

from affidavit.digests import canonical_json
from affidavit.errors import AffidavitError, FederationError
from federated.pooled.contribution import SiteCounts, read_counts
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.notes import ALONE, About, content_only, node_named
from federated.pooled.totals import added
from federated.rounds.waiting import Clock, replies
from federated.sites.app import answered
from federated.updates.local import SiteLeavesError
from federated.updates.messages import UnusableReplyError, plain_words

COUNTS: Final = "evaluate.counts"
_PLAN, _SUMS = "plan", "sums"
Count = Callable[[CountsPlan, Context], SiteCounts]
"""Counts a site's table: it holds the plan against what was approved, and raises `SiteLeavesError` where it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What came back."""

    contributions: tuple[SiteCounts, ...]
    refused: Mapping[int, str] = field(default_factory=dict)
    """Nodes whose answer cannot be used, and why."""
    left: frozenset[int] = frozenset()
    """Those of them that take no part, whenever they are asked."""
    silent: tuple[int, ...] = ()
    """Nodes that did not answer in time."""


def add_counts(app: ClientApp, count: Count) -> None:
    """Let a site's app answer federated audits."""

    @app.evaluate("counts")
    def _counts(message: Message, context: Context) -> Message:
        def made() -> RecordDict:
            sums = count(plan_of(message.content), context)
            return RecordDict({_SUMS: ConfigRecord({"json": sums.to_json()})})

        return answered(message, made)


def ask(
    grid: Grid, plan: CountsPlan, sites: Mapping[str, int], *, deadline: float, clock: Clock, about: About = ALONE
) -> Answers:
    """Ask sites, reached at these nodes, for their sums, for `deadline` seconds at most.

    Sums that name another site than the node's are refused: whoever has the node's key speaks for its site alone. So
    are sums that no table can have, so that one site's fault is not everybody's.
    """
    nodes = list(sites.values())
    names = {node: site for site, node in sites.items()}
    about.asked("counts", plan.digest, tuple(sites))
    content = about.placed(RecordDict({_PLAN: ConfigRecord({"json": canonical_json(plan.model_dump(mode="json"))})}))
    messages = [Message(content, node, COUNTS, group_id="counts") for node in nodes]
    taken: list[SiteCounts] = []
    refused: dict[int, str] = {}
    left: set[int] = set()
    seen: set[int] = set()
    for reply in replies(grid, messages, deadline=deadline, clock=clock):
        node = reply.metadata.src_node_id
        seen.add(node)
        try:
            sums = _sums_of(reply, plan, site=names.get(node))
        except SiteLeavesError as error:
            left.add(node)
            refused[node] = plain_words(f"{error.slug}: {error.words}")
        except (UnusableReplyError, AffidavitError) as error:
            refused[node] = plain_words(str(error))
        else:
            about.answered("counts", sums.site, reply)
            taken.append(sums)
        if node in refused:
            about.refused("counts", names.get(node, node_named(node)), refused[node])
    return Answers(
        contributions=tuple(taken),
        refused=refused,
        left=frozenset(left),
        silent=tuple(node for node in nodes if node not in seen),
    )


def plan_of(content: RecordDict) -> CountsPlan:
    """Return the plan that came with a question.

    Raises:
        UnusableReplyError: none did.
    """
    try:
        return CountsPlan.model_validate(json.loads(_bytes(content, _PLAN)))
    except ValidationError:
        raise UnusableReplyError("the order does not read as the plan of a federated audit") from None
    except (ValueError, RecursionError):
        raise UnusableReplyError("the order is no JSON") from None


def _sums_of(reply: Message, plan: CountsPlan, *, site: str | None) -> SiteCounts:
    counts = read_counts(_bytes(content_only(reply, _SUMS), _SUMS), where=f"node {reply.metadata.src_node_id}")
    if counts.site != site:
        raise UnusableReplyError(f"its sums are said to be of {counts.site}, and it is {site}")
    with suppress(FederationError):  # a site that withholds everything is told apart where all are added
        added(plan, [counts])
    return counts


def _bytes(content: RecordDict, name: str) -> bytes:
    record = content.config_records.get(name)
    value = None if record is None else record.get("json")
    if not isinstance(value, bytes):
        raise UnusableReplyError(f"the message has no record {name!r}")
    return value


def approved(plans: frozenset[str], count: Count) -> Count:
    """Return the count of a site that answers approved plans only, by digest."""

    def held(plan: CountsPlan, context: Context) -> SiteCounts:
        if plan.digest not in plans:
            raise SiteLeavesError("plan-not-approved", "this site's officer did not approve this plan")
        return count(plan, context)

    return held
