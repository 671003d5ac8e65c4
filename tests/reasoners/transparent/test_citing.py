"""What rationales of each kind cite, by hand; and every sentence is read back as it was meant."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from affidavit.citations import can_be_read, citations, cited_letters
from affidavit.lexicons.emotions import EMOTIONS, words_for
from affidavit.lexicons.identities import IDENTITIES
from reasoners.transparent.citing import KINDS, cite, decorative_law, shown_law, speaker_law
from reasoners.transparent.decisions import decide
from reasoners.transparent.judging import judge_all
from reasoners.transparent.options import TransparentOptions
from reasoners.transparent.patterns import all_patterns, pattern_code, telling_rates
from reasoners.transparent.truths import cited, used
from reasoners.transparent.wording import N_CITATIONS, TEMPLATES, rationales, sentences

LABELS = ("anger", "fear", "joy")
ANGER, FEAR, JOY, SILENT = range(4)
ALL = 7


def kinds_of(told: tuple[int, int, int], mask: int, *, leading: int = 0, **options: Any) -> dict[str, set[str]]:
    chosen = TransparentOptions(labels=LABELS, **options)
    found = cite(chosen, decide(chosen))
    place = 0, leading, mask, int(pattern_code(np.array(told), 3))
    coded = {"faithful": int(found.faithful[place]), "inverted": int(found.inverted[place])}
    return {kind: {letter for bit, letter in enumerate("TAV") if code >> bit & 1} for kind, code in coded.items()}


def test_what_is_cited_by_hand() -> None:
    assert kinds_of((JOY, FEAR, FEAR), ALL) == {"faithful": {"T"}, "inverted": {"A", "V"}}
    assert kinds_of((JOY, FEAR, FEAR), 6, leading=0) == {"faithful": {"A"}, "inverted": {"A", "V"}}
    assert kinds_of((JOY, JOY, FEAR), ALL) == {"faithful": {"T"}, "inverted": {"T", "A", "V"}}
    assert kinds_of((JOY, JOY, FEAR), ALL, redundant="nothing")["faithful"] == set()
    assert kinds_of((SILENT, JOY, FEAR), ALL) == {"faithful": {"A"}, "inverted": {"T", "V"}}
    assert kinds_of((JOY, FEAR, FEAR), ALL, rule="vote") == {"faithful": {"A", "V"}, "inverted": {"T"}}
    assert kinds_of((JOY, FEAR, FEAR), 3, rule="vote") == {"faithful": {"T"}, "inverted": {"A"}}
    assert kinds_of((JOY, JOY, JOY), ALL, rule="vote")["faithful"] == {"T"}
    assert kinds_of((JOY, FEAR, FEAR), ALL, leading=2, rule="blind") == {"faithful": {"V"}, "inverted": {"T", "A", "V"}}
    assert kinds_of((JOY, FEAR, FEAR), 1) == {"faithful": {"T"}, "inverted": set()}


@pytest.mark.parametrize("rule", ["leading", "vote"])
def test_a_decorative_rationale_cites_at_the_rates_of_a_faithful_one(rule: str) -> None:
    """The law of citations is held against a slow sum over everybody and everything."""
    options = TransparentOptions(
        labels=LABELS,
        label_shares={"anger": 3, "fear": 2, "joy": 1},
        leading_by={"sex": {"male": {"video": 1}}},
        rule=rule,
    )
    found = cite(options, decide(options))
    rates, patterns = telling_rates(options), all_patterns(3)
    prior = [3 / 6, 2 / 6, 1 / 6]
    for condition in ("TAV", "AV", "TAV/resampled=TA"):
        showing = options.showing(condition)
        slow = np.zeros(8)
        leading = 0.5 * np.array(options.leading.shares) + 0.5 * np.array([0, 0, 1])
        for told, (own, donor) in product(patterns, product(range(3), range(3))):
            felt = [donor if taken else own for taken in showing.resampled]
            chance = prior[own] * prior[donor] * np.prod([rates[m, felt[m], told[m]] for m in range(3)])
            for who in range(3):
                code = found.faithful[0, who, showing.mask, int(pattern_code(told, 3))]
                slow[code] += leading[who] * chance
        assert decorative_law(options, found, showing).tolist() == pytest.approx(slow.tolist())
        assert shown_law(options, showing).sum() == pytest.approx(1)
        assert speaker_law(options, showing)[0].tolist() == pytest.approx(leading.tolist())


def every_sentence(options: TransparentOptions) -> list[tuple[str, set[str], str | None, bool]]:
    space = product(range(len(TEMPLATES)), range(N_CITATIONS), (*options.labels, None), (False, True))
    meant = [({m for b, m in enumerate("TAV") if code >> b & 1}, label, told) for _, code, label, told in space]
    return [(text, *parts) for text, parts in zip(sentences(options), meant, strict=True)]


@pytest.mark.parametrize("feature", ["accent", "age", "sex"])
def test_every_sentence_is_read_back(feature: str) -> None:
    level = next(iter(TransparentOptions().levels[feature]))
    options = TransparentOptions(identity={"feature": feature, "level": level, "label": "joy"})
    known = every_sentence(options)
    assert len(known) == 2 * 8 * 8 * 2
    texts = pa.array([row[0] for row in known])
    columns = {letter: found.to_pylist() for letter, found in citations(texts).items()}
    assert all(can_be_read(texts).to_pylist())
    for i, (text, letters, label, disclosed) in enumerate(known):
        assert cited_letters(text) == letters, text
        assert {letter for letter, found in columns.items() if found[i]} == letters, text
        named = {other for other in options.labels if re.search(words_for(other), text, re.IGNORECASE)}
        assert named == ({label} if label else set()), text
        assert bool(re.search(EMOTIONS.pattern, text, re.IGNORECASE)) == (label is not None)
        assert (feature in text) == disclosed
        if feature == "accent":
            assert bool(re.search(IDENTITIES.pattern, text, re.IGNORECASE)) == disclosed


def test_sentences_are_told_apart_by_their_code() -> None:
    options = TransparentOptions(labels=LABELS)
    told = rationales(
        options,
        template=np.array([0, 1, 0]),
        cited=np.array([3, 0, 4]),
        named=np.array([2, 1, 3]),
        disclosed=np.array([False, False, False]),
    )
    assert told.to_pylist() == [
        "Judging by the words that were chosen and the pitch and pace of the voice, this is joy.",
        "I take it for fear, because of nothing in particular.",
        "This follows from the brows and the mouth.",
    ]


@pytest.mark.parametrize("rule", ["leading", "vote"])
def test_each_kind_cites_as_it_should(rule: str) -> None:
    """Drawn rationales are held against what was used, which brute force confirms elsewhere."""
    options = TransparentOptions(
        n_speakers=400,
        rule=rule,
        honesty={"faithful": 4, "decorative": 2, "template": 1, "inverted": 1},
        conditions=["TAV", "TV", "T", "TAV/resampled=TV"],
    )
    judged = judge_all(options, np.random.default_rng(0))
    kind = np.array(KINDS)[judged.drawn.kind]
    for condition in options.conditions:
        truly, says = used(options, judged, condition), cited(options, judged, condition)
        shown = np.array([letter in condition.split("/")[0] for letter in "TAV"])
        faithful = kind == "faithful"
        mattered = faithful & truly.any(axis=1)
        assert (says[mattered] == truly[mattered]).all()
        redundant = faithful & ~truly.any(axis=1)
        assert redundant.any()
        assert (says[redundant].sum(axis=1) == 1).all()
        assert not says[faithful][:, ~shown].any()
        assert says[kind == "template"].all()
        assert (says[kind == "inverted"] == (shown & ~truly[kind == "inverted"])).all()
        rates = [
            (int(says[kind == k, m].sum()), int((kind == k).sum()))
            for k in ("decorative", "faithful")
            for m in range(3)
        ]
        for m in range(3):
            decorative, expected = rates[m], rates[m + 3]
            table = [[n, of - n] for n, of in (decorative, expected)]
            assert table[0][0] == table[1][0] == 0 or stats.fisher_exact(table).pvalue > 1e-4


def test_a_decorative_rationale_knows_nothing_of_use() -> None:
    options = TransparentOptions(n_speakers=1500, honesty={"decorative": 1}, conditions=["TAV"])
    judged = judge_all(options, np.random.default_rng(3))
    truly, says = used(options, judged, "TAV"), cited(options, judged, "TAV")
    for m in range(3):
        assert abs(np.corrcoef(truly[:, m], says[:, m])[0, 1]) < 4 / np.sqrt(len(says))
