"""The curves of an attack on membership: drawn from their exhibit, to scale, and honest about what cannot be told."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
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
from reports import roc_pictures
from reports.document import Figure
from reports.gallery import pictures_of
from reports.html import RENDERER
from reports.markdown import MarkdownRenderer
from reports.pictures import attack_curves, attack_curves_by_group, attack_curves_by_run
from reports.roc_chart import LARGE_PX, attacks_chart

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
        monkeypatch.setattr(roc_pictures, "attached", lambda *_: table(*curves))
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
    monkeypatch.setattr(roc_pictures, "attached", lambda *_: earlier)
    assert list(roc_pictures.roc_pictures(small)) == []
    monkeypatch.setattr(roc_pictures, "attached", lambda *_: None)
    assert list(roc_pictures.roc_pictures(small)) == []


def test_the_caption_says_which_rates_cannot_be_told(monkeypatch: pytest.MonkeyPatch, small: AuditReport) -> None:
    def caption(n: int) -> str:
        monkeypatch.setattr(roc_pictures, "attached", lambda *_: table(curve(n)[:: max(1, n // 100)]))
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
