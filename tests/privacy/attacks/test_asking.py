"""A live reasoner's own table of losses."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from affidavit.protocols import Ablatable
from affidavit.tables import from_arrow
from affidavit.utterances import Judgement, Utterance
from privacy.attacks.asking import asked_losses
from privacy.attacks.reading import losses_of


class Parrot:
    """Sure of everything that it was told, and of nothing else."""

    def judge_under(self, utterances: Sequence[Utterance], *, condition: str) -> list[Judgement]:
        assert condition == "T"
        shares = {"known": 1.0, "new": 0.5, "never": 0.0, "no number": math.nan}
        return [
            Judgement(label="joy", probabilities={} if turn.text == "mute" else {"joy": shares[str(turn.text)]})
            for turn in utterances
        ]


def turn(name: str, unit: str, text: str, *, label: str | None = "joy", accent: str | None = "Irish") -> Utterance:
    sensitive = {} if accent is None else {"accent": accent}
    return Utterance(utterance_id=name, unit_id=unit, text=text, label=label, sensitive=sensitive)


def test_losses_are_those_of_labelled_turns_of_units_that_are_known() -> None:
    said = [
        turn("1", "in", "known"),
        turn("2", "in", "new", label=None),
        turn("3", "out", "new", accent=None),
        turn("4", "out", "never"),
        turn("5", "nobody knows", "known"),
        turn("6", "out", "mute", label="awe"),
        turn("7", "in", "no number"),
    ]
    assert isinstance(Parrot(), Ablatable)
    table = asked_losses(Parrot(), said, member={"in": True, "out": False}.get, condition="T")
    assert table["unit_id"].to_pylist() == ["in", "out", "out", "out", "in"]
    assert table["member"].to_pylist() == [1, 0, 0, 0, 1]
    assert table["loss"].to_pylist() == pytest.approx([0.0, math.log(2), math.inf, None, None])
    assert table["group_accent"].to_pylist() == ["Irish", "unknown", "Irish", "Irish", "Irish"]
    assert table["y_true"].to_pylist() == ["joy", "joy", "joy", "awe", "joy"]
    assert table["feature_words"].to_pylist() == [1.0, 1.0, 1.0, 1.0, 2.0]
    losses = losses_of(from_arrow(table, name="asked", format_name="memory"))
    assert losses.unit == ("in", "out", "out")
    assert losses.left_out == {"without a loss": 2}
