"""What cannot be sums over patients is refused before it is added, and names the site."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.errors import AffidavitError, ColumnError, FederationError, PlanError, RowError, VerificationError
from affidavit.predictions import predictions_from
from affidavit.tables import from_frame
from federated.pooled.at_site import SiteTerms, site_counts
from federated.pooled.contribution import SiteCounts, read_counts
from federated.pooled.counting import counted
from federated.pooled.counts_plan import UNLISTED
from federated.pooled.reading import reading_of
from federated.pooled.report import federated_report
from federated.pooled.totals import added
from tests.federated.pooled.conftest import counts_of, hospital, plan_of, read

PLAN = plan_of(conditions=("TAV",))
FRAME = hospital("north", n_patients=30, seed=4)
GOOD = counts_of(FRAME, PLAN, floor=False)


def changed(cell: int, **fields: Any) -> SiteCounts:
    """Return the good contribution with one cell changed, under a digest of its own."""
    cells = list(GOOD.cells)
    cells[cell] = cells[cell].model_copy(update=fields)
    return GOOD.model_copy(update={"cells": tuple(cells)}).sealed()


def _with(values: tuple[int, ...], place: int, value: int) -> tuple[int, ...]:
    return (*values[:place], value, *values[place + 1 :])


EVERYBODY = GOOD.cells[0]
BROKEN: dict[str, dict[str, Any]] = {
    "a number is negative": {"sums": _with(EVERYBODY.sums, 0, -1)},
    "more patients than the plan": {"n_units": 10**6},
    "more rows than its patients": {"n_rows": EVERYBODY.n_units - 1 if EVERYBODY.n_units else 0},
    "more hits than truths": {"sums": _with(EVERYBODY.sums, 0, EVERYBODY.sums[3] + 1)},
    "truths or calls that are not": {"sums": _with(EVERYBODY.sums, 3, EVERYBODY.sums[3] + 1)},
    "a label in more patients": {"present": _with(EVERYBODY.present, 0, 31)},
    "a label with rows and no": {"present": _with(EVERYBODY.present, 0, 0)},
    "second moments below": {"moments": _with(EVERYBODY.moments, 0, 0)},
    "second moments beyond": {"moments": _with(EVERYBODY.moments, 0, 10**9)},
    "second moments of no patients": {"moments": _with(EVERYBODY.moments, 0, EVERYBODY.sums[0])},
    "not positive semidefinite": {"moments": _with(EVERYBODY.moments, 1, 10**6)},
    "do not add up to everybody": {
        "n_units": (EVERYBODY.n_units or 0) + 1,
    },
}


@pytest.mark.parametrize("words", list(BROKEN))
def test_what_no_table_can_give_is_refused(words: str) -> None:
    with pytest.raises(VerificationError, match=words) as caught:
        added(PLAN, [changed(0, **BROKEN[words])])
    assert "north" in str(caught.value)


def test_the_same_is_found_in_a_secure_total() -> None:
    from federated.pooled.contribution import vector_of
    from federated.pooled.plausibility import implausible
    from federated.pooled.sums import parted

    good = parted(PLAN, vector_of(PLAN, GOOD) * 3)
    assert implausible(PLAN, good, n_sites=3) is None
    bad = parted(PLAN, vector_of(PLAN, GOOD) * 2 + vector_of(PLAN, changed(0, sums=_with(EVERYBODY.sums, 0, 10**4))))
    assert "more hits than truths" in (implausible(PLAN, bad, n_sites=3) or "")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"plan": "sha256:" + "0" * 64}, "another plan"),
        ({"site": "east"}, "does not name this site"),
        ({"cells": GOOD.cells[:-1]}, "not those of the plan"),
        ({"cells": GOOD.cells[::-1]}, "not those of the plan"),
        ({"cross": ((1, 2),)}, "more numbers"),
        ({"told": "noised"}, "another plan"),
    ],
)
def test_a_contribution_to_something_else_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(VerificationError, match=words):
        added(PLAN, [GOOD.model_copy(update=fields).sealed()])


def test_cells_of_other_lengths_and_astronomical_numbers_are_refused() -> None:
    with pytest.raises(VerificationError, match="other numbers"):
        added(PLAN, [changed(0, sums=EVERYBODY.sums[:-1])])
    cells = (EVERYBODY.model_copy(update={"n_units": 2**80}), *GOOD.cells[1:])
    with pytest.raises(VerificationError, match="beyond"):
        added(PLAN, [GOOD.model_copy(update={"cells": cells})])
    with pytest.raises(VerificationError, match="of how many patients"):
        added(PLAN, [changed(0, n_units=None)])


def test_a_site_that_comes_twice_is_refused() -> None:
    with pytest.raises(VerificationError, match="twice"):
        added(PLAN, [GOOD, GOOD])


def test_own_estimates_that_nobody_asked_for_are_refused() -> None:
    terms = SiteTerms(site="north", tell_own_rows=True)
    told = site_counts(read(FRAME, plan_of(floor=11)), plan_of(floor=11), terms)
    assert told.rows
    for fields in ({"metric": "income"}, {"value": 1.5}, {"condition": "A"}, {"n_units": 3}, {"standard_error": 7.0}):
        row = told.rows[0].model_copy(update=fields)
        with pytest.raises(VerificationError, match="own estimate"):
            added(plan_of(floor=11), [told.model_copy(update={"rows": (row,)}).sealed()])
    with pytest.raises(VerificationError, match="own estimate"):
        added(plan_of(floor=11), [told.model_copy(update={"rows": (told.rows[0], told.rows[0])}).sealed()])


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[" * 100_000, b'{"kind": "affidavit site counts"}', "\ufeff{}".encode(), b"\xff\xfe", b"NaN"],
)
def test_what_is_no_such_file_is_said_so(content: bytes) -> None:
    with pytest.raises(AffidavitError) as caught:
        read_counts(content, where="north.counts.json")
    assert caught.value.slug == "file-unreadable"


def test_nan_and_infinity_are_no_numbers_of_a_file() -> None:
    written = json.loads(GOOD.to_json())
    written["cells"][0]["n_units"] = float("nan")
    with pytest.raises(AffidavitError) as caught:
        read_counts(json.dumps(written).encode(), where="north.counts.json")
    assert caught.value.slug == "file-unreadable"


def test_a_tampered_file_is_found() -> None:
    written = json.loads(GOOD.to_json())
    written["cells"][0]["n_units"] += 1
    with pytest.raises(VerificationError, match="changed after they were written"):
        read_counts(json.dumps(written).encode(), where="north.counts.json")
    assert read_counts(GOOD.to_json(), where="north.counts.json") == GOOD


def test_a_site_with_other_labels_is_refused_at_the_site() -> None:
    other = FRAME.assign(y_pred=FRAME["y_pred"].replace("joy", "happiness"))
    with pytest.raises(RowError, match="label") as caught:
        counts_of(other, PLAN)
    assert caught.value.slug in {"row-label", "label-space"}
    from affidavit.predictions import Reading

    loose = predictions_from(from_frame(other), Reading(run="model", by=("accent", "age")))
    with pytest.raises(RowError, match="labels that the plan does not name"):
        counted(loose, PLAN, rng=np.random.default_rng(0))


def test_groups_that_the_plan_does_not_name_are_unlisted_and_not_dropped() -> None:
    other = FRAME.assign(accent=FRAME["accent"].replace("Welsh", "Cornish"))
    blocks = counted(read(other, PLAN), PLAN, rng=np.random.default_rng(0))
    accents = next(sums for sums in blocks if sums.block.features == ("accent",))
    at = accents.block.groups.index({"accent": UNLISTED})
    tav = other[(other["condition"] == "TAV") & (other["accent"] == "Cornish")]
    assert accents.n_rows[at] == len(tav)
    assert accents.n_units[at] == tav["unit_id"].nunique()
    assert accents.n_units.sum() == blocks[0].n_units[0]
    report = federated_report(added(PLAN, [counts_of(other, PLAN, floor=False)]))
    assert any(dict(finding.groups) == {"accent": UNLISTED} for finding in report.findings)


def test_a_site_without_the_condition_counts_nobody_under_it() -> None:
    plan = plan_of(conditions=("TAV", "V"))
    counts = counts_of(FRAME, plan, floor=False)
    assert {cell.n_units for cell in counts.cells if cell.condition == "V"} == {0}
    totals = added(plan, [counts])
    report = federated_report(totals)
    assert not [finding for finding in report.findings if finding.condition == "V" and finding.estimate.value]


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (FRAME.drop(columns="unit_id"), ColumnError),
        (FRAME.assign(weight=1.0), ColumnError),
        (FRAME.drop(columns="y_true"), ColumnError),
    ],
    ids=["nobody named", "weights", "no truth"],
)
def test_a_table_that_cannot_be_counted_is_refused_at_the_site(frame: pd.DataFrame, error: type[Exception]) -> None:
    with pytest.raises(error):
        counts_of(frame, PLAN)


def test_a_patient_in_two_groups_is_refused_unless_the_feature_is_of_rows() -> None:
    plan = plan_of(features={"room": ("quiet", "loud")}, conditions=("TAV",))
    with pytest.raises(AffidavitError) as caught:
        counts_of(FRAME, plan)
    assert caught.value.slug == "unit-in-two-groups"


def test_more_than_the_plan_is_sized_for_is_refused_at_the_site() -> None:
    with pytest.raises(PlanError, match="sized for"):
        counts_of(FRAME, plan_of(most_rows=3))
    with pytest.raises(PlanError, match="sized for"):
        counts_of(FRAME, plan_of(most_units=7))


def test_a_patient_at_two_sites_is_not_seen_and_the_report_says_what_follows() -> None:
    doubled = added(PLAN, [GOOD, counts_of(FRAME, PLAN, site="south", floor=False)])
    report = federated_report(doubled)
    assert any("no patient is at two sites" in caveat and "too narrow" in caveat for caveat in report.caveats)
    attested = plan_of(conditions=("TAV",), disjoint_attested_by="the registry office, by hashed numbers")
    report = federated_report(added(attested, [counts_of(FRAME, attested, floor=False)]))
    assert any("the registry office" in caveat for caveat in report.caveats)


def test_nobody_above_the_floor_is_no_audit() -> None:
    plan = plan_of(floor=11)
    tiny = [
        counts_of(hospital(site, n_patients=5, seed=i), plan, site=site) for i, site in enumerate(("north", "west"))
    ]
    with pytest.raises(FederationError):
        added(plan, tiny)
    with pytest.raises(FederationError):
        added(plan, [])


def test_a_table_of_nobody_cannot_be_read() -> None:
    with pytest.raises(AffidavitError):
        predictions_from(from_frame(FRAME.iloc[:0]), reading_of(PLAN))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"labels": ("joy", "joy")}, "named once"),
        ({"features": {"accent": ("Welsh", "unlisted")}}, "everybody else"),
        ({"of_rows": ("age2",)}, "not among features"),
        ({"features": {"room": ("a",)}, "of_rows": ("room",)}, "follows from the rest"),
        ({"told": "noised"}, "say noise"),
        ({"most_rows": 10**7}, "beyond what is summed exactly"),
        ({"features": {f"f{i}": tuple("abcdefgh") for i in range(6)}, "depth": 4}, "name fewer groups"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        plan_of(**more)
