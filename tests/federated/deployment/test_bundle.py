"""The bundle carries exactly the code that runs: nothing of it comes from elsewhere, and nothing else is in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from affidavit.errors import PlanError
from affidavit.registry import Door
from federated.deployment.approvals import digest_named
from federated.deployment.bundles import Bundle, built
from tests.federated.deployment.imports_of import ENTRIES, behind, needed
from tests.federated.deployment.loopback import ROOMS, snapshot

LOADED = """
import json, sys
sys.path.insert(0, sys.argv[1])
import federated.server_app, federated.client_app
from affidavit.registry import Door, load
load(Door.CORPORA, "manifest")
rooms = ("affidavit", "audit", "corpora", "dashboards", "faithfulness", "federated", "privacy", "reasoners", "reports")
print(json.dumps({name: getattr(module, "__file__", None) for name, module in sys.modules.items()
    if name.split(".")[0] in rooms}))
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return snapshot(tmp_path_factory.mktemp("app"))


@pytest.fixture(scope="module")
def bundle(app: Path) -> Bundle:
    return built(app)


@pytest.fixture(scope="module")
def wanted(app: Path) -> frozenset[str]:
    return needed(app, (*ENTRIES, *behind(Door.CORPORA, Door.REASONERS)))


def test_all_that_server_and_sites_import_is_in_it(bundle: Bundle, wanted: frozenset[str]) -> None:
    assert len(wanted) > 300, "the imports were not followed"
    assert wanted - set(bundle.files) == set()


def test_a_file_that_is_left_out_is_found(app: Path, wanted: frozenset[str], tmp_path: Path) -> None:
    """What the list of pyproject.toml forgets, the test above names."""
    text = (app / "pyproject.toml").read_text(encoding="utf-8")
    assert '"privacy/dpsgd/*.py",' in text
    small = tmp_path / "small"
    built(app).unpacked(small)
    (small / "pyproject.toml").write_text(text.replace('"privacy/dpsgd/*.py",', ""), encoding="utf-8")
    left_out = wanted - set(built(small).files)
    assert left_out
    assert all(name.startswith("privacy/dpsgd/") for name in left_out)


def test_nothing_else_is_in_it(bundle: Bundle, wanted: frozenset[str]) -> None:
    packages = {name.rpartition("/")[0] for name in bundle.files} - {"", ".info"}
    of_code = {name.rpartition("/")[0] for name in wanted}
    assert packages - of_code == set()
    assert {name.split("/")[0] for name in bundle.files} == {*ROOMS, ".info", "LICENSE", "pyproject.toml"}
    assert {Path(name).suffix for name in bundle.files} == {".py", ".toml", ""}


@pytest.mark.slow
def test_the_bundle_alone_is_what_runs(bundle: Bundle, tmp_path: Path) -> None:
    """In a clean process in the unpacked folder: no checkout on the path, no environment of this one."""
    place = tmp_path / "unpacked"
    bundle.unpacked(place)
    bare = {"PATH": os.environ["PATH"], "FLWR_TELEMETRY_ENABLED": "0", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", LOADED, str(place)],
        cwd=place,
        env={**bare, "FLWR_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert len(loaded) > 100
    elsewhere = {name: file for name, file in loaded.items() if file and not Path(file).is_relative_to(place)}
    assert elsewhere == {}
    files = {Path(file).relative_to(place).as_posix() for file in loaded.values() if file}
    assert files <= set(bundle.files)


def test_the_same_files_are_the_same_bundle(app: Path, bundle: Bundle, tmp_path: Path) -> None:
    assert built(app) == bundle
    place = tmp_path / "unpacked"
    bundle.unpacked(place)
    assert built(place).digest == bundle.digest
    (place / "federated" / "client_app.py").write_text("app = None\n", encoding="utf-8")
    assert built(place).digest != bundle.digest


def test_its_digest_is_what_is_approved(bundle: Bundle, tmp_path: Path) -> None:
    file = tmp_path / "affidavit.fab"
    file.write_bytes(bundle.content)
    assert digest_named(str(file)) == (bundle.digest, "affidavit.fab")


def test_a_folder_that_describes_no_app_makes_none(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="no bundle can be made"):
        built(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    with pytest.raises(PlanError, match="no bundle can be made"):
        built(tmp_path)
