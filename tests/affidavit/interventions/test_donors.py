from collections import Counter

import numpy as np
import pytest

from affidavit.interventions.donors import derangement, drawn_donors, permuted, resampled
from affidavit.utterances import Utterance

OPERATORS = ["resampled", "permuted", "permuted-within-label", "permuted-within-speaker"]


def turn(i: int, **fields: object) -> Utterance:
    given: dict[str, object] = {"speaker_id": f"s{i % 4}", "label": "joy" if i % 3 else "anger", **fields}
    return Utterance(utterance_id=f"u{i:02d}", **given)  # type: ignore[arg-type]


TURNS = [turn(i) for i in range(24)]
ALL = frozenset(u.utterance_id for u in TURNS)


@pytest.mark.parametrize("operator", OPERATORS)
def test_nobody_gives_to_themself_and_the_law_of_each_exchange_holds(operator: str) -> None:
    found = drawn_donors(operator, TURNS, ALL, seed=0)
    by_id = {u.utterance_id: u for u in TURNS}
    assert set(found.donor) == ALL
    for name, donor in found.donor.items():
        one, other = by_id[name], by_id[donor]
        assert name != donor
        assert operator != "resampled" or one.unit != other.unit
        assert operator != "permuted-within-label" or one.label == other.label
        assert operator != "permuted-within-speaker" or one.speaker_id == other.speaker_id
    if operator != "resampled":
        assert set(Counter(found.donor.values()).values()) == {1}, "each gives once"


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_draw_hangs_on_the_seed_and_not_on_the_order(operator: str) -> None:
    first = drawn_donors(operator, TURNS, ALL, seed=0)
    assert first == drawn_donors(operator, TURNS[::-1], ALL, seed=0)
    assert first != drawn_donors(operator, TURNS, ALL, seed=1)


def test_those_who_cannot_give_take_no_part() -> None:
    usable = ALL - {"u00", "u05"}
    for operator in OPERATORS:
        found = drawn_donors(operator, TURNS, usable, seed=0)
        assert set(found.donor) == usable
        assert set(found.donor.values()) <= usable
        assert set(found.because) == {"u00", "u05"}


def test_most_keep_their_donor_where_others_drop_out() -> None:
    whole, part = (drawn_donors("resampled", TURNS, some, seed=0).donor for some in (ALL, ALL - {"u00"}))
    assert all(part[name] == whole[name] for name in part if whole[name] != "u00")


def test_who_is_alone_has_no_donor_and_a_reason() -> None:
    turns = [turn(0, label="fear", speaker_id="alone"), turn(1, label=None), turn(2), turn(4)]
    names = {u.utterance_id for u in turns}
    by_label = drawn_donors("permuted-within-label", turns, names, seed=0)
    assert by_label.donor == {"u02": "u04", "u04": "u02"}
    assert by_label.because["u00"] == "no other utterance of its label to exchange it with"
    assert by_label.because["u01"] == "no reference label to permute within"
    assert "u00" in drawn_donors("permuted-within-speaker", turns, names, seed=0).because
    alone = drawn_donors("permuted", turns[:1], names, seed=0)
    assert (alone.donor, set(alone.because)) == ({}, {"u00"})
    one_unit = [turn(i, unit_id="p") for i in range(3)]
    found = drawn_donors("resampled", one_unit, {u.utterance_id for u in one_unit}, seed=0)
    assert set(found.because.values()) == {"no utterance of another unit to take it from"}


def test_nobody_at_all() -> None:
    for operator in OPERATORS:
        assert drawn_donors(operator, [], frozenset(), seed=0).donor == {}


def test_derangements_are_equally_likely() -> None:
    rng = np.random.default_rng(0)
    counts = Counter(tuple(derangement(4, rng).tolist()) for _ in range(4500))
    assert len(counts) == 9, "4 things can be deranged in nine ways"
    assert all(abs(n - 500) < 5 * np.sqrt(500) for n in counts.values())


def test_donors_are_drawn_evenly_from_other_units() -> None:
    names, units = [f"u{i}" for i in range(6)], ["a", "a", "b", "b", "b", "c"]
    drawn = np.stack([resampled(names, units, np.ones(6, dtype=bool), seed=seed) for seed in range(3000)])
    for i, unit in enumerate(units):
        others = [j for j in range(6) if units[j] != unit]
        counts = np.bincount(drawn[:, i], minlength=6)
        assert counts[[j for j in range(6) if j not in others]].sum() == 0
        assert np.abs(counts[others] - 3000 / len(others)).max() < 5 * np.sqrt(3000 / len(others))


def test_a_rare_unit_is_found_whatever_the_draws() -> None:
    names = [f"u{i}" for i in range(2000)]
    units = ["a"] * 1999 + ["b"]
    donors = resampled(names, units, np.ones(2000, dtype=bool), seed=0)
    assert set(donors[:1999].tolist()) == {1999}
    assert donors[1999] != 1999


def test_permutations_stay_within_strata() -> None:
    strata = [0, 1, 0, 1, 0, 2]
    donors = permuted(strata, np.ones(6, dtype=bool), rng=np.random.default_rng(1))
    assert donors[5] == -1
    assert all(strata[i] == strata[donors[i]] for i in range(5))
