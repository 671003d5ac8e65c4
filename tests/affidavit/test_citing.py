"""What a report cites: every source that an examination names has an entry, and entries are BibTeX."""

import ast
import re
from pathlib import Path

import pytest

from affidavit.citing import Entry, bibliography, citations, cite, data_sets, entries_of, parsed, resolved
from affidavit.plan import Choice, RunSource
from affidavit.records import Interval
from affidavit.registry import BUILT_IN, Door
from affidavit.testing import small_report

ROOT = Path(__file__).resolve().parents[2]
WHERE_SOURCES_STAND = (
    "audit",
    "faithfulness",
    "privacy",
    "affidavit/confusion.py",
    "affidavit/lexicons",
    "affidavit/published",
)
NO_PUBLICATION = {"manifest", "audformat", "hugging-face", "clinic"}
"""Loaders of formats, and of what this project makes itself."""


def said_in(path: Path) -> list[str]:
    """Return every text of a module but its docstrings and notes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    notes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return [str(node.value) for node in texts if id(node) not in notes]


def test_every_source_that_an_examination_names_has_an_entry() -> None:
    files = [
        path
        for place in WHERE_SOURCES_STAND
        for path in ([ROOT / place] if place.endswith("py") else (ROOT / place).rglob("*.py"))
    ]
    cited = {citation for path in files for text in said_in(path) for citation in citations(text)}
    assert len(cited) > 20, "sources are found at all"
    assert not {citation for citation in cited if resolved(citation) is None}, "add them to affidavit/bibliography.bib"


def test_every_corpus_of_others_has_an_entry() -> None:
    missing = {name for name in BUILT_IN[Door.CORPORA] if not data_sets([name])}
    assert missing == NO_PUBLICATION


@pytest.mark.parametrize("entry", bibliography(), ids=lambda entry: entry.key)
def test_an_entry_has_what_its_type_asks_for(entry: Entry) -> None:
    fields = dict(entry.fields)
    wanted = {
        "article": {"journal"},
        "inproceedings": {"booktitle"},
        "incollection": {"booktitle", "publisher"},
        "book": {"publisher"},
        "techreport": {"institution"},
        "misc": {"note"},
        "software": {"version"},
    }[entry.type]
    assert {"author", "title", "year"} | wanted <= set(fields)
    assert fields["year"].isdecimal()
    assert re.fullmatch(r"10\.\d{4,5}/\S+", fields.get("doi", "10.1234/none"))
    assert len(fields["year"]) == 4
    text = entry.text()
    assert text.count("{") == text.count("}")
    assert "affidavit =" not in text
    assert parsed(text)[0].key == entry.key, "what is printed can be read"
    assert all(author.strip() for author in fields["author"].split(" and "))


def test_keys_differ() -> None:
    keys = [entry.key for entry in bibliography()]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("source", "keys"),
    [
        ("UAR: Schuller et al. 2009; balanced accuracy: Brodersen et al. 2010", ["brodersen2010", "schuller2009"]),
        ("share of units; interval: Wilson 1927, Clopper, Pearson 1934", ["clopper1934", "wilson1927"]),
        ("modalities: SHAPE, Hu et al. 2022", ["hu2022"]),
        ("SureMap (NeurIPS 2024); shrinkage never flags", ["khodak2024"]),
        ("van Rijsbergen 1979", ["vanrijsbergen1979"]),
        ("consistency resampling: Bröcker, Smith 2007", ["brocker2007"]),
        ("|E[y - f]|: Hebert-Johnson, Kim, Reingold, Rothblum 2018", ["hebertjohnson2018"]),
        ("share of rows with a rationale", []),
        ("methods 6.1", []),
    ],
)
def test_sources_as_people_write_them(source: str, keys: list[str]) -> None:
    assert [entry.key for entry in entries_of([source])] == keys


def test_an_unknown_source_is_not_taken_for_another() -> None:
    assert resolved("Nobody 2009") is None
    assert resolved("Schuller et al. 2010") is None


@pytest.mark.parametrize("broken", ["@article{a,\n  title = {x},\n", "@misc{a,\n  title = {x\n  y},\n}\n"])
def test_a_broken_bibliography_is_no_bibliography(broken: str) -> None:
    with pytest.raises(ValueError, match=r"entry|field"):
        parsed(broken)


def test_a_report_cites_its_metrics_its_data_and_this_software() -> None:
    report = small_report()
    plain = {entry.key for entry in parsed(report.cite())}
    assert {"affidavit", "schuller2009", "sokolova2009", "bird2020"} <= plain
    assert "cao2014" not in plain
    assert "wilson1927" not in plain
    first = next(f for f in report.findings if f.estimate.interval is not None)
    by_wilson = {"interval": Interval(low=0.1, high=0.9, level=0.95, method="Wilson"), "value": 0.5}
    changed = first.model_copy(update={"estimate": first.estimate.model_copy(update=by_wilson)})
    of_wilson = report.model_copy(update={"findings": (changed,)})
    assert "wilson1927" in {entry.key for entry in parsed(cite(of_wilson))}, "how intervals were made is cited too"
    assert {f.test.correction for f in report.findings if f.test is not None} == {"benjamini-yekutieli"}
    assert "benjamini2001" in plain
    assert not {"holm1979", "benjamini1995", "cameron2008"} & plain, "and what was not used is not"
    runs = {"run": RunSource(corpus=Choice(name="crema-d-votes"), reasoner=Choice(name="recorded"))}
    of_corpus = report.model_copy(update={"plan": report.plan.model_copy(update={"runs": runs})})
    assert "cao2014" in {entry.key for entry in parsed(cite(of_corpus))}
