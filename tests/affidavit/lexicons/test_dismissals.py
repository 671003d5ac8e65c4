"""What dismisses a modality, and what only sounds like it."""

from __future__ import annotations

import pyarrow as pa
import pytest

from affidavit.citations import citations
from affidavit.lexicons.dismissals import without_dismissals


def cited(text: str) -> set[str]:
    found = citations(without_dismissals(pa.array([text])))
    return {letter for letter, there in found.items() if there[0].as_py()}


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("Anger. The words are the strongest evidence. The voice and face stay neutral.", "T"),
        ("Fear. Her pitch is raised; the words, the tone and the face are entirely neutral.", "A"),
        ("Disgust: nose wrinkled. The voice tells nothing, and the wording shows little.", "V"),
        ("The brows are lowered. The text and the voice both remain unremarkable.", "V"),
        ("The face gives it away. The voice is not neutral.", "AV"),
        ("Her voice breaks and her face is pale.", "AV"),
        ("The voice is flat and the face stays neutral.", "A"),
        ("The voice is neutral in a way that frightens.", ""),
        ("从语气可以听出愤怒，表情和动作没有明显变化。", "A"),
        ("表情中性，但台词很悲伤。", "T"),
    ],
)
def test_a_modality_that_is_dismissed_is_not_cited(text: str, letters: str) -> None:
    assert cited(text) == set(letters)


def test_null_and_empty_stay() -> None:
    assert without_dismissals(pa.array(["", None, "   "])).to_pylist() == ["", None, "   "]


def test_a_megabyte_is_read() -> None:
    text = "the voice and " * 70_000 + "the face stay neutral"
    assert without_dismissals(pa.array([text]))[0].as_py() == ""
