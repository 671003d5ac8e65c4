from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affidavit.errors import PlanError
from affidavit.splits import dialogues, grouped, rows, split
from affidavit.utterances import Utterance


def turns(dialogue: str, n: int, *, unit: str = "p1", speakers: tuple[str, ...] = ("p1",)) -> Iterator[Utterance]:
    for i in range(n):
        yield Utterance(
            utterance_id=f"{dialogue}-{i}",
            dialogue_id=dialogue,
            turn=i,
            unit_id=unit,
            speaker_id=speakers[i % len(speakers)],
        )


def test_turns_come_in_order_whatever_the_table_says() -> None:
    mixed = [*turns("b", 3), *turns("a", 2)][::-1]
    found = dialogues(mixed)
    assert [turn.turn for turn in found["b"]] == [0, 1, 2]
    assert list(found) == ["a", "b"]  # of the reversed table


def test_a_dialogue_belongs_wholly_to_its_patient() -> None:
    groups = grouped([*turns("a", 4, unit="p1", speakers=("p1", "doctor")), *turns("b", 2, unit="p2")])
    assert {name: len(found) for name, found in groups.items()} == {"p1": 4, "p2": 2}


def test_speakers_who_recur_are_refused_unless_asked_for() -> None:
    scene = [
        Utterance(utterance_id=str(i), dialogue_id="scene", speaker_id=name) for i, name in enumerate(("ann", "ben"))
    ]
    with pytest.raises(PlanError, match="share a dialogue") as refused:
        grouped(scene)
    assert refused.value.slug == "units-overlap"
    assert list(grouped(scene, by="dialogue")) == ["scene"]


@given(st.integers(10, 80), st.floats(0.1, 0.4), st.floats(0.1, 0.4), st.integers(0, 5))
def test_a_split_parts_everybody_once(n: int, held_out: float, development: float, seed: int) -> None:
    names = [f"p{i}" for i in range(n)]
    parts = split(names, {"held_out": held_out, "development": development}, seed=seed)
    assert sorted(name for part in parts.values() for name in part) == sorted(names)
    assert len(parts["held_out"]) == round(held_out * n)
    assert parts == split(names, {"held_out": held_out, "development": development}, seed=seed)


def test_a_split_that_leaves_nobody_is_refused() -> None:
    with pytest.raises(PlanError, match="empty"):
        split(["a", "b"], {"held_out": 0.9}, seed=0)
    with pytest.raises(PlanError, match="empty"):
        split(["a", "b"], {"held_out": 0.1}, seed=0)


def test_rows_hold_whole_dialogues() -> None:
    unit = [*turns("a", 5), *turns("b", 4), *turns("c", 30), *turns("d", 2)]
    assert [len(row) for row in rows(unit, max_turns=10)] == [9, 30, 2]
