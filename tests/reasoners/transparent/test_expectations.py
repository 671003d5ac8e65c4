"""Expected rates equal a slow enumeration of everything that can happen, and what large tables show."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affidavit.citations import citations
from affidavit.errors import PlanError
from reasoners.transparent.door import simulate
from reasoners.transparent.expectations import (
    Citing,
    expected_accuracy,
    expected_change_rate,
    expected_citing,
    expected_coherence,
    expected_repeat_change_rate,
    removals,
)
from reasoners.transparent.judging import judge_all
from reasoners.transparent.options import TransparentOptions
from reasoners.transparent.truths import cited

PAGE = Path(__file__).resolve().parents[3] / "docs" / "transparent.md"
NAMES = ("text", "audio", "video")
TWO: dict[str, Any] = {
    "labels": ("fear", "joy"),
    "label_shares": {"fear": 0.7, "joy": 0.3},
    "reliability": {"text": 0.9, "audio": 0.7, "video": 0.6},
    "silent": {"text": 0.1, "audio": 0.2, "video": 0.3},
    "accents": ["near", "far"],
    "ages": ["young"],
    "noise": 0.15,
}
IDENTITY = {"feature": "sex", "level": "male", "label": "joy", "shift": 0.9}
MIXED = {"faithful": 0.5, "decorative": 0.2, "template": 0.1, "inverted": 0.2}


def decide_slowly(options: TransparentOptions, told: dict[str, int], leading: int, shifted: bool) -> int:
    """Return the answer to what is shown and told (label codes by letter; silent ones are left out)."""
    votes = [0.0] * len(options.labels)
    if options.rule == "leading":
        for letter in ["TAV"[leading], *(NAMES[i][0].upper() for i in (NAMES.index(n) for n in options.order))]:
            if letter in told:
                votes[told[letter]] = 1.0
                break
    else:
        for letter, label in told.items():
            votes[label] += options.weights.by_modality["TAV".index(letter)]
        if shifted and options.identity is not None:
            votes[options.labels.index(options.identity.label)] += options.identity.shift
    return votes.index(max(votes)) if max(votes) > 0 else options.prior_label


def under(condition: str, own: dict[str, int], donor: dict[str, int]) -> dict[str, int]:
    """Return what a condition shows that is not silent (2)."""
    modalities, _, done = condition.partition("/")
    taken = done.removeprefix("resampled=") if done.startswith("resampled") else ""
    told = {letter: (donor if letter in taken else own)[letter] for letter in modalities}
    return {letter: label for letter, label in told.items() if label < 2}


def every_world(options: TransparentOptions) -> list[tuple[float, dict[str, int], dict[str, int], int]]:
    """Return chance, what is told, what a donor tells, and the true label, in all combinations."""
    prior = list(options.label_distribution.values())
    patterns: list[tuple[float, dict[str, int], int]] = []
    for felt, told in product(range(2), product(range(3), repeat=3)):
        chance = prior[felt]
        for m, label in enumerate(told):
            silent, right = options.silent.by_modality[m], options.reliability.by_modality[m]
            chance *= silent if label == 2 else (1 - silent) * (right if label == felt else 1 - right)
        patterns.append((chance, dict(zip("TAV", told, strict=True)), felt))
    return [(p * q, own, donor, felt) for (p, own, felt), (q, donor, _) in product(patterns, patterns)]


def pairs_shown(options: TransparentOptions, before: str, after: str) -> dict[tuple[Any, Any], float]:
    """Return the chance of each pair of what is shown before and after."""
    found: dict[tuple[Any, Any], float] = defaultdict(float)
    for chance, own, donor, _ in every_world(options):
        shown = (tuple(under(condition, own, donor).items()) for condition in (before, after))
        found[tuple(shown)] += chance  # type: ignore[index]
    return found


def everybody(options: TransparentOptions) -> Iterator[tuple[float, dict[str, str], int]]:
    for cell, share in options.cells():
        for leading, part in enumerate(options.leading_in(cell)):
            yield share * part, cell, leading


def is_shifted(options: TransparentOptions, cell: dict[str, str], condition: str) -> bool:
    rendered = {"sex": condition.partition("/sex=")[2]} if "/sex=" in condition else {}
    return options.is_shifted(cell | rendered)


def cites_slowly(
    options: TransparentOptions, told: dict[str, int], shown: str, who: tuple[int, bool]
) -> dict[str, str]:
    """Return the letters that faithful and inverted rationales cite."""
    answer = decide_slowly(options, told, *who)
    without = {letter: {k: v for k, v in told.items() if k != letter} for letter in shown}
    needed = "".join(letter for letter in shown if decide_slowly(options, without[letter], *who) != answer)
    ranked = "TAV"
    if options.rule == "leading":
        ranked = "TAV"[who[0]] + "TAV".replace("TAV"[who[0]], "")
    source = [letter for letter in ranked if letter in told and (told[letter] == answer or options.rule == "leading")]
    source += [letter for letter in ranked if letter in shown]
    return {"faithful": needed or source[0], "inverted": "".join(k for k in shown if k not in needed)}


def differ_slowly(options: TransparentOptions, answers: tuple[int, int]) -> float:
    """Return the chance that two judgings differ, each of which may slip."""
    n, chance = options.noise, 0.0
    for slips in product((False, True), repeat=2):
        said = [range(2) if slip else [answer] for slip, answer in zip(slips, answers, strict=True)]
        pairs = list(product(*said))
        chance += float(np.prod([n if slip else 1 - n for slip in slips])) * sum(a != b for a, b in pairs) / len(pairs)
    return chance


def slow_joint(options: TransparentOptions, before: str, after: str, letter: str, groups: dict[str, str]) -> Any:
    """Return [2, 2] of (cited, changed) for one modality by going through every world and everybody."""
    shown, worlds = before.partition("/")[0], pairs_shown(options, before, after)
    rows = []
    for part, cell, leading in everybody(options):
        for (first, second), chance in worlds.items():
            who = [(leading, is_shifted(options, cell, condition)) for condition in (before, after)]
            letters = cites_slowly(options, dict(first), shown, who[0])
            answers = decide_slowly(options, dict(first), *who[0]), decide_slowly(options, dict(second), *who[1])
            rows.append((part * chance, cell, letters, differ_slowly(options, answers)))
    anyway = sum(weight for weight, _, letters, _ in rows if letter in letters["faithful"])
    joint = np.zeros((2, 2))
    for weight, cell, letters, differ in rows:
        if any(cell[feature] != level for feature, level in groups.items()):
            continue
        faithful, decorative, template, inverted = options.honesty_in(cell)
        cites = faithful * (letter in letters["faithful"]) + inverted * (letter in letters["inverted"])
        cites += template + decorative * anyway
        joint += weight * np.outer([1 - cites, cites], [1 - differ, differ])
    return joint / joint.sum()


CASES: list[tuple[str, dict[str, Any], str, dict[str, str], dict[str, str]]] = [
    ("leading, removed", {}, "TAV", removals(), {}),
    ("leading, resampled", {}, "TAV", removals(operator="resampled"), {"accent": "far"}),
    ("leading, of two", {}, "AV", removals(condition="AV"), {"accent": "near", "sex": "male"}),
    ("leading, two resampled", {}, "TAV", {"video": "TAV/resampled=AV"}, {}),
    ("leading, resampled before", {}, "TAV/resampled=T", {"text": "AV", "audio": "TV"}, {}),
    ("vote", {"rule": "vote"}, "TAV", removals(), {"sex": "male"}),
    ("identity", {"rule": "identity"}, "TAV", removals(), {"sex": "male"}),
    ("identity, rendered", {"rule": "identity"}, "TAV", {"audio": "TAV/sex=female"}, {}),
    ("identity, rendered before", {"rule": "identity"}, "TAV/sex=male", {"text": "AV"}, {"accent": "near"}),
]


@pytest.mark.parametrize(("told", "before", "after", "groups"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_joint_chances_equal_a_slow_enumeration(
    told: dict[str, Any], before: str, after: dict[str, str], groups: dict[str, str]
) -> None:
    options = TransparentOptions(
        **TWO,
        **told,
        honesty=MIXED,
        honesty_by={"accent": {"far": {"faithful": 1, "decorative": 3}}},
        leading_by={"sex": {"male": {"audio": 1, "video": 1}}},
        identity=IDENTITY,
    )
    slow = np.mean([slow_joint(options, before, to, name[0].upper(), groups) for name, to in after.items()], axis=0)
    found = expected_citing(options, before=before, after=after, groups=groups)
    assert found.joint == pytest.approx(slow, abs=1e-12)
    rates = [expected_change_rate(options, before=before, after=to, groups=groups) for to in after.values()]
    assert np.mean(rates) == pytest.approx(float(slow[:, 1].sum()))


@pytest.mark.parametrize("condition", ["TAV", "V", "TA/resampled=T", "TAV/sex=male"])
@pytest.mark.parametrize("rule", ["leading", "vote", "identity", "blind"])
def test_accuracy_and_coherence_equal_a_slow_enumeration(rule: str, condition: str) -> None:
    concludes = {"own": 0.6, "other": 0.3, "none": 0.1}
    options = TransparentOptions(**TWO, rule=rule, identity=IDENTITY, concludes=concludes)
    right = 0.0
    for part, cell, leading in everybody(options):
        for chance, own, donor, felt in every_world(options):
            told = {} if rule == "blind" else under(condition, own, donor)
            answer = decide_slowly(options, told, leading, is_shifted(options, cell, condition))
            right += part * chance * (answer == felt)
    right = 0.85 * right + 0.15 / 2
    assert expected_accuracy(options, condition, {}) == pytest.approx(right)
    found = expected_coherence(options, condition, {})
    assert (found.epc, found.unnamed) == pytest.approx((0.6, 0.1))
    assert found.eea == pytest.approx(0.6 * right + 0.3 * (1 - right))
    assert found.fcr == pytest.approx(0.6 * right)


def test_rates_of_a_joint_by_hand() -> None:
    found = Citing(joint=np.array([[0.4, 0.1], [0.2, 0.3]]))
    assert found.citation_rate == pytest.approx(0.5)
    assert found.effect_rate == pytest.approx(0.4)
    assert found.over_claim == pytest.approx(0.2 / 0.6)
    assert found.omission == pytest.approx(0.1 / 0.4)
    assert found.phi == pytest.approx((0.4 * 0.3 - 0.1 * 0.2) / np.sqrt(0.5 * 0.5 * 0.6 * 0.4))
    never = Citing(joint=np.array([[0.4, 0.0], [0.6, 0.0]]))
    assert (never.phi, never.omission) == (None, None)
    assert never.over_claim == pytest.approx(0.6)


def test_closed_forms() -> None:
    """What the kinds are expected to say follows without any sum."""
    perfect = expected_citing(TransparentOptions(redundant="nothing"), before="TAV", after=removals(), groups={})
    assert (perfect.phi, perfect.over_claim, perfect.omission) == pytest.approx((1, 0, 0))
    template = expected_citing(TransparentOptions(honesty={"template": 1}), before="TAV", after=removals(), groups={})
    assert template.phi is None
    assert (template.over_claim, template.omission) == pytest.approx((1, 0))
    for modality, after in removals().items():
        faithful = expected_citing(TransparentOptions(), before="TAV", after={modality: after}, groups={})
        decorative = expected_citing(
            TransparentOptions(honesty={"decorative": 1}), before="TAV", after={modality: after}, groups={}
        )
        rate = faithful.citation_rate
        assert decorative.citation_rate == pytest.approx(rate)
        assert decorative.phi == pytest.approx(0, abs=1e-9)
        assert (decorative.over_claim, decorative.omission) == pytest.approx((rate, 1 - rate))
        assert faithful.effect_rate == pytest.approx(decorative.effect_rate)
        assert faithful.omission == pytest.approx(0)
    blind = expected_citing(TransparentOptions(rule="blind"), before="TAV", after=removals(), groups={})
    assert blind.phi is None
    assert (blind.effect_rate, blind.citation_rate) == pytest.approx((0, 1 / 3))
    reliable = {"reliability": {"text": 1, "audio": 1, "video": 1}, "silent": 0}
    agreeing = expected_citing(TransparentOptions(**reliable), before="TAV", after=removals(), groups={})
    assert agreeing.effect_rate == pytest.approx(0), "modalities that say the same replace each other"
    donor = expected_change_rate(TransparentOptions(**reliable), before="TAV", after="TAV/resampled=V", groups={})
    assert donor == pytest.approx(0.2 * 6 / 7), "video leads in a fifth, and a donor feels otherwise in six of seven"


def test_noise_is_a_floor_under_every_effect() -> None:
    options = TransparentOptions(noise=0.2)
    assert expected_repeat_change_rate(options) == pytest.approx((0.4 - 0.04) * 6 / 7)
    judged = judge_all(
        TransparentOptions(noise=0.2, repeats=2, conditions=["TAV"], n_speakers=1000), np.random.default_rng(0)
    )
    rate = float((judged.answer[:, 0, 0] != judged.answer[:, 0, 1]).mean())
    assert rate == pytest.approx(expected_repeat_change_rate(options), abs=4 * np.sqrt(0.25 / len(judged.answer)))


def cluster_z(values: Any, expected: float, speaker: Any) -> float:
    """Return how many standard errors the mean lies from `expected`, speakers being the clusters."""
    residual = np.bincount(speaker, values - expected)
    return float(residual.sum() / np.sqrt((residual**2).sum()))


@pytest.mark.parametrize("rule", ["leading", "vote", "identity"])
def test_large_tables_have_the_expected_rates(rule: str) -> None:
    options = TransparentOptions(
        n_speakers=2500, rule=rule, identity=IDENTITY, honesty=MIXED, noise=0.05, icc=0.4,
        leading_by={"accent": {"highland": {"video": 1}}}, conditions=["TAV", "TA", "TAV/resampled=V", "TAV/sex=male"],
        label_shares={"joy": 3, "neutral": 2, "anger": 1, "fear": 1},
    )  # fmt: skip
    judged = judge_all(options, np.random.default_rng(7))
    speaker, answer = judged.drawn.speaker, judged.answer[:, :, 0]
    cites = cited(options, judged, "TAV")[:, 2]
    accent = np.array(list(options.levels["accent"]))[judged.drawn.level["accent"]][speaker]
    for groups, rows in (({}, accent != ""), ({"accent": "highland"}, accent == "highland")):
        for i, after in enumerate(options.conditions[1:], start=1):
            joint = expected_citing(options, before="TAV", after={"video": after}, groups=groups).joint
            changed = answer[:, 0] != answer[:, i]
            for c, d in product((0, 1), repeat=2):
                here = (cites == c) & (changed == d)
                assert abs(cluster_z(here[rows], joint[c, d], speaker[rows])) < 4.5, (groups, after, c, d)
        for i, condition in enumerate(options.conditions):
            right = answer[:, i] == judged.drawn.label
            assert abs(cluster_z(right[rows], expected_accuracy(options, condition, groups), speaker[rows])) < 4.5


def phi_of_table(honesty: dict[str, float], seed: int) -> float:
    """Return the mean over modalities of phi in a table of 40 speakers, from its columns alone."""
    options = TransparentOptions(honesty=honesty, n_speakers=40, noise=0.02, conditions=["TAV", "TA", "TV", "AV"])
    table = simulate(options, np.random.default_rng(seed))
    answer = table["y_pred"].combine_chunks().indices.to_numpy().reshape(-1, 4)
    letters = citations(table["rationale"].combine_chunks().dictionary_decode())
    cites = {letter: found.to_numpy(zero_copy_only=False).reshape(-1, 4)[:, 0] for letter, found in letters.items()}
    pairs = [(cites[letter], answer[:, 0] != answer[:, i]) for letter, i in (("V", 1), ("A", 2), ("T", 3))]
    return float(np.mean([np.corrcoef(*pair)[0, 1] for pair in pairs]))


def test_planted_rationales_are_told_from_faithful_ones_by_their_table_alone() -> None:
    faithful = [phi_of_table({"faithful": 1}, seed) for seed in range(6)]
    decorative = [phi_of_table({"decorative": 1}, seed) for seed in range(6)]
    inverted = [phi_of_table({"inverted": 1}, seed) for seed in range(6)]
    assert min(faithful) > 0.3 > 0.1 > max(np.abs(decorative))
    assert max(inverted) < -0.3


@pytest.mark.parametrize(
    ("before", "after", "groups", "match"),
    [
        ("TAV", {"touch": "TA"}, {}, "no such modality"),
        ("TX", {"video": "TA"}, {}, "does not parse"),
        ("TAV", {"video": "TAV/noise=1dB"}, {}, "'noise' is none of"),
        ("TAV", {"video": "TA"}, {"race": "x"}, "no such feature"),
        ("TAV", {"video": "TA"}, {"accent": "x"}, "no such level of accent"),
        ("TAV", {"video": "TA"}, {"accent": "unknown"}, "no such level of accent"),
    ],
)
def test_what_cannot_be_expected(before: str, after: dict[str, str], groups: dict[str, str], match: str) -> None:
    with pytest.raises(PlanError, match=match):
        expected_citing(TransparentOptions(), before=before, after=after, groups=groups)


def test_removals_by_hand() -> None:
    assert removals() == {"text": "AV", "audio": "TV", "video": "TA"}
    assert removals(condition="VA") == {"audio": "V", "video": "A"}
    assert removals(operator="resampled", condition="V") == {"video": "V/resampled=V"}
    with pytest.raises(PlanError, match="no such removal"):
        removals(condition="V")


ROW = re.compile(r"^\| (leading|vote) \| (\w+) \| (absent|resampled) \| (.*) \|$", re.MULTILINE)


def test_the_page_states_what_is_expected() -> None:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert len(rows) == 8
    for rule, kind, operator, stated in rows:
        options, after = TransparentOptions(rule=rule, honesty={kind: 1}), removals(operator=operator)
        pooled = expected_citing(options, before="TAV", after=after, groups={})
        each = [expected_citing(options, before="TAV", after={name: to}, groups={}) for name, to in after.items()]
        means = [
            sum(numbers) / len(numbers)
            for numbers in (
                [citing.phi or 0.0 for citing in each],
                [citing.over_claim or 0.0 for citing in each],
                [citing.omission or 0.0 for citing in each],
            )
        ]
        numbers = (pooled.phi, *means)
        found = [f"{number:.3f}".replace("-0.000", "0.000") for number in numbers if number is not None]
        assert stated.split(" | ") == found, (rule, kind, operator)
