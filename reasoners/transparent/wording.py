"""The sentences of a transparent reasoner: few enough to be listed, and read back by `affidavit.citations` exactly.

A sentence is coded by its template, what it cites (bits: text 1, audio 2, video 4), the label it concludes (K where
none) and whether it names who the speaker is.
"""

from __future__ import annotations

from itertools import product
from typing import Final

import numpy as np
import pyarrow as pa

from reasoners.transparent.options import TransparentOptions
from reasoners.transparent.patterns import BoolArray, IntArray

TEMPLATES: Final = (
    ("Judging by {evidence}, this is {label}.", "This follows from {evidence}."),
    ("I take it for {label}, because of {evidence}.", "It is because of {evidence} that I think so."),
)
"""With a conclusion, and without one."""
_EVIDENCE: Final = (
    ("the words that were chosen", "the pitch and pace of the voice", "the brows and the mouth"),
    ("the wording", "the tone of voice", "the look on the face"),
)
"""For each template, what is cited of text, audio and video."""
_NOTHING: Final = "nothing in particular"
_DISCLOSURE: Final = " Part of it is the {feature} of whoever speaks."
N_CITATIONS: Final = 8


def sentences(options: TransparentOptions) -> list[str]:
    """Return every sentence that there can be, in the order of their codes."""
    named = (*options.labels, None)
    feature = options.identity.feature if options.identity is not None else ""
    space = product(range(len(TEMPLATES)), range(N_CITATIONS), named, (False, True))
    return [
        _sentence(template, cited, label) + (_DISCLOSURE.format(feature=feature) if disclosed and feature else "")
        for template, cited, label, disclosed in space
    ]


def rationales(
    options: TransparentOptions, *, template: IntArray, cited: IntArray, named: IntArray, disclosed: BoolArray
) -> pa.DictionaryArray:
    """Return one sentence a row, all arguments [N]."""
    code = ((template * N_CITATIONS + cited) * (len(options.labels) + 1) + named) * 2 + disclosed
    texts = sentences(options)
    occurring, position = np.unique(code, return_inverse=True)
    return pa.DictionaryArray.from_arrays(
        pa.array(position.astype(np.int32)), pa.array([texts[i] for i in occurring], pa.string())
    )


def _sentence(template: int, cited: int, label: str | None) -> str:
    phrases = [phrase for bit, phrase in enumerate(_EVIDENCE[template]) if cited >> bit & 1]
    evidence = " and ".join(phrases) or _NOTHING
    concluding, bare = TEMPLATES[template]
    return bare.format(evidence=evidence) if label is None else concluding.format(evidence=evidence, label=label)
