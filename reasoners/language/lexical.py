"""Writes reasoning anew by word lists alone: no model, the same every time, English.

A mistake says of a sentence what is not so: a cue becomes its contrary, else an emotion becomes another one of the
label space, else the sentence is denied. A cue comes first, because a sentence that names another emotion nearly says
the answer. A paraphrase exchanges words that have a synonym; words of emotions stay, since another word may speak for
another label. The lists are this project's own (Apache-2.0).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np

from affidavit.lexicons.emotions import words_for
from reasoners.language.rewriting import MISTAKE, Passage, Writer, same_words

VERSION: Final = "1"
_CONTRARIES: Final = (
    *(("high", "low"), ("higher", "lower"), ("raised", "lowered"), ("raises", "lowers"), ("rising", "falling")),
    *(("loud", "quiet"), ("louder", "quieter"), ("loudly", "quietly"), ("fast", "slow"), ("faster", "slower")),
    *(
        ("quickly", "slowly"),
        ("quick", "sluggish"),
        ("shaky", "steady"),
        ("trembling", "firm"),
        ("shakes", "is steady"),
    ),
    *(("trembles", "is firm"), ("smile", "frown"), ("smiles", "frowns"), ("smiling", "frowning")),
    *(("laughs", "weeps"), ("laughing", "weeping"), ("laughter", "weeping"), ("laugh", "sob"), ("tense", "relaxed")),
    *(("tight", "loose"), ("warm", "cold"), ("bright", "dull"), ("lively", "flat"), ("harsh", "gentle")),
    *(("harshly", "gently"), ("strong", "weak"), ("wide", "narrow"), ("open", "closed")),
    *(("positive", "negative"), ("pleasant", "unpleasant"), ("good", "bad"), ("friendly", "hostile")),
    *(("excited", "bored"), ("always", "never"), ("everything", "nothing"), ("likes", "dislikes")),
    *(("loves", "hates"), ("love", "hate"), ("wants", "refuses"), ("agrees", "disagrees"), ("more", "less")),
)
_FORMS: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "anger": ("anger", "angry", "angrily"),
        "disgust": ("disgust", "disgusted", "with disgust"),
        "fear": ("fear", "afraid", "fearfully"),
        "joy": ("joy", "happy", "happily"),
        "neutral": ("calm", "calm", "calmly"),
        "sadness": ("sadness", "sad", "sadly"),
        "surprise": ("surprise", "surprised", "with surprise"),
    }
)
"""Of each emotion the noun, the word for who has it, and how somebody speaks."""
_NOUN: Final = re.compile(
    r"(?:ness|ion|ance|ment|[^s]ure|anger|fear|joy|rage|fury|disgust|surprise|grief|terror|dread)$"
)
_DENIABLE: Final = re.compile(r"\b(is|are|was|were|does|do|did|can|could|will|would|has|have|had|should|must)\b", re.I)
_STATED: Final = re.compile(
    r"\b(he|she|it|this|that|who|speaker|person|voice|face|tone) (?!is\b|was\b)(\w+?)s\b(?!')", re.I
)
"""Somebody or something in the singular, and what it does."""
_DENIED: Final = re.compile(r"\s+not\b|n't\b|n\u2019t\b", re.I)
_SYNONYMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "because": "since",
        "therefore": "thus",
        "thus": "therefore",
        "but": "yet",
        "although": "though",
        "also": "as well",
        "very": "really",
        "really": "truly",
        "quite": "rather",
        "shows": "reveals",
        "show": "reveal",
        "shown": "revealed",
        "showing": "revealing",
        "suggests": "hints at",
        "suggest": "hint at",
        "suggesting": "hinting at",
        "indicates": "points to",
        "indicate": "point to",
        "indicating": "pointing to",
        "expresses": "conveys",
        "express": "convey",
        "expressed": "conveyed",
        "expressing": "conveying",
        "feels": "is feeling",
        "seems": "appears",
        "seem": "appear",
        "appears": "seems",
        "looks": "appears",
        "says": "states",
        "said": "stated",
        "saying": "stating",
        "speaks": "talks",
        "speaking": "talking",
        "uses": "makes use of",
        "asks": "inquires",
        "asking": "inquiring",
        "speaker": "person who speaks",
        "person": "individual",
        "people": "persons",
        "word": "expression",
        "words": "expressions",
        "sentence": "phrase",
        "statement": "remark",
        "tone": "manner",
        "emotion": "feeling",
        "emotions": "feelings",
        "feeling": "emotion",
        "situation": "circumstances",
        "conversation": "talk",
        "response": "reply",
        "question": "query",
        "reason": "cause",
        "clear": "plain",
        "clearly": "plainly",
        "strong": "intense",
        "strongly": "intensely",
        "slightly": "a little",
        "begins": "starts",
        "ends": "closes",
        "often": "frequently",
        "many": "a lot of",
        "different": "distinct",
        "trying": "attempting",
        "tries": "attempts",
        "wants": "wishes",
        "want": "wish",
        "needs": "requires",
        "help": "aid",
        "probably": "presumably",
        "perhaps": "maybe",
        "maybe": "perhaps",
    }
)
_EXCHANGED: Final[Mapping[str, str]] = MappingProxyType(
    {**dict(reversed(_CONTRARIES)), **{b: a for a, b in reversed(_CONTRARIES) if " " not in b}}
)


def _listed(words: Sequence[str]) -> re.Pattern[str]:
    longest = sorted(words, key=lambda word: (-len(word), word))
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest))})\b", re.IGNORECASE)


_CUE: Final = _listed(list(_EXCHANGED))
_KNOWN: Final = _listed(list(_SYNONYMS))


class LexicalRewriter:
    """Implements `Rewriter`."""

    name: Writer = "lexical"

    def rewritten(self, passages: Sequence[Passage]) -> list[str | None]:
        """Return each passage anew; None where the lists have nothing for it."""
        return [_anew(passage) for passage in passages]


def mistaken(sentence: str, labels: Sequence[str], *, seed: int) -> str | None:
    """Return a sentence that says what the one given does not; None where nothing can be found to say.

    >>> mistaken("Her voice is loud.", ["anger", "joy"], seed=0)
    'Her voice is quiet.'
    >>> mistaken("He sounds angry.", ["anger", "joy"], seed=0)
    'He sounds happy.'
    >>> mistaken("They will come.", ["anger", "joy"], seed=0)
    'They will not come.'
    """
    ways: tuple[Callable[[], str], ...] = (
        lambda: _replaced(_CUE, _EXCHANGED, sentence),
        lambda: _other_emotion(sentence, labels, seed),
        lambda: _denied(sentence),
    )
    tried = (way() for way in ways)
    return next((text for text in tried if not same_words(text, sentence)), None)


def paraphrased(text: str) -> str | None:
    """Return a text with synonyms where the list has one; None where it has none.

    >>> paraphrased("The speaker clearly says that she is angry.")
    'The person who speaks plainly states that she is angry.'
    """
    found = _replaced(_KNOWN, _SYNONYMS, text)
    return None if same_words(found, text) else found


def _anew(passage: Passage) -> str | None:
    if passage.operator == MISTAKE:
        return mistaken(passage.text, passage.labels, seed=passage.seed)
    return paraphrased(passage.text)


def _replaced(listed: re.Pattern[str], instead: Mapping[str, str], text: str) -> str:
    return listed.sub(lambda found: _cased(instead[found.group().lower()], found.group()), text)


def _other_emotion(sentence: str, labels: Sequence[str], seed: int) -> str:
    """Return a sentence in which every word of one label's emotion is another's; which one is drawn by the seed."""
    named = [label for label in labels if re.search(words_for(label), sentence, re.IGNORECASE)]
    others = [label for label in labels if label not in named]
    if not named or not others:
        return sentence
    other = others[int(np.random.default_rng(seed).integers(len(others)))]
    either = "|".join(words_for(label) for label in named)
    return re.sub(
        either, lambda found: _cased(_form(other, found.group()), found.group()), sentence, flags=re.IGNORECASE
    )


def _form(label: str, instead_of: str) -> str:
    """Return a word for a label in the form of the word whose place it takes."""
    emotion = next((name for name in _FORMS if re.fullmatch(words_for(label), name, re.IGNORECASE)), None)
    if emotion is None:
        return label
    noun, adjective, adverb = _FORMS[emotion]
    word = instead_of.lower()
    return adverb if word.endswith("ly") else noun if _NOUN.search(word) else adjective


def _denied(sentence: str) -> str:
    """Return a sentence without its `not`, or with one where its verb is found; as it is where it has neither."""
    if _DENIED.search(sentence):
        return _DENIED.sub("", sentence, count=1)
    if _DENIABLE.search(sentence):
        return _DENIABLE.sub(r"\1 not", sentence, count=1)
    return _STATED.sub(lambda found: f"{found[1]} does not {_infinitive(found[2])}", sentence, count=1)


def _infinitive(stem: str) -> str:
    """Return a verb whose form without the last s this is.

    >>> [_infinitive(stem) for stem in ("speak", "crie", "goe", "express", "expresse", "smile")]
    ['speak', 'cry', 'go', 'express', 'express', 'smile']
    """
    if stem.endswith("ie"):
        return f"{stem[:-2]}y"
    return stem[:-1] if stem.endswith(("oe", "sse", "she", "che", "xe", "zze")) else stem


def _cased(word: str, like: str) -> str:
    return word[:1].upper() + word[1:] if like[:1].isupper() else word
