"""One fixed rationale of each language, for any utterance: the control that says what boilerplate earns.

It lists, for every aspect, what rationales say most often, and several emotions; a score that it reaches tells nothing.
"""

from __future__ import annotations

from typing import Final

ENGLISH: Final = (
    "The brows are furrowed and slightly raised, the eyes are wide and look down, the corners of the mouth are tight, "
    "the lips are pressed together and the head is lowered. The voice is low and trembling, the pace is slow with long "
    "pauses, then loud, fast and high. The words are about a difficult experience, a question and a complaint. "
    "Therefore the speaker feels sad, angry and anxious."
)
CHINESE: Final = (
    "眉头紧皱，眼睛睁大并且向下看，嘴角下垂，嘴唇紧闭，低着头。声音低沉、颤抖，语速缓慢，停顿较长，之后音量提高，语速加快。"
    "话语中有疑问、抱怨和不幸的经历。因此，他感到悲伤、愤怒和焦虑。"
)
