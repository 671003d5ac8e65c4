"""The command line as people use it: its exit code, its words, and what lies on disk afterwards.

What a process alone can show is asked of a process; the rest is asked in this one, since a start takes a second.
"""

import io
import json
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest

from affidavit.cli import main
from affidavit.testing import predictions_frame

NEED_PROBABILITIES = {"calibration", "multicalibration"}
OTHER_TASKS = {"regression", "ordinal", "multilabel", "word-errors"}
FAST = ["--resamples", "100", "--permutations", "99"]
ONE = ["--examination", "performance", *FAST]


def process(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "affidavit", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def affidavit(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command, out, err = ["affidavit", *arguments], io.StringIO(), io.StringIO()
    printed = redirect_stdout(out), redirect_stderr(err)
    with chdir(cwd), patch.object(sys, "argv", command), printed[0], printed[1], pytest.raises(SystemExit) as ended:
        main()
    code = ended.value.code or 0
    assert isinstance(code, int)
    return subprocess.CompletedProcess(command, code, stdout=out.getvalue(), stderr=err.getvalue())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    predictions_frame().to_csv(tmp_path / "t.csv", index=False)
    return tmp_path


def policy(folder: Path, bound: float, *, demanded: bool = False, metric: str = "accuracy") -> str:
    (folder / "policy.yaml").write_text(
        "version: 1\nname: p\ntitle: p\nstatement: p\nfrozen_before_results: true\ncriteria:\n"
        f"  - {{id: c, metric: {metric}, scope: everybody, conditions: [TAV], at_least: {bound}, source: s, "
        f"answer_demanded: {str(demanded).lower()}}}\n"
    )
    return "policy.yaml"


@pytest.mark.parametrize(
    ("bound", "demanded", "code"), [(0.5, False, 0), (0.9, False, 1), (0.7, False, 0), (0.7, True, 3)]
)
def test_exit_codes_say_what_was_decided(folder: Path, bound: float, demanded: bool, code: int) -> None:
    arguments = ["audit", "t.csv", "--by", "accent", "--policy", policy(folder, bound, demanded=demanded), *ONE]
    done = process(*arguments, "--out", "out", cwd=folder)
    assert done.returncode == code, done.stdout + done.stderr
    assert {"report.html", "report.md", "report.json"} <= {path.name for path in (folder / "out").iterdir()}


def test_the_contract_that_others_script_against(folder: Path) -> None:
    done = affidavit("audit", "t.csv", "--by", "accent,age", "--out", "out", *FAST, cwd=folder)
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "out" / "report.json").read_bytes())
    assert report["decision"] == "no decision"
    refused = {refusal["examination"] for refusal in report["refusals"]}
    wanting = {"soft-labels", "annotators", "modality-disparity", "robustness", "model-comparison"}
    wanting |= {"mitigation", "leakage-probe"}  # they need probabilities, too
    wanting |= {"citation", "rationale-corruption", "evidence-erasure", "insertions", "hints", "stability"}
    wanting |= {"modality-reliance", "modality-weights", "modality-information", "causal-concepts"}
    wanting |= {"cue-grounding", "clue-overlap", "evidence-plausibility", "human-review"}  # measured, written, marked
    wanting |= {"attributions", "attribution-sanity", "roar"}  # the model itself
    wanting |= {"gradient-inversion", "gradient-clipping", "leakage", "membership", "one-run-audit", "privacy-ledger"}
    wanting |= {"federated-run"}
    wanting |= {
        "price-of-privacy",
        "gradient-canaries",
        "minimisation",
        "consent",
    }  # done where a plan names them; a corpus with consent
    assert refused == NEED_PROBABILITIES | OTHER_TASKS | wanting
    found = {
        (f["metric"], f["condition"], tuple(sorted(f["groups"].items()))): f
        for f in report["findings"]
        if "compared" not in f
    }
    cell = found["accuracy", "TAV", (("accent", "Scottish"), ("age", "40+"))]
    assert {"value", "interval", "n", "n_clusters"} <= set(cell["estimate"])
    assert set(cell["estimate"]["interval"]) == {"low", "high", "level", "method"}
    assert (cell["estimate"]["n"], cell["estimate"]["n_clusters"]) == (80, 8)
    assert ("unweighted_average_recall", "A", ()) in found
    assert ("accuracy_per_unit", "TAV", ()) in found


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["audit", "nowhere.csv"], "no such file"),
        (["audit", "t.csv", "--by", "dialect"], "dialect"),
        (["audit", "t.csv", "--by", "acent"], "did you mean 'accent'"),
        (["audit", "t.csv", "--column", "y_true"], "NAME=VALUE"),
        (["audit", "t.csv", "--task", "multi"], "multiclass"),
        (["audit", "t.csv", "--examination", "fairness"], "not behind the door"),
        (["audit", "t.csv", "--by", "accent", "--policy", "policy.yaml"], "not computed"),
        (["audit", "t.csv", "--by", "accent", "--band", "age=3"], "not among the features"),
        (["run", "plan.yaml"], "unknown key"),
        (["verify", "."], "not an audit bundle"),
        (["audit", "t.csv", "--by", "accent,accent"], "twice"),
        (["check", "t.csv", "--task", "bogus"], "not a task"),
        (["check", "t.csv", "--out", "taken"], "not a request"),
        (["audit", "t.csv", "--out", "."], "working folder"),
        (["audit", "t.csv", "--out", "taken"], "not an audit bundle"),
        (["audit", "t.csv", "--out", ".."], "working folder"),
        (["audit", "t.csv", "--out", "/proc"], "mount point"),
        (["audit", "t.csv", "--out", "t.csv/sub/deeper"], "t.csv is a file"),
        (["audit", "t.csv", "--out", "/proc/report"], "cannot be written"),
        (["audit", "t.csv", "--out", "x" * 300], "cannot be written"),
        (["audit", "t.csv", "--out", "circle"], "cannot be written"),
        (["check", "t.csv", "--out", "t.csv/sub"], "t.csv is a file"),
        (["audit", "t.csv", "--resamples", "200000"], "100000"),
        (["audit", "t.csv", "--permutations", "200000"], "100000"),
        (["audit", "t.csv", "--by", "age", "--band", "age=nan"], "takes numbers"),
        (["audit", "t.csv", "--by", "age", "--band", "age="], "takes numbers"),
        (["audit", "t.csv", "--by", "age", "--band", "age=30,30"], "twice"),
        (["audit", "t.csv", "--demand-answers"], "needs a policy"),
    ],
)
def test_bad_input_is_one_clear_error_and_nothing_is_written(folder: Path, arguments: list[str], said: str) -> None:
    policy(folder, 0.5, metric="acuracy")
    (folder / "plan.yaml").write_text("version: 1\nruns: {r: {table: t.csv}}\nfrobnicate: 1\n")
    (folder / "taken").mkdir()
    (folder / "taken" / "mine.txt").write_text("mine")
    (folder / "circle").symlink_to("circle")
    before = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    done = affidavit(*arguments, cwd=folder)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "more: docs/errors/" in done.stderr
    assert sorted(path.relative_to(folder) for path in folder.rglob("*")) == before


@pytest.mark.parametrize("flag", [["--permutations", "5"], ["--resamples", "many"], ["--depth", "9"]])
def test_a_flag_out_of_range_is_a_line_about_the_flag(folder: Path, flag: list[str]) -> None:
    done = affidavit("audit", "t.csv", *flag, cwd=folder)
    assert done.returncode == 2
    assert f"Invalid value for '{flag[0]}'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["audit", "t.csv", *ONE], ["check", "t.csv"]])
def test_a_link_is_followed_and_stays(folder: Path, command: list[str]) -> None:
    (folder / "kept").mkdir()
    (folder / "latest").symlink_to("kept/today")
    for _ in range(2):
        done = affidavit(*command, "--out", "latest", cwd=folder)
        assert done.returncode == 0, done.stderr
    assert (folder / "latest").is_symlink()
    assert any((folder / "kept" / "today").iterdir())
    assert [path.name for path in (folder / "kept").iterdir()] == ["today"]


def test_a_request_shows_names_as_they_are_and_nothing_else(folder: Path) -> None:
    frame = predictions_frame().rename(columns={"accent": "a`b|c\n# d", "y_true": "gold"})
    frame.to_csv(folder / "t|<b>.csv", index=False)
    named = ["--by", "accent", "--column", "group_accent=a`b|c\n# d", "--column", "y_true=gold"]
    done = affidavit("check", "t|<b>.csv", *named, "--out", "request", cwd=folder)
    assert done.returncode == 0, done.stderr
    lines = (folder / "request" / "request.md").read_text().splitlines()
    assert "# Request for an audit table (t\\|\\<b\\>.csv)" in lines
    assert "- group_accent: your column `` a`b|c # d ``" in lines
    assert "- y_true: your column `gold`" in lines


def test_a_fault_of_our_own_is_neither_a_failed_criterion_nor_bad_input(folder: Path) -> None:
    code = "import affidavit.cli.doctor as d; d.examine_installation = lambda: 1 / 0; import sys"
    code += "; sys.argv = ['affidavit', 'doctor']; from affidavit.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 70
    assert "ZeroDivisionError" in done.stderr
    assert "fault of affidavit's own" in done.stderr


def test_a_full_disk_is_said_to_be_one_and_no_fault_of_our_own(folder: Path) -> None:
    code = "import affidavit.cli.doctor as d, sys; full = lambda: open('/dev/full', 'wb', buffering=0).write(b'x')"
    code += "; d.examine_installation = full; sys.argv = ['affidavit', 'doctor']"
    code += "; from affidavit.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "error[place-full]" in done.stderr
    assert "Traceback" not in done.stderr


def test_says_which_version_it_is(folder: Path) -> None:
    assert process("--version", cwd=folder).stdout.startswith("affidavit ")


def test_a_plan_runs_relative_to_itself(folder: Path) -> None:
    (folder / "plans").mkdir()
    (folder / "plans" / "p.yaml").write_text(
        "version: 1\ntitle: Mine\nruns: {vendor: {table: ../t.csv, supplier: ACME}}\nby: [age]\n"
        "examinations: [performance]\nstatistics: {n_resamples: 100, n_permutations: 99}\n"
    )
    done = affidavit("run", "plans/p.yaml", "--out", "out", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "ACME" in (folder / "out" / "report.html").read_text()
    verified = affidavit("verify", "out", "--plan", "plans/p.yaml", cwd=folder)
    assert verified.returncode == 0, verified.stderr
    assert "to the last digit" in verified.stdout


def test_sign_and_verify(folder: Path) -> None:
    assert affidavit("audit", "t.csv", "--by", "age", "--out", "out", *ONE, cwd=folder).returncode == 0
    new = ("keys", "new", "Ada Osei", "--role", "issuer", "--folder", "keys")
    assert affidavit(*new, cwd=folder).returncode == 0
    assert (folder / "keys" / "ada-osei.key").stat().st_mode & 0o077 == 0
    assert affidavit(*new, cwd=folder).returncode == 2, "a key is never overwritten"
    signing = ("sign", "out", "--key", "keys/ada-osei.key")
    unsaid = affidavit(*signing, cwd=folder)
    assert unsaid.returncode == 2
    assert "type affidavit sign out --key keys/ada-osei.key --as reviewer --requester NAME" in unsaid.stderr
    assert affidavit(*signing, "--as", "issuer", "--requester", "Cy", cwd=folder).returncode == 0
    done = affidavit("verify", "out", "--table", "t.csv", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "valid, signer unknown" in done.stdout
    assert "recomputation  holds" in done.stdout
    shown = affidavit("keys", "show", "Ada Osei", "--folder", "keys", cwd=folder).stdout
    (folder / "trust.yaml").write_text("version: 1\nsigners:\n" + shown)
    assert affidavit("verify", "out", "--trust", "trust.yaml", cwd=folder).returncode == 0
    (folder / "trust.yaml").write_text("version: 1\nsigners: []\n")
    assert affidavit("verify", "out", "--trust", "trust.yaml", cwd=folder).returncode == 3
    former = affidavit("keygen", "auditor.key", cwd=folder)
    assert former.returncode == 2
    assert 'type affidavit keys new "auditor" --role reviewer' in former.stderr
    assert not (folder / "auditor.key").exists()


def test_check_computes_nothing_and_writes_a_request(folder: Path) -> None:
    done = affidavit("check", "t.csv", "--by", "accent", "--out", "request", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "possible      performance" in done.stdout
    assert "not possible  word-errors" in done.stdout
    assert "gradients" in done.stdout
    assert {path.name for path in (folder / "request").iterdir()} == {"request.md", "template.csv", "dictionary.csv"}
    text = (folder / "request" / "request.md").read_text()
    assert "your column `speaker_id`" in text
    assert "TAV, TA, TV, AV, T, A, V" in text


def test_unlabelled_audits_refuse_what_needs_labels(folder: Path) -> None:
    done = affidavit("audit", "t.csv", "--by", "accent", "--unlabelled", "--out", "out", *FAST, cwd=folder)
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "out" / "report.json").read_bytes())
    refused = {refusal["examination"] for refusal in report["refusals"]}
    assert {"performance", "worst-group", "equalized-odds", "calibration", "word-errors"} <= refused
    assert not {"demographic-parity", "agreement", "rationales"} & refused
    metrics = {f["metric"] for f in report["findings"]}
    assert {"demographic_parity_difference_max", "agreement_with_fullest", "rationale_words"} <= metrics
    assert not any("accuracy" in metric for metric in metrics)


def test_doctor_names_extras_and_licences(folder: Path) -> None:
    done = affidavit("doctor", cwd=folder)
    assert done.returncode == 0
    for extra in ("train", "federated", "privacy", "explain", "dashboard", "reports", "models", "egemaps", "dev"):
        assert extra in done.stdout
    assert "NON-COMMERCIAL" in done.stdout


def test_several_reasoners_in_one_table_are_audited_apart(folder: Path) -> None:
    import pandas as pd

    frame = predictions_frame(conditions=("TAV",))
    both = pd.concat([frame.assign(reasoner="one"), frame.assign(reasoner="two")])
    both.to_csv(folder / "both.csv", index=False)
    done = affidavit("audit", "both.csv", "--by", "accent", "--out", "out", *ONE, cwd=folder)
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "out" / "report.json").read_bytes())
    assert {f["run"] for f in report["findings"]} == {"predictions/one", "predictions/two"}
