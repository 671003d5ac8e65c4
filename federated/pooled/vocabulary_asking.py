"""The first round of a federated audit over Flower: who is at which node, and what its vocabulary is.

A name belongs to the node that said it first. Sites answer drafts that their officer approved, like plans; what comes
back names values, and no number.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid
from pydantic import ValidationError

from affidavit.digests import canonical_json
from affidavit.errors import AffidavitError
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.notes import ALONE, About, content_only, node_named
from federated.pooled.vocabulary import Draft, Vocabulary, plan_from, read_vocabulary
from federated.rounds.waiting import Clock, replies
from federated.sites.app import answered
from federated.updates.local import SiteLeavesError
from federated.updates.messages import UnusableReplyError, plain_words

VOCABULARY: Final = "evaluate.vocabulary"
_DRAFT, _NAMED = "draft", "named"
MOST_BYTES: Final = 4 * 2**20
"""Of one site's vocabulary."""
Tell = Callable[[Draft, Context], Vocabulary]
"""Names what a site's table holds: it holds the draft against what was approved, and raises `SiteLeavesError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What came back."""

    draft: Draft
    vocabularies: tuple[Vocabulary, ...]
    sites: Mapping[str, int]
    """Where each site that answered is reached."""
    refused: Mapping[int, str] = field(default_factory=dict)
    """Nodes whose answer cannot be used, and why."""
    silent: tuple[int, ...] = ()
    """Nodes that did not answer in time."""

    def plan(self) -> CountsPlan:
        """Return the plan that lists every value which some site named.

        Raises:
            PlanError: none can be made.
        """
        return plan_from(self.draft, self.vocabularies)


def add_vocabulary(app: ClientApp, tell: Tell) -> None:
    """Let a site's app answer which values it has."""

    @app.evaluate("vocabulary")
    def _vocabulary(message: Message, context: Context) -> Message:
        def made() -> RecordDict:
            named = tell(_draft_of(message.content), context)
            return RecordDict({_NAMED: ConfigRecord({"json": canonical_json(named.model_dump(mode="json"))})})

        return answered(message, made)


def ask_vocabulary(
    grid: Grid, draft: Draft, nodes: Iterable[int], *, deadline: float, clock: Clock, about: About = ALONE
) -> Named:
    """Ask nodes who they are and what they name, for `deadline` seconds at most."""
    asked = list(nodes)
    about.asked("vocabulary", draft.digest, tuple(map(node_named, asked)))
    content = about.placed(RecordDict({_DRAFT: ConfigRecord({"json": canonical_json(draft.model_dump(mode="json"))})}))
    messages = [Message(content, node, VOCABULARY, group_id="vocabulary") for node in asked]
    taken: dict[str, Vocabulary] = {}
    sites: dict[str, int] = {}
    refused: dict[int, str] = {}
    for reply in replies(grid, messages, deadline=deadline, clock=clock):
        node = reply.metadata.src_node_id
        try:
            named = _named(reply, draft)
            if named.site in taken:
                raise UnusableReplyError(f"another node answered as {named.site}")
        except SiteLeavesError as error:
            refused[node] = plain_words(f"{error.slug}: {error.words}")
        except (UnusableReplyError, AffidavitError) as error:
            refused[node] = plain_words(str(error))
        else:
            about.answered("vocabulary", named.site, reply)
            taken[named.site], sites[named.site] = named, node
        if node in refused:
            about.refused("vocabulary", node_named(node), refused[node])
    heard = {*sites.values(), *refused}
    return Named(
        draft=draft,
        vocabularies=tuple(taken[site] for site in sorted(taken)),
        sites=sites,
        refused=refused,
        silent=tuple(node for node in asked if node not in heard),
    )


def _named(reply: Message, draft: Draft) -> Vocabulary:
    written = _bytes(content_only(reply, _NAMED), _NAMED)
    if len(written) > MOST_BYTES:
        raise UnusableReplyError("it names far too much")
    named = read_vocabulary(written, where=f"node {reply.metadata.src_node_id}")
    if named.draft != draft.digest or named.site not in draft.sites:
        raise UnusableReplyError("it answers another draft, or the draft does not name it")
    return named


def _draft_of(content: RecordDict) -> Draft:
    try:
        return Draft.model_validate(json.loads(_bytes(content, _DRAFT)))
    except ValidationError:
        raise UnusableReplyError("the order does not read as the draft of a federated audit") from None
    except (ValueError, RecursionError):
        raise UnusableReplyError("the order is no JSON") from None


def _bytes(content: RecordDict, name: str) -> bytes:
    record = content.config_records.get(name)
    value = None if record is None else record.get("json")
    if not isinstance(value, bytes):
        raise UnusableReplyError(f"the message has no record {name!r}")
    return value
