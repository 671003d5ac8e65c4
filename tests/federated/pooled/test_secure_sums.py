"""Under secure aggregation the totals are those of plain sums, and the floor applies to the total."""

from __future__ import annotations

import numpy as np
import pytest

from affidavit.errors import PlanError, VerificationError
from federated.pooled.at_site import SiteTerms, site_counts, site_vector
from federated.pooled.secure_sums import counts_terms, totals_of_secure
from federated.pooled.testimony import federated_testimony
from federated.secure.rehearsal import clients_of, rehearse, roster_of, signing_keys
from federated.secure.stages import Stage
from federated.secure.topologies import topology
from tests.federated.pooled.conftest import SITES, hospital, plan_of, read, three_hospitals, totals_of

PLAN = plan_of(told="secure", floor=11, conditions=("TAV",))
TABLES = {**three_hospitals(), "east": hospital("east", n_patients=6, seed=44)}
FOUR = plan_of(told="secure", floor=11, conditions=("TAV",), sites=(*SITES, "east"))


def test_a_secure_total_gives_the_findings_of_plain_sums_and_a_dropped_site_is_not_in_it() -> None:
    keys = signing_keys(FOUR.sites)
    terms = counts_terms(FOUR, roster=roster_of(keys), topology=topology(4, colluding=0, dropped=1))
    vectors = {site: site_vector(read(TABLES[site], FOUR), FOUR, site=site) for site in FOUR.sites}
    total = rehearse(clients_of(keys, terms), vectors, drops={"east": Stage.MASKED})
    totals = totals_of_secure(FOUR, total)
    assert totals.contributors == SITES
    exact = plan_of(conditions=("TAV",), floor=11)
    plain = totals_of({site: TABLES[site] for site in SITES}, exact, floor=False)
    for one, other in zip(totals.blocks, plain.blocks, strict=True):
        assert np.array_equal(one.vector(), other.vector())
    ours = {claim.finding.id: claim.finding.estimate for claim in federated_testimony(totals).claims}
    theirs = {claim.finding.id: claim.finding.estimate for claim in federated_testimony(plain).claims}
    assert ours == theirs  # no total is under the floor


def test_a_total_under_the_floor_is_not_reported_nor_what_it_follows_from() -> None:
    small = {site: hospital(site, n_patients=9, seed=i) for i, site in enumerate(SITES)}
    keys = signing_keys(SITES)
    terms = counts_terms(PLAN, roster=roster_of(keys), topology=topology(3, colluding=0, dropped=0))
    vectors = {site: site_vector(read(small[site], PLAN), PLAN, site=site) for site in SITES}
    totals = totals_of_secure(PLAN, rehearse(clients_of(keys, terms), vectors))
    claims = [claim.finding for claim in federated_testimony(totals).claims if claim.finding.compared is None]
    everybody = next(finding for finding in claims if not finding.groups and finding.metric == "accuracy")
    assert everybody.estimate.n_clusters == 27  # each site alone is under the floor, the total is not
    hidden = [finding for finding in claims if finding.estimate.why_no_interval == "n < 11"]
    assert hidden
    assert all(finding.estimate.value is None and finding.estimate.n_clusters == 0 for finding in hidden)
    told = [finding for finding in claims if finding.estimate.value is not None]
    assert all((finding.estimate.n_clusters or 0) >= 11 for finding in told)


def test_a_site_that_did_not_count_as_the_plan_says_spoils_a_total_that_is_then_refused() -> None:
    keys = signing_keys(SITES)
    terms = counts_terms(PLAN, roster=roster_of(keys), topology=topology(3, colluding=0, dropped=0))
    vectors = {site: site_vector(read(TABLES[site], PLAN), PLAN, site=site) for site in SITES}
    vectors["west"] = vectors["west"].copy()
    vectors["west"][2] += 5000  # hits of the first label
    total = rehearse(clients_of(keys, terms), vectors)
    with pytest.raises(VerificationError, match="more hits"):
        totals_of_secure(PLAN, total)


def test_secure_plans_leave_no_file_and_plain_ones_no_vector() -> None:
    with pytest.raises(PlanError, match="leave no file"):
        site_counts(read(TABLES["north"], PLAN), PLAN, SiteTerms(site="north"))
    keys = signing_keys(SITES)
    with pytest.raises(PlanError, match="does not ask for secure"):
        counts_terms(plan_of(), roster=roster_of(keys), topology=topology(3, colluding=0, dropped=0))
