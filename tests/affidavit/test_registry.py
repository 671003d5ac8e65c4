import subprocess
import sys
from pathlib import Path

import pytest

from affidavit import registry
from affidavit.case import Case
from affidavit.errors import RegistryError
from affidavit.examinations import FunctionExamination, Testimony, examination
from affidavit.protocols import Examination, Reasoner, Renderer
from affidavit.registry import BUILT_IN, Door, load, names

PLUGIN = Path(__file__).resolve().parents[2] / "examples" / "plugin"


def test_there_are_seven_doors() -> None:
    assert [door.value for door in Door] == [
        "corpora",
        "reasoners",
        "trainers",
        "examinations",
        "releases",
        "renderers",
        "commands",
    ]


@pytest.mark.parametrize(("door", "name"), [(d, n) for d, entries in BUILT_IN.items() for n in entries])
def test_every_built_in_loads_and_fits_its_door(door: Door, name: str) -> None:
    value = load(door, name)
    protocol = {Door.EXAMINATIONS: Examination, Door.RENDERERS: Renderer, Door.REASONERS: Reasoner}.get(door)
    assert protocol is None or isinstance(value, protocol)
    if door is not Door.COMMANDS:
        assert value.name == name


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(RegistryError, match="did you mean 'performance'"):
        load(Door.EXAMINATIONS, "preformance")


def test_a_function_becomes_an_examination() -> None:
    @examination(name="mine", title="Mine", metrics=("m",))
    def mine(case: Case) -> Testimony:
        return Testimony()

    assert isinstance(mine, FunctionExamination)
    assert load(Door.EXAMINATIONS, "mine") is mine
    assert names(Door.EXAMINATIONS)[-1] == "mine"


def test_a_built_in_name_cannot_be_taken() -> None:
    with pytest.raises(RegistryError, match="already"):
        registry.register(Door.EXAMINATIONS, "performance", object())


def test_unknown_access_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown access"):
        examination(name="x", title="x", metrics=(), access=("telepathy",))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def installed_plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example plugin, really installed, into a folder of its own."""
    site = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
        "--target",
    ]
    subprocess.run([*command, str(site), str(PLUGIN)], check=True, capture_output=True, timeout=120)
    return site


def test_an_installed_plugin_comes_through_every_door_it_names(
    installed_plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(installed_plugin))
    assert "hedging" in names(Door.EXAMINATIONS)
    assert load(Door.EXAMINATIONS, "hedging").metrics == frozenset({"hedging_rate"})
    assert load(Door.RENDERERS, "one-line").suffix == ".txt"
    with pytest.raises(RegistryError, match="does not load") as caught:
        load(Door.EXAMINATIONS, "broken")
    assert caught.value.slug == "plugin-broken"


def test_a_plugin_command_runs(installed_plugin: Path) -> None:
    code = "import sys; sys.argv = ['affidavit', 'greet']; from affidavit.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(installed_plugin)!r}); {code}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "the plugin greets" in done.stdout


def test_the_plugin_passes_the_public_contracts(installed_plugin: Path) -> None:
    """A third party runs the contract suite outside of this repository's own tests."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(PLUGIN),
            str(PLUGIN / "tests"),
        ],
        env={"PYTHONPATH": str(installed_plugin), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
