"""The desk listens on this machine, or to people who log in; its settings are its owner's."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from affidavit.errors import PlanError, TableError
from dashboards.access.people import Person, Role
from dashboards.launching import APP, command_of, require_safe
from dashboards.settings import ENVIRONMENT, DeskSettings, current_settings, handed_over
from dashboards.workspace.places import inside

ALONE = Person(name="A. Khan", role=Role.REVIEWER)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.7", "desk.clinic.example", "127.0.0.1.evil.example"])
def test_beyond_this_machine_only_with_a_login(address: str) -> None:
    with pytest.raises(PlanError) as raised:
        require_safe(DeskSettings(workspace="w", address=address, person=ALONE))
    assert raised.value.slug == "desk-unsafe"
    require_safe(DeskSettings(workspace="w", address=address, login="login.toml", people="people.yaml"))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost"])
def test_on_this_machine_nobody_has_to_log_in(address: str) -> None:
    require_safe(DeskSettings(workspace="w", address=address, person=ALONE))


def test_a_login_without_roles_is_refused() -> None:
    with pytest.raises(PlanError, match="what they may do"):
        require_safe(DeskSettings(workspace="w", login="login.toml"))


def test_the_server_keeps_to_itself() -> None:
    command = command_of(DeskSettings(workspace="w", port=8600, person=ALONE, upload_mb=7), browser=False)
    assert command[1:5] == ["-m", "dashboards.serving", "run", str(APP)]
    for flag in (
        "--server.address=127.0.0.1",
        "--server.port=8600",
        "--server.maxUploadSize=7",
        "--server.enableXsrfProtection=true",
        "--browser.gatherUsageStats=false",
        "--client.showErrorDetails=none",
        "--server.headless=true",
    ):
        assert flag in command


def test_settings_go_over_in_a_file_that_its_owner_alone_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = DeskSettings(workspace="w", person=ALONE, database="postgresql://user:secret@db/desk")
    place = handed_over(settings)
    try:
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        monkeypatch.setenv(ENVIRONMENT, str(place))
        assert current_settings() == settings
        assert "secret" not in " ".join(command_of(settings, browser=False))
    finally:
        place.unlink()


def test_without_its_command_there_is_no_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    with pytest.raises(PlanError, match="affidavit dashboard"):
        current_settings()


def test_no_path_leads_out(tmp_path: Path) -> None:
    place, outside = tmp_path / "place", tmp_path / "outside"
    (place / "deep").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.csv").write_text("x")
    (place / "own.csv").write_text("x")
    (place / "link.csv").symlink_to(outside / "secret.csv")
    assert inside(place / "deep" / ".." / "own.csv", [place]) == (place / "own.csv").resolve()
    for path in (place / ".." / "outside" / "secret.csv", place / "link.csv", Path("/etc/passwd"), outside):
        with pytest.raises(TableError) as raised:
            inside(path, [place])
        assert str(tmp_path) not in str(raised.value)
    assert inside(place, [place]) == place.resolve()
