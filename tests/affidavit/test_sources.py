"""The runs of a plan, as they are brought in."""

from pathlib import Path

import pandas as pd
import pytest

from affidavit.plan import AuditPlan, Execution, Feature, RunSource
from affidavit.protocols import silent
from affidavit.sources import Loaded, load_run
from affidavit.testing import predictions_frame


@pytest.fixture
def table(tmp_path: Path) -> Path:
    frame = predictions_frame(n_speakers=12)
    frame["age"] = frame.index % 60
    parts = [
        frame.assign(reasoner=reasoner, instruction=instruction)
        for reasoner, instruction in (("two", "plain"), ("one", None), ("one", "plain"))
    ]
    both = pd.concat(parts).sample(frac=1.0, random_state=0)
    both.loc[both["y_true"] == "joy", "y_true"] = "anger"
    both.to_parquet(tmp_path / "t.parquet", index=False)
    return tmp_path / "t.parquet"


def loaded(table: Path, **execution: int) -> list[Loaded]:
    source = RunSource(table=table.name)
    features = {"age": Feature(level="utterance", bands=(30,))}
    plan = AuditPlan(runs={"r": source}, by=("accent", "age"), features=features, execution=Execution(**execution))
    return load_run("r", source, plan, table.parent, silent)


def test_a_table_parts_by_reasoner_and_instruction_held_or_streamed(table: Path) -> None:
    held, streamed = loaded(table), loaded(table, memory_rows=100, batch_rows=1024)
    assert [item.run for item in held] == ["r/one/no instruction", "r/one/plain", "r/two/plain"]
    assert [item.predictions.in_memory for item in held] == [True] * 3
    assert [item.predictions.in_memory for item in streamed] == [False] * 3
    for one, other in zip(held, streamed, strict=True):
        assert one.run == other.run
        assert one.predictions.digest == other.predictions.digest
        assert one.predictions.levels == other.predictions.levels
        assert one.predictions.n_rows == 240
        assert one.predictions.unit == "speaker_id"
        assert one.predictions.labels == ("anger", "joy", "sadness"), "the label space is that of the whole table"
