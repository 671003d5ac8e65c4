"""What does a patient lose at several sites? The most that a patient who is at any sites that may share one can lose.

Losses add up where a patient may be at several sites; where every two of them are attested to share nobody, each
patient loses at one site alone, and the largest loss is everybody's bound. Between these, a patient can be at any set
of sites no two of which are attested disjoint: the answer is the largest over such sets (the maximal cliques of a
graph, by Bron and Kerbosch 1973).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from privacy.accounting.accountants import account
from privacy.accounting.answers import Answer, Bounded, Unbounded
from privacy.accounting.mechanisms import Mechanism


def across(
    sites: Mapping[str, tuple[Mechanism, ...]], *, shared: frozenset[frozenset[str]], delta: float
) -> tuple[Answer, tuple[str, ...]]:
    """Return the loss over all sites, and the sites at which a patient would suffer it; `shared` are pairs of sites.

    Raises:
        PlanError: `delta` is not between 0 and 1.
    """
    worst: tuple[Answer, tuple[str, ...]] = (Bounded(epsilon=0.0, delta=delta), ())
    for group in sorted(cliques(tuple(sites), shared)):
        answer = account(tuple(one for site in group for one in sites[site]), delta=delta)
        if isinstance(answer, Unbounded):
            return answer, group
        if not worst[1] or (isinstance(worst[0], Bounded) and answer.epsilon > worst[0].epsilon):
            worst = answer, group
    return worst


def cliques(sites: tuple[str, ...], shared: frozenset[frozenset[str]]) -> Iterator[tuple[str, ...]]:
    """Yield every largest set of sites of which each two may share a patient.

    >>> sorted(cliques(("a", "b", "c"), frozenset({frozenset("ab")})))
    [('a', 'b'), ('c',)]
    """
    near = {site: {other for other in sites if frozenset((site, other)) in shared} - {site} for site in sites}

    def grown(inside: tuple[str, ...], open_: set[str], done: set[str]) -> Iterator[tuple[str, ...]]:
        if not open_ and not done:
            yield tuple(sorted(inside))
        for site in sorted(open_):
            yield from grown((*inside, site), open_ & near[site], done & near[site])
            open_ = open_ - {site}
            done = done | {site}

    if sites:
        yield from grown((), set(sites), set())
