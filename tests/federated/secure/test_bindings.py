"""Each signature and commitment is of one attempt, one site and one view of who is there, to the last name."""

from __future__ import annotations

import ast
from itertools import combinations
from pathlib import Path

import federated.secure
from federated.secure.identities import commitment, view

CONTEXT, OTHER, COHORT, SEED = b"c" * 32, b"o" * 32, b"h" * 32, bytes(range(32))
ALL = ("a", "b", "c", "d")


def test_a_commitment_is_of_an_attempt_and_a_name_and_does_not_tell_the_seed() -> None:
    ways = [(CONTEXT, "a", SEED), (OTHER, "a", SEED), (CONTEXT, "b", SEED), (CONTEXT, "a", bytes(32))]
    made = {commitment(*way) for way in ways}
    assert len(made) == len(ways)
    assert all(SEED[:8] not in one for one in made)


def test_no_two_views_are_signed_with_the_same_bytes() -> None:
    """Sets of the same size, sets moved from one part to the other, names run together."""
    sets = [*combinations(ALL, 3), *combinations(ALL, 2), ("ab", "c"), ("a", "bc"), ()]
    views = {view(cohort, one, other) for cohort in (COHORT, OTHER) for one in sets for other in sets}
    assert len(views) == 2 * len(sets) ** 2


def test_what_protects_is_drawn_from_the_operating_system_and_made_by_the_cryptography_package() -> None:
    """No module here imports a generator that can be set again, nor a cipher, key or signature from elsewhere."""
    allowed = {"__future__", "affidavit", "collections", "cryptography", "dataclasses", "enum", "federated", "flwr"}
    allowed |= {
        "fractions",
        "hashlib",
        "hmac",
        "itertools",
        "json",
        "math",
        "numpy",
        "os",
        "re",
        "scipy",
        "secrets",
        "typing",
    }
    folder = Path(federated.secure.__file__).parent
    for path in sorted(folder.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        named |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert {name.split(".")[0] for name in named} <= allowed, path.name
        assert "numpy.random" not in named
        drawn = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not drawn & {"random", "RandomState", "default_rng", "seed_of_clock"}, path.name
