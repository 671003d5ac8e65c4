"""What a checkpoint's card says of the rounds that it came out of: by the record, an interrupted server's included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import combinations
from typing import Any

from affidavit.unit_keys import unit_keys
from federated.record.course import Course, course_of
from federated.record.log import Log
from federated.secured.agreement import Agreement
from federated.sites.composition import lost_as_told
from federated.trainer.options import FederatedOptions
from federated.trainer.parts import Parts
from federated.updates.layout import Layout


def units_card(parts: Parts, named: str) -> dict[str, Any]:
    """Return whom the model met, as keyed digests."""
    voices = {"voices": unit_keys({"train": parts.voices}, named)} if parts.voices else {}
    return {"units": unit_keys({"train": parts.train}, named), **voices}


def rounds_card(
    log: Log, run: str, *, sites: Mapping[str, str], options: FederatedOptions, layout: Layout
) -> dict[str, Any]:
    """Return what became of the rounds; `log` may hold other runs as well, `sites` say what names stand for."""
    course = course_of(log, run)
    if course is None:
        raise TypeError("a record that this training wrote does not tell of it")
    return {
        "sites": _sites(course, sites),
        "rounds": {
            "planned": options.rounds.rounds,
            "done": len(course.done),
            "lost": [told.number for told in course.lost],
            "attempts_aborted": sum(told.aborted for told in course.rounds),
            "replies_refused": len(course.refused),
            "ended_because": course.ended.because if course.ended else "",
            "fewest_contributors": min((len(told.contributors) for told in course.done), default=0),
        },
        "weights": options.rounds.weights,
        "strategy": options.strategy.model_dump(mode="json"),
        "layout": {"digest": layout.digest, "size": layout.size},
        "run": run,
        "log": {"file": log.where, "head": log.head},
    }


def secure_card(log: Log, run: str, agreement: Agreement) -> dict[str, Any]:
    """Return under which terms sums were made."""
    terms, course = agreement.terms, course_of(log, run)
    shape, n_sites = terms.topology, len(terms.roster.sites)
    return {
        "protocol": "SecAgg+ with signed keys and a consistency round",
        "terms": terms.digest,
        "roster": terms.roster.digest,
        "minimum": terms.minimum,
        "threshold": shape.threshold,
        "signatures_needed": shape.quorum,
        "colluding_sites_withstood": shape.colluding(n_sites=n_sites, cheating=True),
        "norm_bound": agreement.scaling.clip_norm,
        "numbers_cut": sum(event.saturated for event in course.summed) if course else 0,
    }


def privacy_card(told: Mapping[str, Mapping[str, Any]], parts: Parts, delta: float | None) -> dict[str, Any]:
    """Return what patients can have lost, each site's and over all of them, by what each site's ledger counted."""
    first = next(iter(told.values()))
    common = {key: first[key] for key in ("unit", "neighbours", "mechanism", "simulated", "not_covered")}
    by_site = {
        site: {key: value for key, value in one.items() if key not in common and key != "site"}
        for site, one in told.items()
    }
    if first["simulated"] or delta is None:
        return {**common, "epsilon": None, "why_no_epsilon": first["why_no_epsilon"], "sites": by_site}
    disjoint = frozenset(frozenset(pair) for pair in combinations(told, 2)) if not parts.shared else frozenset()
    epsilons = {site: one["epsilon"] for site, one in told.items()}
    overall = lost_as_told(epsilons, delta=delta, disjoint=disjoint)
    return {
        **common,
        "epsilon": overall.epsilon,
        "delta": overall.delta,
        "composition": "the largest of the sites' losses: no patient of the corpus is at two sites"
        if not parts.shared
        else f"losses and deltas are added: {len(parts.shared)} patients of the corpus are at more than one site",
        "ledger": ", ".join(str(one["ledger"]) for one in told.values()),
        "sites": by_site,
    }


def _sites(course: Course, sites: Mapping[str, str]) -> dict[str, Any]:
    """Return, for each site, in how many rounds it is, what its vectors weighed in bytes, and whether it left."""
    rounds = Counter(site for told in course.done for site in told.contributors)
    sent = Counter[str]()
    for taken in course.taken:
        sent[taken.site] += taken.bytes
    for summed in course.summed:
        sent.update(dict.fromkeys(summed.contributors, summed.bytes))
    return {
        site: {
            "known_as": known_as,
            "rounds": rounds[site],
            "vector_bytes_sent": sent[site],
            **({"left": course.left[site].slug} if site in course.left else {}),
        }
        for site, known_as in sites.items()
    }
