"""What `affidavit site check` says, and that what it prints of patients gives no small count away."""

from __future__ import annotations

import pytest

from affidavit.corpus import Corpus
from affidavit.utterances import Utterance
from federated.deployment.command import site
from federated.deployment.data_quality import quality_lines
from federated.deployment.house import House
from federated.deployment.readiness import readiness


def corpus(n_small: int, n_large: int) -> Corpus:
    turns = tuple(
        Utterance(
            utterance_id=f"{unit}-{turn}",
            unit_id=f"p{unit}",
            text="",
            label="sad",
            sensitive={"accent": "small" if unit < n_small else "large"},
        )
        for unit in range(n_small + n_large)
        for turn in range(3)
    )
    return Corpus(name="c", utterances=turns, digest="sha256:0", licence="none", label_space=("joy", "sad"))


@pytest.mark.parametrize("n_small", range(1, 11))
def test_no_small_count_follows_from_what_is_printed(n_small: int) -> None:
    lines = quality_lines(corpus(n_small, 40), floor=11)
    assert quality_lines(corpus(n_small, 40), floor=11) == lines
    accents = [line for line in lines if line.startswith("accent")]
    assert [line.split(maxsplit=2)[2].strip() for line in accents] == ["33 to 43", "n < 11", "none"]
    low, high = (int(word) for word in lines[0].split(maxsplit=1)[1].split(" to "))
    # Whole less the large group: nothing between 1 and 10 is excluded.
    assert low - 43 <= 1
    assert high - 33 >= 10


def test_patients_are_counted_and_not_turns() -> None:
    assert quality_lines(corpus(0, 12), floor=11)[0].split(maxsplit=1)[1] == "11 to 21"


def planted(house: House, rows: int) -> None:
    table = "\n".join(f"u{i},p{i},sad,hello" for i in range(rows))
    (house.folder / "patients.csv").write_text(f"utterance_id,unit_id,label,text\n{table}\n")
    text = house.policy.read_text()
    text = text.replace("# corpus:", "corpus:").replace("#   name: manifest", "  name: manifest")
    text = text.replace("#   options: ", "  options: ").replace("localhost:18000", "127.0.0.1:1")
    house.policy.write_text(text)


def test_each_part_is_checked_apart(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    planted(house, 30)
    told = {one.name: one.fine for one in readiness(house).checks}
    port = told.pop("port")
    assert port is False  # nobody serves there
    assert {name for name, fine in told.items() if fine is False} == set()
    assert told["corpus"] is True
    assert told["approvals"] is None
    assert site("check", house.folder) == 1
    assert "data quality, in patients; nothing of it was sent" in capsys.readouterr().out


def test_what_is_wrong_at_home_is_found(house: House) -> None:
    planted(house, 5)
    house.folder.chmod(0o755)
    house.key("signing").chmod(0o644)
    house.public("node").write_bytes(b"another")
    found = {one.name: one for one in readiness(house).checks if one.fine is False}
    assert set(found) >= {"folder", "signing key", "node key", "corpus"}
    assert found["corpus"].found == "fewer than 11 patients"
    assert readiness(house).quality == ()


def test_without_a_policy_nothing_else_is_asked(house: House) -> None:
    house.policy.write_text("site: [")
    assert [(one.name, one.fine) for one in readiness(house).checks] == [("policy", False)]
    assert site("check", house.folder) == 1
