"""Who takes part: a site by its name, the node that it is reached at, and who took its leave."""

from __future__ import annotations

from flwr.app import Message
from flwr.serverapp import Grid

from federated.rounds.events import Note, SiteJoined, SiteLeft, SiteRefused
from federated.rounds.waiting import Clock, Post
from federated.updates.local import SiteFacts, SiteLeavesError
from federated.updates.messages import HELLO, UnusableReplyError, hello, plain_words, read_facts


class Sites:
    """The sites that are known, and those that left.

    A name belongs to the node that said it first, for as long as that one is connected: another one that says the same
    is refused, whoever is right. A hospital that comes back as another node has its name again.
    """

    def __init__(self, *, allowed: frozenset[str] | None, layout: str, clock: Clock, note: Note) -> None:
        self._allowed, self._layout, self._clock, self._note = allowed, layout, clock, note
        self._facts: dict[str, SiteFacts] = {}
        self._nodes: dict[str, int] = {}
        self._present: frozenset[int] = frozenset()
        self._asked: set[int] = set()
        self._posts: list[Post] = []
        """Questions that somebody has not answered: an answer that comes late counts from then on."""
        self._refused: dict[int, str] = {}
        """Nodes that were not taken, and why; each is asked again before the next attempt."""
        self._waited_for: set[int] = set()
        """Nodes that did not answer yet."""
        self._silent: set[int] = set()
        """Those of them of whom that is noted."""
        self.left: set[str] = set()

    @property
    def names(self) -> list[str]:
        """Sites that take part, in order."""
        return sorted(set(self._facts) - self.left)

    def facts(self, site: str) -> SiteFacts:
        """Return what a site told of itself."""
        return self._facts[site]

    def node(self, site: str) -> int:
        """Return where a site is reached."""
        return self._nodes[site]

    def at(self, node: int) -> str:
        """Return who is reached at a node; a number in words where nobody is known there."""
        return next((site for site, place in self._nodes.items() if place == node), f"node {node}")

    def over(self, least: int) -> bool:
        """Say whether so many took their leave that there can be no other round, whoever comes."""
        if self._allowed is not None:
            return len(self._allowed - self.left) < least
        return len(self.names) < least <= len(self._facts.keys() | self.left)

    def join(self, grid: Grid, *, least: int, deadline: float) -> None:
        """Ask nodes that are new who they are.

        Before the first round it waits for everybody whom the plan names, later until enough of those who take part are
        connected, and never beyond the deadline: who comes late is in the next round, and nobody waits for them.
        """
        until, first = self._clock.now() + deadline, not self._facts
        self._asked -= self._refused.keys()
        while not self.over(least):
            came = self._look(grid, deadline=max(0.0, until - self._clock.now()))
            if self._complete(least) if first else self._reachable(least):
                return
            if self._clock.now() >= until:
                self._note_silent()
                return
            if not came:
                self._clock.pause()

    def _complete(self, least: int) -> bool:
        """Say whether there is nobody whom the first round would wait for."""
        if self._allowed is not None:
            return self._allowed <= self._facts.keys() | self.left and self._reachable(least)
        return self._reachable(least) and not self._posts

    def _reachable(self, least: int) -> bool:
        return sum(self._nodes[site] in self._present for site in self.names) >= least

    def _look(self, grid: Grid, *, deadline: float) -> bool:
        """Ask who is new, hear who answered by now, and say whether anybody did."""
        self._present = frozenset(grid.get_node_ids())
        new = sorted(self._present - self._asked)
        if new:
            questions = [Message(hello(), node, HELLO, group_id="hello") for node in new]
            self._posts.append(Post(grid, questions, deadline=deadline))
            self._asked |= set(new)
            self._waited_for |= set(new)
        came = [reply for post in self._posts for some in post.look() for reply in some]
        for reply in came:
            self._hear(reply)
        self._posts = [post for post in self._posts if post.waiting]
        return bool(came)

    def _note_silent(self) -> None:
        for node in sorted(self._waited_for - self._silent):
            self._note(SiteRefused(site=f"node {node}", node=str(node), because="it did not say who it is in time"))
        self._silent |= self._waited_for

    def _hear(self, reply: Message) -> None:
        node = reply.metadata.src_node_id
        self._waited_for.discard(node)
        try:
            facts = read_facts(reply)
        except SiteLeavesError as error:
            self._note(SiteLeft(site=f"node {node}", round=0, slug=error.slug, because=error.words))
        except UnusableReplyError as error:
            self._refuse(node, f"node {node}", plain_words(str(error)))
        else:
            self._take(facts, node)

    def _take(self, facts: SiteFacts, node: int) -> None:
        if self._nodes.get(facts.site) == node:
            return  # it said so before
        because = self._unfit(facts)
        if because is not None:
            self._refuse(node, facts.site, because)
            return
        self._refused.pop(node, None)
        self._facts[facts.site], self._nodes[facts.site] = facts, node
        self._note(SiteJoined(site=facts.site, node=str(node), n_units=facts.n_units, rounds_left=facts.rounds_left))

    def _refuse(self, node: int, site: str, because: str) -> None:
        """Note why a node is not taken, once for each reason."""
        if self._refused.get(node) != because:
            self._note(SiteRefused(site=site, node=str(node), because=because))
        self._refused[node] = because

    def _unfit(self, facts: SiteFacts) -> str | None:
        if self._allowed is not None and facts.site not in self._allowed:
            return "the plan does not name it"
        if facts.layout != self._layout:
            return "its model has other trained parameters, or other fixed parts"
        if facts.site in self.left:
            return "it took its leave"
        if self._nodes.get(facts.site) in self._present:
            return "another node joined under this name"
        return None
