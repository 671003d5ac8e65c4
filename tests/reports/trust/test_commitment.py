"""The Merkle tree against RFC 6962 and an obvious twin, and commitments to rows against whatever is done to them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affidavit.errors import AffidavitError, RowError, TableError, VerificationError
from reports.trust.commitment import (
    FORMER,
    Commitments,
    Committed,
    RowCommitment,
    check_opening,
    check_row,
    commit,
    prove_row,
    read_commitments,
    read_salts,
    write_salts,
)
from reports.trust.merkle import DEPTH, N_PLACES, leaf_hash, padded, padded_path, path_to, root_by_path, root_of

# The leaves and roots of the tests of Certificate Transparency's reference implementation.
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATH_OF_THE_FIRST_OF_EIGHT = [
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
]


def obvious_root(data: list[bytes]) -> bytes:
    """The definition in RFC 6962, section 2.1, word for word."""
    if not data:
        return hashlib.sha256(b"").digest()
    if len(data) == 1:
        return hashlib.sha256(b"\x00" + data[0]).digest()
    k = 1
    while k * 2 < len(data):
        k *= 2
    return hashlib.sha256(b"\x01" + obvious_root(data[:k]) + obvious_root(data[k:])).digest()


@pytest.mark.parametrize("n", range(9))
def test_known_roots(n: int) -> None:
    assert root_of([leaf_hash(leaf) for leaf in LEAVES[:n]]).hex() == ROOTS[n]


def test_a_known_path() -> None:
    hashes = [leaf_hash(leaf) for leaf in LEAVES]
    assert [one.hex() for one in path_to(hashes, 0)] == PATH_OF_THE_FIRST_OF_EIGHT


@given(st.lists(st.binary(max_size=4), max_size=40))
def test_the_root_is_that_of_the_definition(data: list[bytes]) -> None:
    assert root_of([leaf_hash(one) for one in data]) == obvious_root(data)


@given(n=st.integers(1, 40), data=st.data())
def test_a_path_leads_to_the_root_from_its_own_place_alone(n: int, data: st.DataObject) -> None:
    hashes = [leaf_hash(bytes([i])) for i in range(n)]
    position = data.draw(st.integers(0, n - 1))
    path, root = path_to(hashes, position), root_of(hashes)
    assert root_by_path(hashes[position], position=position, n_leaves=n, path=path) == root
    for other in {*range(n)} - {position}:
        assert root_by_path(hashes[position], position=other, n_leaves=n, path=path) != root
    assert root_by_path(hashes[position], position=position, n_leaves=n, path=(*path, root)) != root
    if path:
        assert root_by_path(hashes[position], position=position, n_leaves=n, path=path[:-1]) != root


def test_there_is_no_path_to_a_place_beyond() -> None:
    hashes = [leaf_hash(b"x")] * 3
    for position in (-1, 3):
        with pytest.raises(IndexError):
            path_to(hashes, position)
        assert root_by_path(hashes[0], position=position, n_leaves=3, path=()) is None


def table(n: int = 7) -> pa.Table:
    """Rows in an order that is not that of their key, one column coded, one with nulls."""
    order = [*range(n)][::-1]
    return pa.table(
        {
            "utterance_id": [f"u{i}" for i in order],
            "reasoner": pa.array(["m"] * n).dictionary_encode(),
            "condition": ["TAV"] * n,
            "instruction": [""] * n,
            "repeat": [0] * n,
            "y_pred": ["joy" if i % 2 else "anger" for i in order],
            "prob_joy": [None if i == 2 else i / n for i in order],
        }
    )


def test_the_whole_opens_and_so_does_every_row() -> None:
    rows = table()
    made = commit(rows, run="r")
    check_opening(rows, made.salts, made.commitment)
    for position in range(7):
        proof = prove_row(rows, made.salts, made.commitment, position)
        assert len(proof.path) == DEPTH
        assert proof.row["utterance_id"] == f"u{position}", "in the order of the key"
        check_row(proof, made.commitment)
        check_row(type(proof).model_validate_json(proof.model_dump_json()), made.commitment)


def test_a_leaf_is_what_it_is_said_to_be() -> None:
    """Written out by hand: 0x00, the salt, the row as canonical JSON."""
    one = table(1)
    made = commit(one, run="r", salting=lambda n: b"s" * n)
    row = b'{"condition":"TAV","instruction":"","prob_joy":0,"reasoner":"m","repeat":0,'
    row += b'"utterance_id":"u0","y_pred":"anger"}'
    node = hashlib.sha256(b"\x00" + b"s" * 32 + row).digest()
    for height in range(32):
        beside = hashlib.sha256(b"\x00" + b"s" * 32 + b"no row at height %d" % height).digest()
        node = hashlib.sha256(b"\x01" + node + beside).digest()
    assert made.commitment.root == node.hex()


def former(n: int = 7) -> Committed:
    """Return what was committed to before numbers of rows were hidden."""
    made = commit(table(n), run="r")
    root = root_of(made.salts.leaves).hex()
    salts = replace(made.salts, padding=None)
    return Committed(commitment=RowCommitment(run="r", n_rows=n, root=root), salts=salts)


def test_nothing_in_the_list_of_commitments_says_how_many_rows_there_are() -> None:
    """Byte for byte the same but for the root, whatever the number; and the root is a hash under a secret."""
    listed = {n: Commitments(runs=(commit(table(n), run="r").commitment,)).to_json() for n in (1, 2, 7, 8, 9, 1000)}
    roots = {n: json.loads(content)["runs"][0].pop("root") for n, content in listed.items()}
    assert {content.replace(roots[n].encode(), b"") for n, content in listed.items()} == {
        b'{"runs":[{"root":"","run":"r"}],"scheme":"urn:affidavit:salted-rows:v2"}'
    }
    assert len(set(roots.values())) == len(roots)
    again = commit(table(7), run="r").commitment
    assert again.root != roots[7], "no number of rows can be tried out"


def test_what_is_shown_of_a_row_is_as_long_whatever_the_number_of_rows() -> None:
    shown = [
        prove_row(table(n), made.salts, made.commitment, 0) for n in (1, 9) for made in (commit(table(n), run="r"),)
    ]
    assert {len(proof.path) for proof in shown} == {DEPTH}
    assert {proof.n_rows for proof in shown} == {None}


@given(n=st.integers(0, 40), data=st.data())
def test_a_padded_tree_is_a_tree_of_all_places(n: int, data: st.DataObject) -> None:
    """Held against the tree of RFC 6962 that has a leaf at every place, written out for few levels."""

    def pad(height: int) -> bytes:
        return leaf_hash(b"%d" % height)

    hashes = [leaf_hash(bytes([i])) for i in range(n)]
    levels = padded(hashes, pad)
    assert len(levels) == DEPTH + 1
    (root,) = levels[-1]
    with pytest.raises(IndexError):
        padded_path(levels, -1)
    if n:
        position = data.draw(st.integers(0, n - 1))
        path = padded_path(levels, position)
        assert root_by_path(hashes[position], position=position, n_leaves=N_PLACES, path=path) == root
        for other in {*range(n)} - {position}:
            assert root_by_path(hashes[position], position=other, n_leaves=N_PLACES, path=path) != root


def test_a_commitment_of_before_opens_as_ever(tmp_path: Path) -> None:
    made = former()
    check_opening(table(), made.salts, made.commitment)
    proof = prove_row(table(), made.salts, made.commitment, 3)
    assert (proof.n_rows, len(proof.path)) == (7, 3)
    check_row(proof, made.commitment)
    listed = Commitments(scheme=FORMER, runs=(made.commitment,))
    assert read_commitments(listed.to_json()) == listed
    assert b'"n_rows":7' in listed.to_json()
    write_salts(tmp_path / "s", made.salts)
    assert read_salts(tmp_path / "s") == made.salts
    assert made.commitment.words() == "7 rows of r"
    with pytest.raises(ValueError, match="n_rows stands with"):
        Commitments(runs=(made.commitment,))


@pytest.mark.parametrize("changed", [{"n_rows": 8}, {"n_rows": None}, {"position": 1}])
def test_a_forged_proof_of_before_is_found(changed: dict[str, object]) -> None:
    made = former()
    proof = prove_row(table(), made.salts, made.commitment, 0).model_copy(update=changed)
    with pytest.raises(VerificationError, match="not among those committed to"):
        check_row(proof, made.commitment)


def test_neither_the_order_of_rows_nor_that_of_columns_nor_coding_matters() -> None:
    rows = table()
    made = commit(rows, run="r")
    check_opening(rows.take([6, 0, 5, 1, 4, 2, 3]).select(rows.column_names[::-1]), made.salts, made.commitment)
    check_opening(pa.Table.from_pylist(rows.to_pylist()), made.salts, made.commitment)


def test_the_root_says_nothing_of_the_rows() -> None:
    """The same rows under other salts have another root, and every row has a salt of its own."""
    rows = table()
    first, second = commit(rows, run="r"), commit(rows, run="r")
    assert first.commitment.root != second.commitment.root
    assert len({*first.salts.salts, *second.salts.salts}) == 14
    assert all(len(salt) == 32 for salt in first.salts.salts)


@pytest.mark.parametrize("column", ["y_pred", "prob_joy", "utterance_id", "condition"])
def test_a_changed_row_is_found_and_named(column: str) -> None:
    rows = table()
    made = commit(rows, run="r")
    listed = rows.to_pylist()
    changed = next(row for row in listed if row["utterance_id"] == "u3")
    changed[column] = {"prob_joy": 0.5, "utterance_id": "u33", "condition": "TAX"}.get(column, "sadness")
    with pytest.raises(VerificationError, match="not the rows and salts") as caught:
        check_opening(pa.Table.from_pylist(listed), made.salts, made.commitment)
    assert "1 rows changed, in order of their keys: 4" in str(caught.value.found)


def test_a_changed_exchanged_or_missing_salt_is_found() -> None:
    rows = table()
    made = commit(rows, run="r")
    salts = made.salts.salts
    other = (salts[0][:-1] + bytes([salts[0][-1] ^ 1]), *salts[1:])
    with pytest.raises(VerificationError):
        check_opening(rows, replace(made.salts, padding=bytes(32)), made.commitment)
    for changed in (other, (salts[1], salts[0], *salts[2:]), salts[:-1]):
        with pytest.raises(VerificationError):
            check_opening(rows, replace(made.salts, salts=changed), made.commitment)
    with pytest.raises(VerificationError, match="another run"):
        check_opening(rows, replace(made.salts, run="other"), made.commitment)


def test_a_row_taken_away_or_added_is_found() -> None:
    rows = table()
    made = commit(rows, run="r")
    for others in (rows.slice(1), table(8)):
        with pytest.raises(VerificationError, match="number of rows"):
            check_opening(others, made.salts, made.commitment)


def test_a_row_that_stands_twice_or_has_no_key_is_refused() -> None:
    rows = table()
    with pytest.raises(RowError) as caught:
        commit(pa.concat_tables([rows, rows.slice(2, 1)]), run="r")
    assert caught.value.slug == "row-duplicate"
    with pytest.raises(RowError, match="has no key"):
        commit(rows.drop_columns(["utterance_id", "reasoner", "condition", "instruction", "repeat"]), run="r")
    with pytest.raises(RowError, match="cannot be written as JSON"):
        commit(rows.append_column("bad", pa.array([float("nan")] * 7)), run="r")


@pytest.mark.parametrize(
    "changed",
    [
        {"position": 1},
        {"n_rows": 8},
        {"run": "other"},
        {"salt": "0" * 64},
        {"path": ()},
        {"path": ("zz" * 32,) * 3},
        {"row": {"utterance_id": "u0"}},
    ],
)
def test_a_forged_proof_is_found(changed: dict[str, object]) -> None:
    made = commit(table(), run="r")
    proof = prove_row(table(), made.salts, made.commitment, 0).model_copy(update=changed)
    with pytest.raises(VerificationError, match="not among those committed to"):
        check_row(proof, made.commitment)


def test_a_proof_shows_one_row_and_not_the_salt_of_another() -> None:
    made = commit(table(), run="r")
    text = prove_row(table(), made.salts, made.commitment, 0).model_dump_json()
    assert not any(salt.hex() in text for salt in made.salts.salts[1:])
    assert "u1" not in text


def test_salts_are_for_their_owner_and_never_overwritten(tmp_path: Path) -> None:
    made = commit(table(), run="r")
    path = tmp_path / "owner" / "r.parquet"
    write_salts(path, made.salts)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_salts(path) == made.salts
    before = path.read_bytes()
    with pytest.raises(TableError):
        write_salts(path, commit(table(), run="r").salts)
    assert path.read_bytes() == before


def test_what_holds_no_salts(tmp_path: Path) -> None:
    from pyarrow import parquet

    with pytest.raises(TableError, match="no salts"):
        read_salts(tmp_path / "none")
    (tmp_path / "x").write_text("x")
    parquet.write_table(table(), tmp_path / "y")
    for name in ("x", "y"):
        with pytest.raises(TableError, match="does not hold the salts"):
            read_salts(tmp_path / name)


def test_the_list_of_commitments_has_one_form() -> None:
    listed = Commitments(runs=(commit(table(), run="r").commitment,))
    content = listed.to_json()
    assert read_commitments(content) == listed
    assert listed.of("r") == listed.runs[0]
    assert listed.of("s") is None
    assert listed.runs[0].words() == "the rows of r"
    spaced, before = content.replace(b"[{", b"[ {"), content.replace(b"v2", b"v1")
    counted = content.replace(b'"runs":[{', b'"runs":[{"n_rows":7,')
    for other in (content + b"\n", spaced, b"[]", b"x", before, counted):
        with pytest.raises(VerificationError, match="not a list of commitments"):
            read_commitments(other)


@settings(max_examples=25)
@given(st.integers(0, 30), st.integers(0, 2**16))
def test_any_table_opens_and_no_other_does(n: int, place: int) -> None:
    rows = table(n) if n else table(1).slice(1)
    made = commit(rows, run="r")
    check_opening(rows, made.salts, made.commitment)
    if n:
        listed = rows.to_pylist()
        listed[place % n]["y_pred"] = "another"
        with pytest.raises(AffidavitError):
            check_opening(pa.Table.from_pylist(listed), made.salts, made.commitment)
