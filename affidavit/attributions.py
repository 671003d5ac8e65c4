"""Which piece of which input moved which answer of a judgement, as tables.

Two side tables hold it. `attributions` has one row a judgement, target, method and span; `attribution_targets` has one
a judgement, target and method: the score, the score of the baseline, and by how much the values miss the difference
(the convergence delta; null where a method does not promise to meet it). A target is `emotion:<label>`, a score before
normalisation, or `token:<i>:<text>`, the log-probability in nats of the rationale's token i. Seconds count from the
start of the utterance, characters from the start of its text; unknown ones are null.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from affidavit.conditions import MODALITIES
from affidavit.digests import digest_of, table_digest
from affidavit.errors import ColumnError, RowError
from affidavit.files import replacing
from affidavit.schema import KEY

if TYPE_CHECKING:
    import pyarrow as pa

SPANS: Final = "attributions"
TARGETS: Final = "attribution_targets"
_EMOTION, _TOKEN = "emotion:", "token:"
_KEY: Final = dict.fromkeys(KEY, "string") | {"repeat": "int64"}
_OF_TARGET: Final = {**_KEY, "target": "string", "method": "string"}
_PLACES: Final = {"start_s": "double", "end_s": "double", "start_char": "int64", "end_char": "int64"}
COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    SPANS: {**_OF_TARGET, "modality": "string", "position": "int64", "span": "string", **_PLACES, "value": "double"},
    TARGETS: {**_OF_TARGET, "output": "double", "baseline_output": "double", "convergence_delta": "double"},
}
"""Column to arrow type, by table."""
_NULLABLE: Final = frozenset({*_PLACES, "convergence_delta"})


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgementKey:
    """Which judgement."""

    utterance_id: str
    reasoner: str
    condition: str
    instruction: str = ""
    repeat: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A piece of what a reasoner takes in: a token, frames of sound, a part of a picture, a descriptor."""

    modality: str
    """`text`, `audio` or `video`."""
    name: str
    start_s: float | None = None
    end_s: float | None = None
    start_char: int | None = None
    end_char: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Attribution:
    """What each span brings to one target of one judgement, in the target's unit."""

    key: JudgementKey
    target: str
    method: str
    spans: tuple[Span, ...]
    values: NDArray[np.float64]
    """`[len(spans)]`"""
    output: float
    """The target's score for the input as it is."""
    baseline_output: float
    """The target's score for the baseline, or with everything removed."""
    convergence_delta: float | None = None
    """sum(values) - (output - baseline_output); None where the method does not promise 0."""

    @property
    def relative_delta(self) -> float | None:
        """|convergence_delta| / |output - baseline_output|.

        None where there is no delta, or nothing that it could be a share of.
        """
        moved = abs(self.output - self.baseline_output)
        return None if self.convergence_delta is None or not moved else abs(self.convergence_delta) / moved


def emotion_target(label: str) -> str:
    """Return the name of a label's score.

    >>> emotion_target("joy")
    'emotion:joy'
    """
    return f"{_EMOTION}{label}"


def token_target(place: int, text: str) -> str:
    """Return the name of the log-probability of a rationale's token.

    >>> token_target(3, " tired")
    'token:3: tired'
    """
    return f"{_TOKEN}{place}:{text}"


def attribution_tables(attributions: Sequence[Attribution]) -> dict[str, pa.Table]:
    """Return the two side tables, checked; rows in the order given, spans in theirs.

    Raises:
        RowError: see `require_attributions`.
    """
    import pyarrow as pa

    heads, bodies = _head_rows(attributions), _span_rows(attributions)
    tables = {
        name: pa.table({column: pa.array(rows[column], kind) for column, kind in COLUMNS[name].items()})
        for name, rows in ((SPANS, bodies), (TARGETS, heads))
    }
    require_attributions(tables)
    return tables


def _head_rows(attributions: Sequence[Attribution]) -> dict[str, Sequence[Any]]:
    rows: dict[str, Sequence[Any]] = {name: [getattr(item.key, name) for item in attributions] for name in KEY}
    names = [name for name in COLUMNS[TARGETS] if name not in KEY]
    return rows | {name: [getattr(item, name) for item in attributions] for name in names}


def _span_rows(attributions: Sequence[Attribution]) -> dict[str, Sequence[Any]]:
    each = [(item, span) for item in attributions for span in item.spans]
    rows: dict[str, Sequence[Any]] = {name: [getattr(item.key, name) for item, _ in each] for name in KEY}
    rows |= {name: [getattr(item, name) for item, _ in each] for name in ("target", "method")}
    rows |= {name: [getattr(span, name) for _, span in each] for name in ("modality", *_PLACES)}
    rows["span"] = [span.name for _, span in each]
    rows["position"] = [place for item in attributions for place in _positions(item.spans)]
    rows["value"] = [value for item in attributions for value in item.values.tolist()]
    return rows


def _positions(spans: Sequence[Span]) -> list[int]:
    """Number the spans of each modality from 0: a token may stand twice in a text."""
    counts: dict[str, int] = {}
    places = []
    for span in spans:
        places.append(counts.get(span.modality, 0))
        counts[span.modality] = places[-1] + 1
    return places


def require_attributions(tables: Mapping[str, pa.Table]) -> None:
    """Refuse tables that are not attributions.

    Raises:
        ColumnError: a table or column is missing, or a column's type is another.
        RowError: a value is missing or not finite, a span ends before it starts, a modality or target is none, two
            rows tell of the same span, or a span's target stands in no row of `attribution_targets`.
    """
    for name, columns in COLUMNS.items():
        _require_columns(name, tables, columns)
        _require_values(name, tables[name])
        _require_once(name, tables[name])
    _require_spans(tables[SPANS])
    _require_listed(tables)


def _require_columns(name: str, tables: Mapping[str, pa.Table], columns: Mapping[str, str]) -> None:
    found = {field.name: str(field.type) for field in tables[name].schema} if name in tables else {}
    for column, kind in columns.items():
        if found.get(column) != kind:
            raise ColumnError(
                f"the column {column} is not what attributions need",
                slug="column-type" if column in found else "column-missing",
                where=name,
                found=found.get(column, "no such column"),
                allowed=kind,
                remedy="write attributions with affidavit.attributions.attribution_tables",
            )


def _require_values(name: str, table: pa.Table) -> None:
    import pyarrow.compute as pc

    for column, kind in COLUMNS[name].items():
        values = table[column]
        if column not in _NULLABLE and values.null_count:
            raise _fault(f"{column} is missing", "row-value", (name,), "a value in every row")
        if kind == "double" and pc.all(pc.is_finite(values.drop_null())).as_py() is False:
            raise _fault(f"{column} is not a finite number", "row-value", (name,), "finite numbers")
    strange = {text for text in pc.unique(table["target"]).to_pylist() if not text.startswith((_EMOTION, _TOKEN))}
    if strange:
        raise _fault("a target is neither a label nor a token", "row-value", sorted(strange)[:1], "emotion:, token:i:")


def _require_spans(table: pa.Table) -> None:
    import pyarrow.compute as pc

    strange = set(pc.unique(table["modality"]).to_pylist()) - set(MODALITIES.values())
    if strange:
        raise _fault("a modality is unknown", "row-value", sorted(strange), ", ".join(MODALITIES.values()))
    for start, end in (("start_s", "end_s"), ("start_char", "end_char")):
        if pc.any(pc.less(table[end], table[start])).as_py():
            raise _fault("a span ends before it starts", "row-value", (start, end), f"{end} from {start} on")


def _require_once(name: str, table: pa.Table) -> None:
    import pyarrow.compute as pc

    key = [*_OF_TARGET, *(["modality", "position"] if name == SPANS else [])]
    counted = table.group_by(key).aggregate([([], "count_all")])
    twice = counted.filter(pc.greater(counted["count_all"], 1)).drop_columns("count_all").slice(0, 1).to_pylist()
    if twice:
        raise _fault("two rows tell of the same", "row-duplicate", twice[0].values(), "each span and target once")


def _require_listed(tables: Mapping[str, pa.Table]) -> None:
    named = tables[SPANS].select([*_OF_TARGET]).group_by([*_OF_TARGET]).aggregate([])
    lost = (
        named.join(tables[TARGETS].select([*_OF_TARGET]), [*_OF_TARGET], join_type="left anti").slice(0, 1).to_pylist()
    )
    if lost:
        raise _fault("spans of a target that is not listed", "row-value", lost[0].values(), f"its row in {TARGETS}")


def _fault(what: str, slug: str, found: Iterable[object], allowed: str) -> RowError:
    named = ", ".join(map(str, found))
    remedy = "attribute anew, or leave out the rows that are named"
    return RowError(what, slug=slug, where="attributions", found=named, allowed=allowed, remedy=remedy)


def attributions_digest(tables: Mapping[str, pa.Table]) -> str:
    """Return the content digest of both tables."""
    return digest_of({name: table_digest(tables[name].select(list(COLUMNS[name])).to_batches()) for name in COLUMNS})


def write_attributions(tables: Mapping[str, pa.Table], stem: Path) -> tuple[Path, ...]:
    """Write `<stem>.attributions.parquet` and `<stem>.attribution_targets.parquet`, checked and whole or not at all.

    Raises:
        ColumnError, RowError: see `require_attributions`.
    """
    from pyarrow import parquet

    require_attributions(tables)
    paths = tuple(stem.with_name(f"{stem.name}.{name}.parquet") for name in COLUMNS)
    for path, name in zip(paths, COLUMNS, strict=True):
        with replacing(path) as temporary:
            parquet.write_table(tables[name], temporary)
    return paths


def read_attributions(stem: Path) -> dict[str, pa.Table]:
    """Read what `write_attributions` wrote.

    Raises:
        ColumnError, RowError: see `require_attributions`.
    """
    from pyarrow import parquet

    tables = {name: parquet.read_table(stem.with_name(f"{stem.name}.{name}.parquet")) for name in COLUMNS}
    require_attributions(tables)
    return tables
