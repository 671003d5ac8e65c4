from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from types import ModuleType

import pytest

from affidavit.protocols import Renderer
from affidavit.records import Verdict
from affidavit.report import AuditReport
from reports.formats.html import RENDERER, Anchors, content_security_policy, template_text

Page = Callable[[AuditReport], str]


def test_it_is_a_renderer() -> None:
    assert isinstance(RENDERER, Renderer)
    assert (RENDERER.name, RENDERER.suffix) == ("html", ".html")


def test_the_first_line_without_a_policy(samples: ModuleType, reading: ModuleType) -> None:
    report = samples.sample_report(with_policy=False, conditions=("TAV",), with_exhibits=False)
    page = reading.Reader(RENDERER.render(report).decode())
    assert page.texts[0] == "No decision: no policy was given"
    assert "No policy was given, so no criterion was applied and nothing was decided." in page.texts


def test_the_first_line_with_a_policy(full: AuditReport, page: Page, reading: ModuleType) -> None:
    texts = reading.read(full).texts
    assert texts[0] == "Decision: fail"
    assert texts[1] == "3 criteria held against 56 findings: 8 failed, 20 inconclusive, 28 passed."


@pytest.mark.slow
def test_a_full_audit_is_under_3_mb(samples: ModuleType) -> None:
    """As many findings as the demonstration has, and more pictures; room is left for what its exhibits add."""
    report = samples.sample_report(runs=("open", "private", "former"))
    assert len(report.findings) > 8_445
    assert len(RENDERER.render(report)) < 2_300_000


def test_size(full: AuditReport) -> None:
    assert len(RENDERER.render(full)) < 900_000


def test_the_same_report_gives_the_same_bytes(small: AuditReport, page: Page) -> None:
    assert RENDERER.render(small).decode() == page(small)


def test_nothing_is_fetched(full: AuditReport, page: Page, reading: ModuleType) -> None:
    text, read = page(full), reading.read(full)
    links = read.attributes("src") + read.attributes("href") + read.attributes("srcset")
    assert [link for link in links if not link.startswith(("#", "data:,"))] == []
    assert not re.search(r"url\(\s*['\"]?(?!#)", text)
    assert "@import" not in text
    assert read.count("iframe") == read.count("object") == read.count("img") == 0


def test_the_policy_of_the_page_is_strict_and_fits(full: AuditReport, page: Page, reading: ModuleType) -> None:
    text, read = page(full), reading.read(full)
    policy = next(attrs["content"] for tag, attrs in read.elements if attrs.get("http-equiv"))
    css = text.partition("<style>")[2].partition("</style>")[0]
    script = text.partition("<script>")[2].partition("</script>")[0]
    assert policy == content_security_policy(css, script)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert read.count("style") == read.count("script") == 1
    assert read.attributes("style") == []  # an inline style would be blocked
    assert not [name for _, attrs in read.elements for name in attrs if name.startswith("on")]


def test_ids_are_unique_and_links_lead_somewhere(full: AuditReport, page: Page, reading: ModuleType) -> None:
    read = reading.read(full)
    ids = read.attributes("id")
    assert len(ids) == len(set(ids))
    named = [href[1:] for href in read.attributes("href") if href.startswith("#")]
    labels = [name for value in read.attributes("aria-labelledby") for name in value.split()]
    assert set(named) | set(labels) <= set(ids)


def test_headings_tables_and_regions_are_accessible(full: AuditReport, page: Page, reading: ModuleType) -> None:
    read = reading.read(full)
    levels = [level for level, _ in read.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(attrs.get("scope") in {"col", "row"} for tag, attrs in read.elements if tag == "th")
    assert all(table.caption.strip() for table in read.tables)
    assert all(len({len(row) for row in table.rows}) == 1 for table in read.tables)
    assert ("a", {"class": "skip", "href": "#main"}) in read.elements
    scrolled = [attrs for _, attrs in read.elements if attrs.get("class") == "scroll"]
    assert scrolled
    assert all(attrs["tabindex"] == "0" for attrs in scrolled)


def test_sections_stand_in_order(full: AuditReport, page: Page, reading: ModuleType) -> None:
    titles = [title for level, title in reading.read(full).headings if level == 2]
    assert titles == [
        "Decision",
        "Legal scope",
        "Intended purpose and misuse",
        "Data and labels",
        "Performance",
        "Fairness",
        "Explanations",
        "Privacy",
        "Federated run",
        "Robustness",
        "Human oversight",
        "Findings, risks, mitigations and waivers",
        "Control map",
        "Reproduction",
        "Evidence manifest",
        "Changes since the last audit",
        "In plain words, for the people concerned",
    ]


def test_every_group_is_a_row_in_the_fullest_condition(full: AuditReport, page: Page, reading: ModuleType) -> None:
    """The other conditions are told in short (`test_aggregates`): in full they would not fit a page of 3 MB."""
    tables = {t.caption: t for t in reading.read(full).tables}
    table = tables["Performance: run listener, condition TAV"]
    names = [row[0] for row in table.rows[1:]]
    assert len(names) == len(set(names)) == 1 + 6 + 4 + 24
    assert names[0] == "Everybody"
    assert names[1:7][-1] == "unknown accent"
    assert [name.split(" ")[0] for name in names[7:11]] == ["18-29", "30-44", "45-59", "60+"]
    assert all(name.startswith("unknown") for name in names[-4:])


def test_undefined_and_missing_intervals_say_why(full: AuditReport, page: Page, reading: ModuleType) -> None:
    text = page(full)
    table = next(t for t in reading.read(full).tables if t.caption == "Performance: run listener, condition TAV")
    heading = table.rows[0]
    empty = next(row for row in table.rows if row[0].startswith("unknown, 60+"))
    lonely = next(row for row in table.rows if row[0].startswith("Nigerian English, 60+"))
    accuracy = next(n for n, title in enumerate(heading) if title.startswith("Accuracy"))
    assert empty[accuracy].split()[0] == "undefined"
    assert (empty[1], empty[2]) == ("0", "0")
    assert re.fullmatch(r"\d+\.\d \d", lonely[accuracy])  # a value and a note, no interval
    assert "no interval: the group has no rows" in text
    assert "no interval: one unit has no spread between units" in text
    assert not re.search(r"\b(nan|NaN|inf|None)\b", " ".join(c for t in [table] for r in t.rows for c in r))


def test_the_fullest_condition_is_open(full: AuditReport, page: Page) -> None:
    folds = re.findall(
        r"<details( open)?><summary>(?:Performance:|Gaps in) run listener, ([^<]+)</summary>", page(full)
    )
    assert {where for opened, where in folds if opened} == {"condition TAV"}
    assert {where for opened, where in folds if not opened} == {"the other conditions in short"}


def test_verdicts_have_a_word(full: AuditReport, page: Page) -> None:
    shown = re.findall(r'<span class="v (\w+)">([^<]+)</span>', page(full))
    assert {kind for kind, _ in shown} == {verdict.value for verdict in Verdict} - {"informative"}
    assert all(text.endswith(kind) for kind, text in shown)
    assert '<td class="t c">i informative</td>' in page(full)  # the most frequent by far, and the one without a colour


@pytest.mark.parametrize(
    "sentence",
    [
        "internal: small cells",
        "Run listener: listener.parquet, supplied by Vendor Ltd.",
        "Nothing in this report proves that the deployed model produced these predictions.",
        "the speaker: 518 of them, with 32,634 rows",
        "affidavit verify DIR --table TABLE",
        "add the side table rationales.parquet, keyed by judgement id",
        "sha256:" + "a1" * 32,
        "Helps a nurse see distress in telephone triage.",
        "met no finding",
    ],
)
def test_it_says(full: AuditReport, page: Page, sentence: str) -> None:
    assert sentence in page(full)


def test_thresholds_are_never_called_legal(full: AuditReport, page: Page) -> None:
    criteria = page(full).partition('id="criteria"')[2].partition("</section>")[0]
    assert "accuracy-floor" in criteria
    assert "legal" not in criteria.lower()


def test_both_digests_are_printed(full: AuditReport, page: Page) -> None:
    assert full.claims_digest in page(full)
    assert full.report_digest in page(full)


def test_a_table_without_ids_says_so(samples: ModuleType) -> None:
    text = RENDERER.render(samples.row_unit_report()).decode()
    assert "the table has no unit ids, so intervals may be too narrow" in text
    assert "who supplied it was not said" in text


def test_without_exhibits_there_is_no_picture(samples: ModuleType, reading: ModuleType) -> None:
    report = samples.sample_report(conditions=("TAV",), with_exhibits=False)
    assert reading.Reader(RENDERER.render(report).decode()).count("svg") == 0


def test_a_report_read_without_its_files_has_no_picture(small: AuditReport, reading: ModuleType) -> None:
    alone = AuditReport.model_validate_json(small.to_json())
    assert reading.Reader(RENDERER.render(alone).decode()).count("svg") == 0


def test_two_runs_stand_apart(samples: ModuleType, reading: ModuleType) -> None:
    report = samples.sample_report(conditions=("TAV",), runs=("listener", "old listener"))
    read = reading.Reader(RENDERER.render(report).decode())
    captions = [table.caption for table in read.tables]
    assert "Performance: run listener, condition TAV" in captions
    assert "Performance: run old listener, condition TAV" in captions
    assert len(read.attributes("id")) == len(set(read.attributes("id")))


def test_a_metric_given_twice_gets_two_rows(small: AuditReport, reading: ModuleType) -> None:
    twin = small.findings[0].model_copy(update={"id": "twin"})
    report = small.model_copy(update={"findings": (*small.findings, twin)}).sealed({})
    tables = reading.Reader(RENDERER.render(report).decode()).tables
    table = next(t for t in tables if t.caption == "Performance: run listener, condition TAV")
    assert [row[0] for row in table.rows].count("Everybody") == 2


def test_hostile_texts_stay_texts(hostile: AuditReport, page: Page, reading: ModuleType, samples: ModuleType) -> None:
    text, read = page(hostile), reading.read(hostile)
    assert read.count("script") == 1
    assert text.count("<script") == 1
    assert samples.HOSTILE in read.texts
    assert [link for link in read.attributes("href") if "evil" in link] == []
    assert "\u202e" not in text  # an invisible sign that turns text around is written out
    assert "\\u202e" in text
    assert any(samples.HOSTILE in shown for shown in read.svg_texts)


def test_anchors_are_unique_and_safe() -> None:
    anchors = Anchors()
    assert [anchors.of(name) for name in ("a b", "a-b", "<x>", "é", "")] == ["a-b", "a-b-2", "x", "part", "part-2"]


def _luminance(colour: tuple[float, ...]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _themes() -> list[dict[str, tuple[float, ...]]]:
    css = template_text("report.css")
    light = css.partition(":root {")[2].partition("}")[0]
    dark = css.partition("prefers-color-scheme: dark)")[2].partition("}")[0]
    printed = css.partition("@media print")[2].partition("}")[0]
    return [_colours(light), _colours(light + dark), _colours(light + printed)]


def _colours(css: str) -> dict[str, tuple[float, ...]]:
    found = re.findall(r"--([\w-]+): #([0-9a-f]{6});", css)
    return {name: tuple(int(value[i : i + 2], 16) / 255 for i in (0, 2, 4)) for name, value in found}


@pytest.mark.parametrize("theme", _themes(), ids=["light", "dark", "print"])
def test_contrast_is_enough(theme: dict[str, tuple[float, ...]]) -> None:
    pairs = [(text, ground) for text in ("ink", "muted", "link") for ground in ("paper", "sheet", "faint")]
    pairs += [(kind, f"{kind}-tint") for kind in ("pass", "fail", "inconclusive", "none")]
    pairs += [(kind, ground) for kind in ("none",) for ground in ("sheet", "faint")]
    pairs += [("ink", "inconclusive-tint")]
    poor = {pair: _contrast(theme[pair[0]], theme[pair[1]]) for pair in pairs}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("theme", _themes(), ids=["light", "dark", "print"])
@pytest.mark.parametrize("hue", ["picture-mark", "picture-other"])
def test_numbers_are_readable_on_every_tint(theme: dict[str, tuple[float, ...]], hue: str) -> None:
    from reports.drawings.tiles import TINTS

    for tint in TINTS:
        mixed = tuple(tint * c + (1 - tint) * s for c, s in zip(theme[hue], theme["sheet"], strict=True))
        assert _contrast(theme["ink"], mixed) >= 4.5
    assert _contrast(theme[hue], theme["sheet"]) >= 3  # marks
