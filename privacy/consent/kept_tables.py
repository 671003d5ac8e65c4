"""Judgements in the cache that were made before somebody opted out, of what they opted out of.

An opting out changes the corpus, so no later plan finds such a table again; it still lies there. They are counted by
utterance and condition: another corpus that gives the same id to somebody else is counted as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from affidavit.admission import declined_modalities
from affidavit.cache import cache_folder
from affidavit.conditions import MODALITIES, Condition
from affidavit.corpus import Corpus
from affidavit.errors import AffidavitError

_NEEDED = ("utterance_id", "condition")


def kept_judgements(corpus: Corpus) -> dict[str, int]:
    """Return by modality how many kept judgements of who opted out of it have a condition that shows it."""
    declined = {
        name: pa.array(
            [turn.utterance_id for turn in corpus.utterances if name in declined_modalities(turn)], pa.string()
        )
        for name in MODALITIES.values()
    }
    counts = dict.fromkeys(MODALITIES.values(), 0)
    for table in _tables(cache_folder("predictions")):
        names, conditions = (table[column].cast(pa.string()) for column in _NEEDED)
        for letter, name in MODALITIES.items():
            showing = [one for one in pc.unique(conditions).to_pylist() if letter in _letters(one)]
            found = pc.and_(
                pc.is_in(names, value_set=declined[name]),
                pc.is_in(conditions, value_set=pa.array(showing, pa.string())),
            )
            counts[name] += int(pc.sum(found).as_py() or 0)
    return counts


def _tables(folder: Path | None) -> Iterator[pa.Table]:
    """Yield the judged tables that can be read; what lies beside them repeats their judgements."""
    if folder is None or not folder.is_dir():
        return
    for file in sorted(folder.glob("*.parquet")):
        if "." in file.stem:
            continue
        try:
            yield parquet.read_table(file, columns=list(_NEEDED))
        except (OSError, ValueError):  # damaged, or gone since: found by `affidavit withdraw`, and by nobody else
            continue


def _letters(condition: str | None) -> frozenset[str]:
    try:
        return Condition.parse(condition or "").modalities
    except AffidavitError:
        return frozenset()
