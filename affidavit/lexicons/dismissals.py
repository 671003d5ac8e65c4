"""Clauses that say a modality tells nothing: "the voice and face stay neutral". They name it and rest nothing on it.

Who writes "Anger. The words are the strongest evidence. The voice and face stay neutral." cites the words alone, and
concludes anger. Of "The voice is calm and the face is neutral" the second half is a dismissal as well, unless nothing
else is said: then it is the conclusion itself, and a reader of conclusions has to look again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pyarrow as pa

VERSION: Final = "1"
_OWN: Final = r"(?:the |his |her |their |its )?"
_MODALITY: Final = (
    r"(?:words?|wording|text|transcript|voice|tone|prosody|speech|sound|face|facial expression|expression|video"
    r"|posture|gaze|audio)"
)
_SEVERAL: Final = rf"{_OWN}{_MODALITY}(?:(?:,| and|, and| or| nor) {_OWN}{_MODALITY})*"
_DEGREE: Final = r"(?:(?:all|both|quite|entirely|largely|rather|mostly|completely|otherwise|fairly) )?"
_STAYS: Final = r"(?:stay|stays|stayed|remain|remains|remained|is|are|was|were|looks?|sounds?|keeps?)"
_NOTHING: Final = (
    r"(?:tell|tells|say|says|show|shows|give|gives|reveal|reveals|add|adds) (?:us |me )?(?:nothing|little)"
)
_CHINESE_MODALITY: Final = r"(?:台词|文字|言语|语气|声音|语调|音调|表情|面部|脸部|神情|动作)"
DISMISSALS: Final = (
    rf"\b{_SEVERAL} {_DEGREE}(?:{_STAYS} {_DEGREE}(?:neutral|unremarkable|uninformative|inconclusive)|{_NOTHING})\b"
    rf"|\bno (?:clear |clue |cue |sign |evidence )?(?:in|from) {_SEVERAL}\b"
    rf"|{_CHINESE_MODALITY}(?:[、和与及]{_CHINESE_MODALITY})*(?:保持|显得|都|均|也|较为|比较)*"
    r"(?:中性|没有(?:明显|任何)?(?:的)?(?:变化|线索|信息|异常))"
)
"""For RE2 and for Python's `re`, to be matched whatever the case."""


def without_dismissals(texts: pa.Array) -> pa.Array:
    """Return texts without the clauses that dismiss a modality; null of null.

    >>> import pyarrow as pa
    >>> without_dismissals(pa.array(["Fear: a raised pitch. The words and face stay neutral.", None])).to_pylist()
    ['Fear: a raised pitch. .', None]
    """
    import pyarrow.compute as pc

    return pc.replace_substring_regex(texts, f"(?i){DISMISSALS}", "")
