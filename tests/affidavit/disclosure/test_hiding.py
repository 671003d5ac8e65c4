"""Populations of one run hide alike: nothing small follows from two of them that does not follow from one."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from affidavit.disclosure.hiding import Hidden, hide
from affidavit.disclosure.lattice import Group
from affidavit.disclosure.populations import Population, population_of, reference_of
from affidavit.disclosure.protection import Neighbour, blank_values, protected
from affidavit.disclosure.rule import DisclosureRule
from affidavit.disclosure.told import Block, BlockKey, Slice, Told

RULE = DisclosureRule()
Numbers = Mapping[str, int]


def accent(level: str) -> Group:
    return (("accent", level),)


def counted(by_accent: Numbers) -> dict[Group, int]:
    return {(): sum(by_accent.values()), **{accent(level): n for level, n in by_accent.items()}}


def part(metric: str, by_accent: Numbers, *, rows: int = 3, value: float = 0.5, label: str | None = None) -> Slice:
    cells = {g: Told(group=g, value=value, n=rows * n, units=n) for g, n in counted(by_accent).items()}
    return Slice(metric=metric, label=label, by_group=cells)


def shares(by_accent: Numbers) -> Slice:
    whole = sum(by_accent.values())
    cells = {
        accent(level): Told(group=accent(level), value=n / whole, n=3 * whole, units=whole)
        for level, n in by_accent.items()
    }
    return Slice(metric="unit_share", by_group=cells)


def hidden(*parts: tuple[str, str, Slice], everybody: int, rule: DisclosureRule = RULE) -> Hidden:
    """Return what is hidden of slices given with their conditions and examinations."""
    blocks: dict[BlockKey, Block] = {}
    for condition, examination, one in parts:
        key = ("finding", "run", condition, examination, one.metric, str(one.label))
        blocks[key] = Block(run="run", condition=condition, examination=examination, slices={(): one})
    conditions = tuple(dict.fromkeys(condition for condition, _, _ in parts))
    return hide(blocks, {"run": conditions}, {"run": everybody}, rule)


def of(found: Hidden, condition: str, metric: str) -> frozenset[Group]:
    (groups,) = {v for (key, _), v in found.slices.items() if key[2] == condition and key[4] == metric}
    return groups


TAV = {"american": 74, "caribbean": 79, "english": 83, "unknown": 3}
T = {"american": 94, "caribbean": 99, "english": 98, "unknown": 3}


def test_a_condition_under_which_more_were_judged_tells_no_small_group_either() -> None:
    found = hidden(
        ("TAV", "performance", part("accuracy", TAV)), ("T", "performance", part("accuracy", T)), everybody=294
    )
    for condition in ("TAV", "T"):
        gone = of(found, condition, "accuracy")
        assert accent("unknown") in gone
        assert len(gone) >= 2, "everybody less all others is the group itself"


def test_a_share_of_everybody_hides_what_sizes_hide() -> None:
    found = hidden(("TAV", "performance", part("accuracy", TAV)), ("TAV", "representation", shares(TAV)), everybody=239)
    assert of(found, "TAV", "unit_share") == of(found, "TAV", "accuracy")


def test_the_same_people_hide_the_same_under_whatever_name() -> None:
    without_everybody = part("accuracy_shrunken", TAV)
    cells = {g: told for g, told in without_everybody.by_group.items() if g}
    found = hidden(
        ("TAV", "performance", part("accuracy", TAV)),
        ("TAV", "small-groups", Slice(metric="accuracy_shrunken", by_group=cells)),
        ("AV", "performance", part("accuracy", TAV)),
        everybody=239,
    )
    assert (
        len({of(found, *place) for place in (("TAV", "accuracy"), ("TAV", "accuracy_shrunken"), ("AV", "accuracy"))})
        == 1
    )


def test_few_who_lack_a_condition_do_not_follow_from_two() -> None:
    fuller, some = {"american": 60, "caribbean": 80, "english": 90}, {"american": 60, "caribbean": 77, "english": 70}
    parts = (("TAV", "performance", part("accuracy", some)), ("T", "performance", part("accuracy", fuller)))
    found = hidden(*parts, everybody=230)
    gone = of(found, "TAV", "accuracy") | of(found, "T", "accuracy")
    assert accent("caribbean") in gone  # 80 less 77 patients
    assert gone - {accent("caribbean")}  # and it does not follow from 230 less 207, and 90 less 70
    rounded = hidden(*parts, everybody=230, rule=DisclosureRule(rounding=5))
    assert not of(rounded, "T", "accuracy"), "of two rounded counts the difference is not known"


def test_populations_that_look_nested_once_a_group_is_hidden_are_taken_for_nested() -> None:
    """Voices are missing in one accent, faces in another: neither condition is a part of the other.

    The small accent, in which the two differ the other way, is hidden; what is left of both is nested, and 40 less 38
    is two patients without a face.
    """
    heard = {"american": 40, "caribbean": 60, "english": 90, "irish": 15, "unknown": 3}
    seen = {"american": 38, "caribbean": 60, "english": 90, "irish": 15, "unknown": 5}
    found = hidden(
        ("TA", "performance", part("accuracy", heard)), ("TV", "performance", part("accuracy", seen)), everybody=210
    )
    assert accent("unknown") in of(found, "TA", "accuracy")
    assert accent("american") in of(found, "TA", "accuracy") | of(found, "TV", "accuracy")


def test_those_with_and_those_without_hide_alike() -> None:
    right, wrong = {"a": 40, "b": 30, "c": 35}, {"a": 5, "b": 20, "c": 30}
    everybody = {level: right[level] + wrong[level] for level in right}
    found = hidden(
        ("TAV", "performance", part("accuracy", everybody)),
        ("TAV", "rationale-equity", part("words_right", right)),
        ("TAV", "agreement", part("words_wrong", wrong)),
        everybody=160,
    )
    assert of(found, "TAV", "words_right") == of(found, "TAV", "words_wrong")
    assert accent("a") in of(found, "TAV", "words_right")
    assert len(of(found, "TAV", "words_right")) >= 2
    assert not of(found, "TAV", "accuracy")


def test_a_run_is_not_lost_for_a_condition_of_few() -> None:
    found = hidden(
        ("TAV", "performance", part("accuracy", {"a": 40, "b": 50})),
        ("TAV/noise", "performance", part("accuracy", {"a": 1, "b": 1})),
        everybody=90,
    )
    assert found.everywhere["run"] == frozenset()
    assert of(found, "TAV", "accuracy") == frozenset()
    assert of(found, "TAV/noise", "accuracy") >= {accent("a"), accent("b")}


def test_enough_people_everywhere_hide_nothing() -> None:
    many = {"a": 40, "b": 50, "c": 60}
    found = hidden(
        ("TAV", "performance", part("accuracy", many)),
        ("TAV", "representation", shares(many)),
        ("T", "performance", part("accuracy", {level: n + 20 for level, n in many.items()})),
        everybody=210,
    )
    assert set(found.slices.values()) == {frozenset()}


def test_classes_hide_alike_and_a_rate_is_blank_as_its_complement() -> None:
    found = hidden(
        ("TAV", "performance", part("accuracy", {"a": 60, "b": 70, "c": 80})),
        ("TAV", "rates", part("recall", {"a": 30, "b": 35, "c": 40}, label="class joy")),
        ("TAV", "equalized-odds", part("false_positive_rate", {"a": 30, "b": 35, "c": 4}, label="class fear")),
        everybody=210,
    )
    assert of(found, "TAV", "recall") == of(found, "TAV", "false_positive_rate") != frozenset()
    right, wrong = ({"a": k, "b": 60, "c": 80} for k in (117, 3))
    rates = [
        Slice(
            metric="accuracy",
            by_group={
                g: Told(group=g, value=k / n, n=n, units=n)
                for (g, k), n in zip(
                    counted(made).items(), counted({"a": 120, "b": 120, "c": 160}).values(), strict=True
                )
            },
        )
        for made in (right, wrong)
    ]
    accuracy, error = (blank_values(rate, frozenset(), RULE) for rate in rates)
    assert accent("a") in accuracy
    assert len(accuracy) > 1
    assert accent("a") in error


def test_populations_bear_on_one_another_by_their_numbers() -> None:
    whole, some = Population(units=counted({"a": 30, "b": 40})), Population(units=counted({"a": 30, "b": 20}))
    assert some.under(whole)
    assert not whole.under(some)
    assert Population(units={accent("a"): 30}).same_as(whole)
    assert not some.same_as(whole)
    assert not Population().under(whole)
    assert Population(units=dict.fromkeys(counted({"a": 1, "b": 1}), 70), rows={}).of_one
    assert population_of(shares({"a": 30, "b": 40})).units == {accent("a"): 30, accent("b"): 40}
    assert reference_of([some, whole]) == whole
    assert reference_of([]) == Population()


@pytest.mark.parametrize(("told", "gone"), [({"a": 40, "b": 45}, 0), ({"a": 40, "b": 41}, 2)])
def test_what_a_neighbour_leaves_is_a_count(told: Numbers, gone: int) -> None:
    """Of 40 and 60, those of 40 and 41 leave 19 of b: enough; those with 45 of 49 leave 4."""
    fuller = Neighbour(population=Population(units=counted({"a": 40, "b": 60 if not gone else 45})), hidden=frozenset())
    found = protected(Population(units=counted(told)), frozenset(), (fuller,), RULE)
    assert len(found) >= gone
    assert bool(found) == bool(gone)
