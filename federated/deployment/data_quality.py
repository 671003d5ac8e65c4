"""What a site's patients bring to a federation, in counts that may leave: none below the floor, all of them coarse.

A count of patients is told as the interval of `floor` whole numbers that it lies in, the same whenever it is asked, so
that neither sums nor a second asking give a small one away; below the floor it is told as `n < floor`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from affidavit.corpus import Corpus
from affidavit.disclosure.rule import DisclosureRule
from affidavit.utterances import Utterance

_MODALITIES: Final[Mapping[str, Callable[[Utterance], bool]]] = {
    "text": lambda one: one.text is not None,
    "audio": lambda one: one.audio is not None,
    "video": lambda one: one.video is not None,
}


def quality_lines(corpus: Corpus, *, floor: int) -> list[str]:
    """Return the report, line by line: patients, what is missing, labels and groups."""
    rule, every = DisclosureRule(floor=floor, intervals_only=True), corpus.utterances
    lines = [f"patients                {_told(every, rule)}"]
    lines += [f"with {name:<18} {_told((one for one in every if has(one)), rule)}" for name, has in _MODALITIES.items()]
    lines.append(f"with a label            {_told((one for one in every if one.label is not None), rule)}")
    lines.append(f"who refused a modality  {_told((one for one in every if False in one.consent.values()), rule)}")
    labels = sorted({one.label for one in every if one.label is not None} | set(corpus.label_space))
    lines += [f"label {label:<17} {_told((one for one in every if one.label == label), rule)}" for label in labels]
    for feature in sorted({name for one in every for name in one.sensitive}):
        levels = sorted({one.sensitive[feature] for one in every if feature in one.sensitive})
        for level in levels:
            group = (one for one in every if one.sensitive.get(feature) == level)
            lines.append(f"{feature} {level:<{max(1, 22 - len(feature))}} {_told(group, rule)}")
        unknown = (one for one in every if feature not in one.sensitive)
        lines.append(f"{feature} {'unknown':<{max(1, 22 - len(feature))}} {_told(unknown, rule)}")
    return [_printable(line) for line in lines]


def _told(utterances: Iterable[Utterance], rule: DisclosureRule) -> str:
    n = len({one.unit for one in utterances})
    if rule.small(n):
        return rule.mark
    if n == 0:
        return "none"
    low, high = rule.ends(rule.told(n))
    return f"{low} to {high}"


def _printable(line: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in line)[:120]
