"""What a language model wrote, read as an answer: `<think>..</think><answer>..</answer>`, or whatever came instead.

A completion ends as a label of the label space or as a reason why it has none; both are counted, and nothing is
guessed. What had to be mended (no tags, an answer in a sentence, a word that stands for a label) is said by name.

| completion | becomes |
|---|---|
| tags, and an answer that is a label, whatever its case and the marks around it | that label |
| no tags, a tag that is not closed, an answer in a sentence | the one label that it names, mended |
| no tags, several labels named, and a last sentence that concludes | the label of that sentence, mended |
| an answer that is a common word for one label of the space (`happy` for `joy`) | that label, mended |
| two answers that name the same label | that label, mended |
| two answers that name different ones, or one that names several | none |
| an emotion, or a language, that the label space does not have; nothing at all | none |

Every step takes time in proportion to the text: what a model writes may be long, and nobody vouches for it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from affidavit.judgements import Unjudged
from affidavit.lexicons.emotions import words_for
from affidavit.utterances import Judgement

EMPTY: Final = "the completion is empty"
NO_ANSWER: Final = "the completion gives no answer"
UNKNOWN: Final = "the answer names no label of the label space"
SEVERAL: Final = "the answer names several labels"
DIFFER: Final = "two answers name different labels"
REFUSALS: Final = (EMPTY, NO_ANSWER, UNKNOWN, SEVERAL, DIFFER)
"""All reasons why a completion has no label."""

UNTAGGED: Final = "no tags"
UNCLOSED: Final = "a tag that is not closed"
REPEATED: Final = "the same answer more than once"
IN_A_SENTENCE: Final = "the answer stands in a sentence"
CONCLUDED: Final = "the answer is what the last sentence concludes"
BY_A_WORD: Final = "the answer is a word for the label"
CUT: Final = "the reasons were cut"
LONGEST: Final = 10_000
"""Characters of a rationale that are kept."""
_SHOWN: Final = 200
_TAG: Final = re.compile(r"<\s{0,3}(/?)\s{0,3}(think|answer)\s{0,3}>", re.IGNORECASE)
_BETWEEN: Final = re.compile(r"</think>\s*<answer>")
_SENTENCE: Final = re.compile(r"[^.!?\n。！？]+")
_CONCLUDES: Final = re.compile(r"\b(?:answer|emotion|label|conclusion|verdict|therefore|overall)\b", re.IGNORECASE)
_DENIED: Final = r"(?<!\bnot )(?<!\bno )(?<!\bnor )(?<!\bthan )(?<!\bneither )(?<!\bwithout )"
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A completion as it was read: exactly one of `label` and `because`."""

    label: str | None
    because: str | None
    """Why it has no label, of `REFUSALS`."""
    answer: str
    """What stood in the place of the answer, its first characters."""
    rationale: str | None
    """What stood before the answer; None where nothing did."""
    mended: tuple[str, ...] = ()
    well_formed: bool
    """Whether the whole completion is `<think>..</think><answer>..</answer>` (the format reward's question)."""

    def judgement(
        self,
        *,
        utterance_id: str,
        condition: str,
        probabilities: Mapping[str, float] | None = None,
        instruction: str | None = None,
    ) -> Judgement | Unjudged:
        """Return what was said as a judgement, or as one that was not made."""
        if self.label is None:
            because = self.because or NO_ANSWER
            found = self.answer or None
            return Unjudged(utterance_id=utterance_id, condition=condition, because=because, detail=found)
        return Judgement(
            label=self.label, probabilities=probabilities or {}, rationale=self.rationale, instruction=instruction
        )


@dataclass(frozen=True, slots=True)
class _Sections:
    """The text between tags."""

    answers: tuple[str, ...]
    thoughts: tuple[str, ...]
    """Each piece of thinking, or of text outside tags."""
    after: str
    """What stands behind the last tag, unless that one begins something."""
    tagged: bool
    closed: bool


def parse_completion(text: str, labels: Sequence[str]) -> Parsed:
    """Read a completion; `labels` is the label space.

    >>> parse_completion("<think>She laughs.</think><answer>Joy.</answer>", ["joy", "fear"]).label
    'joy'
    >>> parse_completion("<think>?</think><answer>boredom</answer>", ["joy", "fear"]).because
    'the answer names no label of the label space'
    """
    shaped = well_formed(text)
    plain = _UNPRINTABLE.sub(" ", text).strip()
    if not plain:
        return Parsed(label=None, because=EMPTY, answer="", rationale=None, well_formed=shaped)
    found = _sections(plain)
    mended = [] if found.tagged else [UNTAGGED]
    mended += [] if found.closed else [UNCLOSED]
    label, because, how = _label(found, tuple(labels))
    reasons = "\n".join(piece for piece in found.thoughts if piece)
    if not found.tagged and label is not None and _same(reasons, label):
        reasons = ""  # the label alone is no reason for it
    mended += [*how, *([CUT] if len(reasons) > LONGEST else [])]
    answer = found.answers[-1] if found.answers else "" if found.tagged else plain
    return Parsed(
        label=label,
        because=because,
        answer=answer[:_SHOWN],
        rationale=reasons[:LONGEST] or None,
        mended=tuple(mended),
        well_formed=shaped,
    )


def well_formed(text: str) -> bool:
    r"""Say whether a text fully matches `<think>.*?</think>\s*<answer>.*?</answer>`, in time linear in its length.

    >>> well_formed("<think>a</think> <answer>b</answer>"), well_formed("a <answer>b</answer>")
    (True, False)
    """
    if not (text.startswith("<think>") and text.endswith("</answer>")):
        return False
    middle = _BETWEEN.search(text, len("<think>"))
    return middle is not None and middle.end() <= len(text) - len("</answer>")


def told_completions(parsed: Sequence[Parsed]) -> tuple[str, ...]:
    """Return in sentences what had to be mended and what could not be read, the commonest first."""
    said = []
    mended = Counter(name for item in parsed for name in item.mended)
    if mended:
        n = sum(bool(item.mended) for item in parsed)
        said.append(f"{n} of {len(parsed)} completions were mended to be read: {_listed(mended)}")
    refused = Counter(item.because for item in parsed if item.because is not None)
    if refused:
        n = sum(refused.values())
        said.append(f"{n} of {len(parsed)} completions gave no label: {_listed(refused)}")
    return tuple(said)


def _listed(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({n})" for name, n in sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _sections(text: str) -> _Sections:
    """Cut a text at its tags; a tag ends where the next one begins, whether it was closed or not."""
    answers: list[str] = []
    thoughts: list[str] = []
    at, inside, closed, tagged = 0, "", True, False
    for tag in _TAG.finditer(text):
        piece, ends, name = text[at : tag.start()].strip(), bool(tag[1]), tag[2].lower()
        (answers if inside == "answer" else thoughts).append(piece)
        closed = closed and (name == inside if ends else not inside)
        inside, at, tagged = "" if ends else name, tag.end(), True
    rest = text[at:].strip()
    (answers if inside == "answer" else thoughts).append(rest)
    after = "" if inside else rest
    return _Sections(tuple(a for a in answers if a), tuple(thoughts), after, tagged, closed and not inside)


def _label(found: _Sections, labels: tuple[str, ...]) -> tuple[str | None, str | None, list[str]]:
    """Return the label or why there is none, and what was mended."""
    if found.answers:
        return _agreed(found.answers, labels)
    if not found.after:
        return None, NO_ANSWER, []
    named, how = _named(found.after, labels)
    if len(named) > 1:
        concluded = _concluded(found.after, labels)
        return (concluded, None, [CONCLUDED]) if concluded is not None else (None, SEVERAL, [])
    if not named:
        return None, UNKNOWN, []
    return named[0], None, how


def _agreed(answers: Sequence[str], labels: tuple[str, ...]) -> tuple[str | None, str | None, list[str]]:
    """Return what the answers name; one that names nothing (an echo of the prompt) gives way to one that does."""
    read = [_named(answer, labels) for answer in answers]
    telling = [(named, how) for named, how in read if named]
    if not telling:
        return None, UNKNOWN, []
    if any(len(named) > 1 for named, _ in telling):
        return None, SEVERAL, []
    if len({named[0] for named, _ in telling}) > 1:
        return None, DIFFER, []
    again = [REPEATED] if len(answers) > 1 else []
    return telling[0][0][0], None, [*telling[0][1], *again]


def _concluded(text: str, labels: tuple[str, ...]) -> str | None:
    """Return the label of the last sentence that names one, if it says that it concludes."""
    for sentence in reversed(_SENTENCE.findall(text)):
        named, _ = _named(sentence, labels)
        if named:
            return named[0] if len(named) == 1 and _CONCLUDES.search(sentence) else None
    return None


def _named(text: str, labels: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Return the labels that a text names, and what was mended to see it."""
    for label in labels:
        if _same(text, label):
            return [label], []
    lexicon = _lexicon(labels)
    folded = _folded(text)
    spoken = {lexicon.spellings[found[0]] for found in lexicon.labels.finditer(folded)} if labels else set()
    if spoken:
        return [label for label in labels if label in spoken], [IN_A_SENTENCE]
    by_word = [label for label, pattern in lexicon.words if pattern.search(folded)]
    return by_word, [BY_A_WORD]


@dataclass(frozen=True, slots=True)
class _Lexicon:
    labels: re.Pattern[str]
    spellings: Mapping[str, str]
    words: tuple[tuple[str, re.Pattern[str]], ...]


@lru_cache(maxsize=64)
def _lexicon(labels: tuple[str, ...]) -> _Lexicon:
    spellings = {_folded(label): label for label in reversed(labels)}
    longest = sorted(spellings, key=lambda spelling: (-len(spelling), spelling))
    either = "|".join(_whole(spelling) for spelling in longest)
    words = tuple((label, re.compile(_DENIED + words_for(label), re.IGNORECASE)) for label in labels)
    return _Lexicon(re.compile(_DENIED + f"(?:{either})"), spellings, words)


def _whole(spelling: str) -> str:
    """Return a pattern of a label as a whole word; scripts without spaces between words have no such edges."""
    edge = spelling.isascii()
    return rf"(?<!\w){re.escape(spelling)}(?!\w)" if edge else re.escape(spelling)


def _same(text: str, label: str) -> bool:
    """Say whether a text is a label but for case and the marks around it; a longer text is not looked through."""
    return len(text) <= len(label) + _SHOWN and _bare(text) == _bare(label)


def _bare(text: str) -> str:
    folded = _folded(text)
    start, end = 0, len(folded)
    while start < end and not folded[start].isalnum():
        start += 1
    while end > start and not folded[end - 1].isalnum():
        end -= 1
    return folded[start:end]


def _folded(text: str) -> str:
    """Return a text in one case and one normal form, its blanks and underscores alike."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().replace("_", " ").split())
