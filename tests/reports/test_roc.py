"""The curves of an attack on membership: drawn from their exhibit, to scale, and honest about what cannot be told."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from affidavit.disclosure.release import released
from affidavit.disclosure.rule import DisclosureRule
from affidavit.plan import AuditPlan, Choice, RunSource, Statistics
from affidavit.report import AuditReport
from affidavit.run import audit
from affidavit.testing import predictions_frame
from reports.document import Figure
from reports.drawings import roc_pictures
from reports.drawings.gallery import pictures_of
from reports.drawings.pictures import attack_curves, attack_curves_by_group, attack_curves_by_run
from reports.drawings.privacy_bound import ACCOUNTS, PrivacyBound, bound_of
from reports.drawings.roc_chart import LARGE_PX, attacks_chart
from reports.formats.html import RENDERER
from reports.formats.markdown import MarkdownRenderer

SVG = "{http://www.w3.org/2000/svg}"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def curve(n: int, *, attack: str = "RMIA", features: str = "", group: str = "everybody", run: str = "r") -> list[Any]:
    """Return the rows of one curve: of n non-members and 50 members, one point for each number of false alarms."""
    shares = [min(1.0, (0.1 + k / n) ** 0.7) for k in range(1, n + 1)]
    named = {"run": run, "attack": attack, "leads": "yes" if attack == "RMIA" else "no"}
    return [
        {**named, "features": features, "group": group, "fpr": k / n, "tpr": tpr}
        | {"tpr_low": tpr / 2, "tpr_high": min(1.0, 1.3 * tpr), "n_members": 50, "n_non_members": n}
        for k, tpr in enumerate(shares, start=1)
    ]


def table(*curves: list[Any]) -> pa.Table:
    return pa.Table.from_pylist([row for rows in curves for row in rows])


def at_hand(roc: pa.Table | None, accounts: pa.Table | None = None) -> Callable[[AuditReport, str], pa.Table | None]:
    """Return what stands for a report's exhibits: curves, and what a ledger promises."""
    return lambda _, name: {roc_pictures.ROC: roc, ACCOUNTS: accounts}[name]


def accounted(*epsilons: float | None, delta: float = 1e-3, unit: str = "patient", run: str = "r") -> pa.Table:
    """Return the rows of `privacy-accounts`; an accountant without an epsilon has none, and nobody is asked of None."""
    rows = [
        {"run": run, "sites": "north", "unit": unit, "delta": delta, "accountant": f"a{i}", "epsilon": epsilon}
        for i, epsilon in enumerate(epsilons)
    ]
    return pa.Table.from_pylist(rows)


def texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{SVG}text")]


def paths(svg: str, stroke: str) -> list[list[tuple[float, float]]]:
    """Return the corners of every line of one colour."""
    found = [e for e in ET.fromstring(svg).iter(f"{SVG}path") if f"--picture-{stroke}," in (e.get("stroke") or "")]
    numbers = [[float(x) for x in NUMBER.findall(e.get("d") or "")] for e in found]
    return [list(zip(line[::2], line[1::2], strict=True)) for line in numbers if len(line) > 4]


def place(row: dict[str, Any], low: float, side: float) -> tuple[float, float]:
    """Return where a point lies in a square plate whose axes run from `low` to 1, both logarithmic."""
    return (
        side * (1 - math.log10(row["fpr"]) / math.log10(low)),
        side * math.log10(row["tpr"]) / math.log10(low),
    )


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> AuditReport:
    rng = np.random.default_rng(0)
    member, accents = np.arange(240) < 100, np.array(["Irish", "Scottish", "Welsh"])
    frame = {
        "unit_id": [f"p{i}" for i in range(240)],
        "member": member.astype(int),
        "confidence": rng.normal(0, 1, 240) + 1.5 * member,
        "shadow_0": rng.normal(0, 1, 240),
        "shadow_1": rng.normal(0, 1, 240),
        "group_accent": accents[np.arange(240) % 3],
    }
    import pandas as pd

    path: Path = tmp_path_factory.mktemp("roc") / "losses.csv"
    pd.DataFrame(frame).to_csv(path, index=False)
    plan = AuditPlan(
        runs={"r": RunSource(table="t")},
        statistics=Statistics(n_resamples=100, n_permutations=99),
        examinations=(Choice(name="membership", options={"losses": str(path)}),),
    )
    return audit(predictions_frame(n_speakers=24, per_speaker=2), by=["accent"], plan=plan)


@pytest.fixture(scope="module")
def figures(attacked: AuditReport) -> tuple[Figure, ...]:
    return pictures_of(attacked).of_privacy


@pytest.fixture(scope="module")
def page(attacked: AuditReport) -> str:
    return RENDERER.render(attacked).decode()


def test_every_point_of_the_exhibit_is_drawn_where_it_belongs() -> None:
    rows = curve(200)
    svg = attack_curves(table(rows), run="r")
    corners = {(round(x, 1), round(y, 1)) for line in paths(svg, "mark") for x, y in line}
    for row in rows:
        x, y = place(row, 1 / 200, LARGE_PX)
        assert any(abs(x - a) < 0.12 and abs(y - b) < 0.12 for a, b in corners), row


def test_what_too_few_non_members_can_tell_is_grey_and_has_no_interval() -> None:
    rows = curve(200)  # 10 of 200: nothing is told below 5 %
    chart = attacks_chart(rows).to_dict()
    data = list(chart["datasets"].values())
    (zone,) = [part for part in data if "top" in part[0]]
    assert (zone[0]["fpr"], zone[0]["to"]) == (1 / 200, 0.05)
    (band,) = [part for part in data if "high" in part[0]]
    assert [row["fpr"] for row in band] == [row["fpr"] for row in rows if row["fpr"] >= 0.05]
    assert [row["high"] for row in band] == [row["tpr_high"] for row in rows if row["fpr"] >= 0.05]


def test_each_attack_has_a_line_of_its_own_and_a_name(attacked: AuditReport, figures: tuple[Figure, ...]) -> None:
    figure = figures[0]
    exhibit = attacked.exhibit("membership-roc").to_pylist()
    attacks = {row["attack"] for row in exhibit}
    assert len(attacks) >= 2
    assert attacks <= set(texts(figure.svg))
    assert "RMIA leads" in figure.caption
    dashes = {e.get("stroke-dasharray") for e in ET.fromstring(figure.svg).iter(f"{SVG}path")}
    assert len(dashes - {None}) >= len(attacks)  # and the diagonal


def test_groups_stand_side_by_side_beside_everybody(
    attacked: AuditReport, figures: tuple[Figure, ...], page: str
) -> None:
    assert [figure.id for figure in figures] == ["roc-0", "roc-groups-0"]
    assert {"Irish", "Scottish", "Welsh"} <= set(texts(figures[1].svg))
    assert all(figure.svg in page for figure in figures)  # drawn twice, and the same
    assert "roc-groups-0" not in MarkdownRenderer().render(attacked).decode()


def test_it_reads_without_eyes(figures: tuple[Figure, ...]) -> None:
    for figure in figures:
        root = ET.fromstring(figure.svg)
        assert "false alarms" in str(root.findtext(f"{SVG}title"))
        assert "membership-roc" in str(root.findtext(f"{SVG}desc"))
    assert "% of members found at" in str(ET.fromstring(figures[0].svg).findtext(f"{SVG}desc"))


def test_colours_are_the_page_s_and_the_page_gains_no_script(
    attacked: AuditReport, figures: tuple[Figure, ...], page: str
) -> None:
    for figure in figures:
        paints = {e.get(p) for e in ET.fromstring(figure.svg).iter() for p in ("fill", "stroke")}
        assert all(str(p).startswith("var(--picture-") for p in paints - {None, "none", "transparent"}), paints
    without = attacked.model_copy(update={"exhibits": ()})
    assert page.count("<script") == RENDERER.render(without).decode().count("<script")


def test_a_released_report_has_none_since_each_step_is_somebody(
    attacked: AuditReport, figures: tuple[Figure, ...]
) -> None:
    told = released(attacked, DisclosureRule())
    assert figures
    assert pictures_of(told).of_privacy == ()


def test_many_runs_share_a_plate_and_too_many_have_none(monkeypatch: pytest.MonkeyPatch, small: AuditReport) -> None:
    def ids(*curves: list[Any]) -> list[str]:
        monkeypatch.setattr(roc_pictures, "attached", at_hand(table(*curves)))
        return [figure.id for figure in roc_pictures.roc_pictures(small)]

    assert ids(*(curve(30, run=f"r{i}") for i in range(4))) == ["roc-runs"]
    assert ids(*(curve(12, run=f"r{i}") for i in range(41))) == []
    accents = [curve(12, features="accent", group=f"a{i}") for i in range(21)]
    assert ids(curve(30), *accents) == ["roc-0"]
    assert ids(curve(30), *accents[:3]) == ["roc-0", "roc-groups-0"]
    svg = attack_curves_by_run(table(curve(30, run="first"), curve(50, run="second")))
    assert {"first", "second", "50 members, 30 not"} <= set(texts(svg))


def test_an_exhibit_of_before_groups_draws_nothing(monkeypatch: pytest.MonkeyPatch, small: AuditReport) -> None:
    earlier = table(curve(30)).drop_columns(["features", "group", "leads"])
    monkeypatch.setattr(roc_pictures, "attached", at_hand(earlier))
    assert list(roc_pictures.roc_pictures(small)) == []
    monkeypatch.setattr(roc_pictures, "attached", at_hand(None))
    assert list(roc_pictures.roc_pictures(small)) == []


def test_the_caption_says_which_rates_cannot_be_told(monkeypatch: pytest.MonkeyPatch, small: AuditReport) -> None:
    def caption(n: int) -> str:
        monkeypatch.setattr(roc_pictures, "attached", at_hand(table(curve(n)[:: max(1, n // 100)])))
        return next(roc_pictures.roc_pictures(small)).caption

    assert "0.1 % takes 10,000 and 1.0 % takes 1,000" in caption(400)
    assert "a rate of 0.1 % takes 10,000." in caption(1000)
    assert "Upright lines: 0.1 % and 1 %" in caption(10_000)


def test_hostile_names_stay_text(samples: ModuleType) -> None:
    svg = attack_curves_by_group(
        table(curve(30), curve(20, features="accent", group=samples.HOSTILE), curve(20, features="sex", group="")),
        run="r",
    )
    assert "<script" not in svg


def test_a_curve_that_finds_nobody_at_first_begins_later() -> None:
    rows = [{**row, "tpr": 0.0 if row["fpr"] < 0.5 else row["tpr"], "tpr_low": 0.0} for row in curve(40)]
    corners = [x for line in paths(attack_curves(table(rows), run="r"), "mark") for x, _ in line]
    assert min(corners) == pytest.approx(place({"fpr": 0.5, "tpr": 1}, 1 / 40, LARGE_PX)[0], abs=0.1)


@pytest.mark.parametrize(("epsilon", "delta"), [(1.0, 1e-3), (0.0, 0.02), (4.0, 0.0), (800.0, 1e-5)])
def test_the_bound_is_the_edge_of_what_two_hypotheses_allow(epsilon: float, delta: float) -> None:
    """Held against the optimal test between two distributions that are exactly (epsilon, delta) apart."""
    bound = PrivacyBound(epsilon=epsilon, delta=delta)
    rates = np.linspace(0.0, 1.0, 101)
    # Kairouz, Oh, Viswanath 2015: randomised response over four answers, of which two give the truth away
    scale = (1 - delta) / (1 + np.exp(-epsilon))
    inside = np.array([delta, scale, scale * np.exp(-epsilon), 0.0])
    outside = np.array([0.0, scale * np.exp(-epsilon), scale, delta])
    found = np.interp(rates, np.cumsum([0, *outside]), np.cumsum([0, *inside]))
    found[0] = delta  # at no false alarm the answers that give the truth away are found
    assert [bound.most_found(rate) for rate in rates] == pytest.approx(found, abs=1e-9)


def test_the_bound_is_drawn_to_scale_and_named_with_its_numbers() -> None:
    bound = PrivacyBound(epsilon=1.5, delta=1e-3)
    svg = attack_curves(table(curve(400), curve(400, attack="loss")), run="r", bound=bound)
    dashed = [e for e in ET.fromstring(svg).iter(f"{SVG}path") if e.get("stroke-dasharray") == "9,3,2,3"]
    lines = [[float(x) for x in NUMBER.findall(e.get("d") or "")] for e in dashed]
    (line,) = [numbers for numbers in lines if len(numbers) > 8]  # the other one stands in the legend
    for x, y in zip(line[::2], line[1::2], strict=True):
        rate = (1 / 400) ** (1 - x / LARGE_PX)
        assert y == pytest.approx(place({"fpr": rate, "tpr": bound.most_found(rate)}, 1 / 400, LARGE_PX)[1], abs=0.7)
    assert "at most, by epsilon 1.500, delta 0.001" in texts(svg)
    wanted = f"lets any attack find {100 * bound.most_found(0.01):.1f} % of members at most"
    assert wanted in str(ET.fromstring(svg).findtext(f"{SVG}desc"))
    assert "at most, by" not in " ".join(texts(attack_curves(table(curve(400)), run="r")))


def test_every_panel_of_a_run_with_a_promise_has_the_bound() -> None:
    accents = [curve(30, features="accent", group=f"a{i}") for i in range(3)]
    svg = attack_curves_by_group(table(curve(30), *accents), run="r", bound=PrivacyBound(epsilon=1.0, delta=1e-3))
    dashed = [e for e in ET.fromstring(svg).iter(f"{SVG}path") if e.get("stroke-dasharray") == "9,3,2,3"]
    assert len(dashed) == 3
    runs = table(curve(30, run="private"), curve(30, run="open"))
    both = attack_curves_by_run(runs, bounds={"private": PrivacyBound(epsilon=1.0, delta=1e-3)})
    assert both.count('stroke-dasharray="9,3,2,3"') == 1


def test_the_bound_is_the_largest_that_any_accountant_says_of_patients() -> None:
    assert bound_of(accounted(1.0, 2.0, None).to_pylist(), "r") == PrivacyBound(epsilon=2.0, delta=1e-3)
    assert bound_of(accounted(1.0).to_pylist(), "other") is None
    assert bound_of(accounted(1.0, unit="utterance").to_pylist(), "r") is None, "says nothing of who spoke them"
    nothing = [{**row, "accountant": None, "epsilon": None} for row in accounted(1.0).to_pylist()]
    assert bound_of([*accounted(1.0).to_pylist(), *nothing], "r") is None, "at one site nothing bounds the loss"


def test_the_caption_says_what_the_promise_allows(monkeypatch: pytest.MonkeyPatch, small: AuditReport) -> None:
    exhibits = at_hand(table(curve(400), curve(20, features="accent", group="Irish")), accounted(1.5))
    monkeypatch.setattr(roc_pictures, "attached", exhibits)
    whole, groups = (figure.caption for figure in roc_pictures.roc_pictures(small))
    most = PrivacyBound(epsilon=1.5, delta=1e-3).most_found(10 / 400)
    assert f"(epsilon 1.500, delta 0.001) is kept; at 2.5 % false alarms that is {100 * most:.1f} % of members" in whole
    assert "the ledger's promise lets any attack find" in groups
    monkeypatch.setattr(roc_pictures, "attached", at_hand(table(curve(400))))
    assert "promise" not in next(roc_pictures.roc_pictures(small)).caption
