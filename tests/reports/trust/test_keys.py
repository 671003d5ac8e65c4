from __future__ import annotations

import hashlib
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import rsa

from affidavit.errors import TableError, VerificationError
from reports.trust.keys import NewKey, cards_in, key_id_of, keys_folder, read_card, read_private_key, write_key
from reports.trust.parties import Role

CREATED = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


def _made(folder: Path, name: str = "Ada Lovelace", password: bytes | None = None) -> NewKey:
    return write_key(folder, name, Role.REVIEWER, created=CREATED, password=password)


def test_a_key_is_for_its_holder_alone_and_its_card_for_everybody(tmp_path: Path) -> None:
    made = _made(tmp_path / "keys")
    assert made.key.name == "ada-lovelace.key"
    assert made.key.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys").stat().st_mode & 0o077 == 0
    assert read_card(made.card_file) == made.card
    assert b"PRIVATE" not in made.card_file.read_bytes()
    assert key_id_of(read_private_key(made.key).public_key()) == made.card.key_id


def test_rights_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    code = (
        "import os, sys; os.umask(0); from pathlib import Path; from datetime import datetime, UTC\n"
        "from reports.trust.keys import write_key; from reports.trust.parties import Role\n"
        "print(oct(write_key(Path(sys.argv[1]), 'Ada', Role.ISSUER, created=datetime(2026, 3, 1, tzinfo=UTC))"
        ".key.stat().st_mode & 0o777))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0o600"


def test_a_key_id_is_the_digest_of_the_public_key_as_openssl_writes_it(tmp_path: Path) -> None:
    made = _made(tmp_path)
    der = form.load_pem_public_key(made.card.public_key.encode()).public_bytes(
        form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo
    )
    assert made.card.key_id == hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize("there", ["ada-lovelace.key", "ada-lovelace.pub.yaml"])
def test_never_overwrites(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(VerificationError, match="exists already"):
        _made(tmp_path)
    assert (tmp_path / there).read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == [there]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "ada-lovelace.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(VerificationError, match="exists already"):
        _made(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_password_locks_it(tmp_path: Path) -> None:
    made = _made(tmp_path, password=b"correct horse")
    assert b"ENCRYPTED PRIVATE KEY" in made.key.read_bytes()
    assert key_id_of(read_private_key(made.key, password=b"correct horse").public_key()) == made.card.key_id
    for password, what in ((None, "locked with a password"), (b"wrong", "does not open")):
        with pytest.raises(VerificationError, match=what) as caught:
            read_private_key(made.key, password=password)
        assert caught.value.slug == "key-invalid"


def test_a_password_that_is_not_needed_does_no_harm(tmp_path: Path) -> None:
    assert read_private_key(_made(tmp_path).key, password=b"any")


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    made = _made(tmp_path)
    made.key.chmod(0o640)
    with pytest.raises(VerificationError, match="others than its owner") as caught:
        read_private_key(made.key)
    assert (caught.value.found, caught.value.allowed) == ("0o640", "0o600")


def test_what_is_no_private_key(tmp_path: Path) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = other.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    public = _made(tmp_path).card.public_key.encode()
    for content, what in ((b"x", "not a private key"), (pem, "not an ed25519"), (public, "public half")):
        path = tmp_path / "k"
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(VerificationError, match=what):
            read_private_key(path)
    with pytest.raises(TableError, match="cannot be read"):
        read_private_key(tmp_path / "none")


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("key_id", "0" * 64, "not that of public_key"),
        ("role", "king", "role"),
        ("created", "2026-03-01T10:00:00", "names its zone"),
        ("name", "two\nlines", "printable"),
        ("name", "", "name"),
        ("public_key", "x", "not a public key"),
        ("more", 1, "unknown key"),
    ],
)
def test_a_card_that_does_not_hold(tmp_path: Path, field: str, value: object, what: str) -> None:
    made = _made(tmp_path)
    card = yaml.safe_load(made.card_file.read_text()) | {field: value}
    made.card_file.write_text(yaml.safe_dump(card))
    with pytest.raises(VerificationError, match=what) as caught:
        read_card(made.card_file)
    assert caught.value.slug == "key-invalid"


def test_names_of_all_scripts_have_keys(tmp_path: Path) -> None:
    names = ("Zoë O'Neil", "李雷", "Ада")
    made = [_made(tmp_path, name) for name in names]
    assert made[0].key.name == "zoe-o-neil.key"
    assert made[1].key.name == f"{made[1].card.key_id[:12]}.key"
    assert {card.name for _, card in cards_in(tmp_path)} == set(names)
    with pytest.raises(VerificationError, match="cannot stand on"):
        _made(tmp_path, "  ")


def test_where_keys_lie(tmp_path: Path) -> None:
    assert keys_folder({"AFFIDAVIT_KEYS": str(tmp_path)}) == tmp_path
    assert keys_folder({}).name == "keys"
    assert cards_in(tmp_path / "none") == ()
