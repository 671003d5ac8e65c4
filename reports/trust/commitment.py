"""Binds a report to the rows behind it without showing one: a Merkle root over salted rows.

The owner of a predictions table keeps 32 bytes of salt for every row, and 32 more. The bundle carries the root
(`commitments.json`), and says nothing of a row, nor how many there are: without its salt a row cannot be tried out, and
every tree has the same number of places, those without a row hidden by hashes of the owner's own. With table and salts
the owner opens the whole commitment, or shows a single row with its own salt and a path to the root; a row that is
shown tells its place, so that there are as many rows at the least.

leaf of a row = RFC 6962 leaf hash of (salt || canonical JSON of the row); rows are in the order of their key
(utterance, reasoner, condition, instruction, repeat), so the order of the table does not matter. A key that stands
twice is refused. Commitments of before (`v1`) say how many rows there are; they are read and opened as ever.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import Field, ValidationError, model_validator

from affidavit.digests import canonical_json
from affidavit.errors import RowError, TableError, VerificationError
from affidavit.records import Record
from affidavit.schema import KEY
from affidavit.yaml_files import describe_validation_error
from reports.trust.merkle import (
    DIGEST_BYTES,
    N_PLACES,
    leaf_hash,
    padded,
    padded_path,
    path_to,
    root_by_path,
    root_of,
)

if TYPE_CHECKING:
    import pyarrow as pa

COMMITMENTS: Final = "commitments.json"
FORMER: Final = "urn:affidavit:salted-rows:v1"
SCHEME: Final = "urn:affidavit:salted-rows:v2"
SALT_BYTES: Final = 32
NAMED_ROWS: Final = 5
_OWN: Final = 0o600
_HASH: Final = r"^[0-9a-f]{64}$"
Salting = Callable[[int], bytes]
"""From a number of bytes to as many that nobody can guess."""


class RowCommitment(Record):
    """What a bundle carries about one run's rows."""

    run: str = Field(min_length=1)
    n_rows: int | None = Field(default=None, ge=0)
    """Of a commitment of before; none is told now."""
    root: str = Field(pattern=_HASH)
    """In hex."""

    def words(self) -> str:
        """Return what is committed to."""
        return f"the rows of {self.run}" if self.n_rows is None else f"{self.n_rows:,} rows of {self.run}"


class Commitments(Record):
    """`commitments.json`."""

    scheme: Literal["urn:affidavit:salted-rows:v1", "urn:affidavit:salted-rows:v2"] = SCHEME
    runs: tuple[RowCommitment, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _of_one_scheme(self) -> Commitments:
        if any((one.n_rows is not None) != (self.scheme == FORMER) for one in self.runs):
            raise ValueError(f"n_rows stands with {FORMER} and nowhere else")
        return self

    def of(self, run: str) -> RowCommitment | None:
        """Return the commitment about a run, None where there is none."""
        return next((one for one in self.runs if one.run == run), None)

    def to_json(self) -> bytes:
        """Return the canonical JSON."""
        return canonical_json(self.model_dump(mode="json", exclude_none=True))


class RowProof(Record):
    """One row shown: with its salt and the hashes beside its way to the root."""

    run: str
    position: int = Field(ge=0)
    """From 0, in the order of the commitment."""
    n_rows: int | None = Field(default=None, ge=1)
    """Of a commitment of before."""
    salt: str = Field(pattern=_HASH)
    row: Mapping[str, Any]
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Salts:
    """What the owner keeps, by position in the order of the commitment."""

    run: str
    salts: tuple[bytes, ...]
    leaves: tuple[bytes, ...]
    """The leaf hash of each row when it was committed to: names the rows that are not what they were."""
    padding: bytes | None = None
    """What the hashes are made of that stand where no row is; None of a commitment of before."""

    def pad(self, height: int) -> bytes:
        """Return what stands at a height for all that is not there."""
        return leaf_hash((self.padding or b"") + b"no row at height %d" % height)


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A new commitment and the salts behind it."""

    commitment: RowCommitment
    salts: Salts


def commit(table: pa.Table, *, run: str, salting: Salting = secrets.token_bytes) -> Committed:
    """Commit to the rows of a predictions table.

    Args:
        table: canonical columns (`affidavit.predictions.Predictions.columns`), one row a judgement.
        run: the run in the report that these rows are behind.
        salting: where salts come from; the operating system, but in tests.

    Raises:
        RowError: `row-duplicate` or `row-value`, a key stands twice, or a row is not JSON.
    """
    rows = canonical_rows(table, where=run)
    drawn = salting(SALT_BYTES * (len(rows) + 1))
    *drawn_salts, padding = (drawn[i : i + SALT_BYTES] for i in range(0, len(drawn), SALT_BYTES))
    leaves = _leaves(rows, drawn_salts)
    salts = Salts(run=run, salts=tuple(drawn_salts), leaves=tuple(leaves), padding=padding)
    return Committed(commitment=RowCommitment(run=run, root=_root(leaves, salts).hex()), salts=salts)


def check_opening(table: pa.Table, salts: Salts, commitment: RowCommitment) -> None:
    """Hold a table and the owner's salts against a commitment.

    Raises:
        VerificationError: `digest-mismatch`; names rows by their position where the salts tell which they are.
    """
    _opened(canonical_rows(table, where=salts.run), salts, commitment)


def prove_row(table: pa.Table, salts: Salts, commitment: RowCommitment, position: int) -> RowProof:
    """Return the proof for one row, after holding the whole table against the commitment.

    Raises:
        VerificationError: as `check_opening`.
        IndexError: there is no such row.
    """
    rows = canonical_rows(table, where=salts.run)
    leaves = _opened(rows, salts, commitment)
    if not 0 <= position < len(leaves):
        raise IndexError(position)
    path = path_to(leaves, position) if salts.padding is None else padded_path(padded(leaves, salts.pad), position)
    salt, row = salts.salts[position].hex(), json.loads(rows[position])
    beside = tuple(one.hex() for one in path)
    return RowProof(run=salts.run, position=position, n_rows=commitment.n_rows, salt=salt, row=row, path=beside)


def _opened(rows: Sequence[bytes], salts: Salts, commitment: RowCommitment) -> list[bytes]:
    """Return the leaves of rows that are those committed to."""
    if salts.run != commitment.run:
        raise _broken("these salts are of another run", salts.run, salts.run, commitment.run)
    n_rows = len(salts.salts) if commitment.n_rows is None else commitment.n_rows
    if len(rows) != n_rows or len(salts.salts) != n_rows:
        found = f"{len(rows):,} rows and {len(salts.salts):,} salts"
        what = "the number of rows is not the one committed to"
        raise _broken(what, salts.run, found, f"{n_rows:,} of each")
    leaves = _leaves(rows, salts.salts)
    if _root(leaves, salts).hex() == commitment.root:
        return leaves
    changed = [i for i, (leaf, kept) in enumerate(zip(leaves, salts.leaves, strict=False)) if leaf != kept]
    named = ", ".join(f"{i + 1:,}" for i in changed[:NAMED_ROWS]) or "none by the salts' own hashes"
    found = f"{len(changed):,} rows changed, in order of their keys: {named}"
    raise _broken("these are not the rows and salts committed to", salts.run, found, f"the root {commitment.root}")


def check_row(proof: RowProof, commitment: RowCommitment) -> None:
    """Hold one shown row against a commitment.

    Raises:
        VerificationError: `digest-mismatch`.
    """
    root = None
    path = [bytes.fromhex(one) for one in proof.path if len(one) == 2 * DIGEST_BYTES and _is_hex(one)]
    if (proof.run, proof.n_rows) == (commitment.run, commitment.n_rows) and len(path) == len(proof.path):
        leaf = leaf_hash(bytes.fromhex(proof.salt) + _row_bytes(proof.row, proof.run))
        n_leaves = N_PLACES if commitment.n_rows is None else commitment.n_rows
        root = root_by_path(leaf, position=proof.position, n_leaves=n_leaves, path=path)
    if root is None or root.hex() != commitment.root:
        found = "no root" if root is None else f"the root {root.hex()}"
        raise _broken("this row is not among those committed to", proof.run, found, f"the root {commitment.root}")


def canonical_rows(table: pa.Table, *, where: str) -> list[bytes]:
    """Return the canonical JSON of each row, in the order of the key.

    Raises:
        RowError: a part of the key is missing, a key stands twice, or a value cannot be written as JSON.
    """
    import pyarrow as pa

    plain = pa.table({name: _decoded(table[name]) for name in sorted(table.column_names)})
    keys = [name for name in KEY if name in plain.column_names]
    if not keys or any(plain[name].null_count for name in keys):
        raise RowError(
            "a row has no key",
            slug="row-value",
            where=where,
            allowed=", ".join(KEY),
            remedy="commit to the predictions table as affidavit reads it",
        )
    plain = plain.sort_by([(name, "ascending") for name in keys])
    _refuse_duplicates(plain.select(keys), where)
    return [_row_bytes(row, where) for row in plain.to_pylist()]


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _refuse_duplicates(keys: pa.Table, where: str) -> None:
    rows = list(zip(*(keys[name].to_pylist() for name in keys.column_names), strict=True))
    twice = next((later for earlier, later in pairwise(rows) if earlier == later), None)
    if twice is not None:
        raise RowError(
            "a row stands twice",
            slug="row-duplicate",
            where=where,
            found=", ".join(map(str, twice)),
            remedy="a judgement is committed to once; take the second row out",
        )


def _row_bytes(row: Mapping[str, Any], where: str) -> bytes:
    try:
        return canonical_json(dict(row))
    except (ValueError, TypeError) as error:  # not finite, too large for JSON, or of a type that it does not have
        raise RowError(
            "a row cannot be written as JSON",
            slug="row-value",
            where=where,
            found=str(error)[:200],
            allowed="text, numbers that are finite, and lists of them",
            remedy="leave empty what is unknown",
        ) from None


def _root(leaves: Sequence[bytes], salts: Salts) -> bytes:
    return root_of(leaves) if salts.padding is None else padded(leaves, salts.pad)[-1][0]


def _leaves(rows: Sequence[bytes], salts: Sequence[bytes]) -> list[bytes]:
    return [leaf_hash(salt + row) for salt, row in zip(salts, rows, strict=True)]


def _is_hex(text: str) -> bool:
    return all(letter in "0123456789abcdef" for letter in text)


def read_commitments(content: bytes) -> Commitments:
    """Read `commitments.json`.

    Raises:
        VerificationError: `bundle-incomplete`, it is not one, or not in its canonical form.
    """
    try:
        commitments = Commitments.model_validate(json.loads(content))
        found = None if commitments.to_json() == content else "another form than the canonical one"
    except ValidationError as error:
        found = describe_validation_error(error)[:300]
    except (ValueError, RecursionError):
        found = "no JSON"
    if found is not None:
        raise VerificationError(
            "this is not a list of commitments",
            slug="bundle-incomplete",
            where=COMMITMENTS,
            found=found,
            remedy="ask whoever issued the bundle for the original",
        )
    return commitments


def write_salts(path: Path, salts: Salts) -> None:
    """Write the salts for their owner alone; an existing file is never overwritten.

    Raises:
        TableError: there is a file already, or the place cannot be written.
    """
    import pyarrow as pa
    from pyarrow import parquet

    fixed = pa.binary(SALT_BYTES)
    table = pa.table({"salt": pa.array(salts.salts, fixed), "leaf": pa.array(salts.leaves, fixed)})
    told = {"affidavit.run": salts.run, "affidavit.scheme": FORMER if salts.padding is None else SCHEME}
    hidden = {} if salts.padding is None else {"affidavit.padding": salts.padding.hex()}
    table = table.replace_schema_metadata(told | hidden)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWN), "wb") as file:
            parquet.write_table(table, file)
    except OSError as error:
        raise TableError(
            "the salts cannot be written there",
            slug="output-exists",
            where=str(path),
            found=error.strerror,
            remedy="choose another file: without its salts nobody can open a commitment again",
        ) from None


def read_salts(path: Path) -> Salts:
    """Read the salts that `write_salts` wrote.

    Raises:
        TableError: there is no such file, or it holds no salts.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
        told = table.schema.metadata or {}
        salts, leaves = (tuple(table[name].to_pylist()) for name in ("salt", "leaf"))
        run = told[b"affidavit.run"].decode()
        padding = _padding(told)
        own = (*salts, *leaves, *(() if padding is None else (padding,)))
        whole = all(isinstance(one, bytes) and len(one) == SALT_BYTES for one in own)
    except FileNotFoundError:
        raise TableError(
            "there are no salts", slug="file-not-found", where=str(path), remedy="ask the owner of the table"
        ) from None
    except (pa.ArrowException, OSError, KeyError, ValueError):  # no text and no hex are values, too
        whole = False
    if not whole:
        raise TableError(
            "this file does not hold the salts of a commitment",
            slug="file-unreadable",
            where=str(path),
            remedy="give the file that `affidavit commit` wrote beside the bundle",
        )
    return Salts(run=run, salts=salts, leaves=leaves, padding=padding)


def _padding(told: Mapping[bytes, bytes]) -> bytes | None:
    """Return what stands in a file of salts beside them; None in one of before.

    Raises:
        KeyError: it says another scheme, or lacks what its scheme has.
        ValueError: it is no hex.
    """
    if (scheme := told[b"affidavit.scheme"].decode()) == FORMER:
        return None
    if scheme != SCHEME:
        raise KeyError(scheme)
    return bytes.fromhex(told[b"affidavit.padding"].decode())


def _broken(what: str, run: str, found: str, allowed: str) -> VerificationError:
    return VerificationError(
        what,
        slug="digest-mismatch",
        where=f"run {run}",
        found=found,
        allowed=allowed,
        remedy="give the very table that was audited, and the salts that were written with the commitment",
    )
