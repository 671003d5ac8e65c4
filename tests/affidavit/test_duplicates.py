import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from affidavit.duplicates import DuplicateFinder, key_hashes


@given(st.lists(st.integers(0, 40), max_size=200), st.integers(1, 50), st.integers(1, 30))
def test_spilled_or_held_the_same_hashes_repeat(values: list[int], memory_keys: int, batch: int) -> None:
    hashes = key_hashes([pa.array(values, pa.int64())]) if values else np.empty(0, dtype=np.uint64)
    naive = {int(h) for h in hashes if (hashes == h).sum() > 1}
    for limit in (memory_keys, 10_000):
        with DuplicateFinder(memory_keys=limit) as finder:
            for start in range(0, len(hashes), batch):
                finder.add(hashes[start : start + batch])
            assert set(finder.suspects().tolist()) == naive


def test_dictionary_and_plain_text_hash_alike_and_order_of_columns_matters() -> None:
    text = pa.array(["a", "b", "a"])
    assert np.array_equal(key_hashes([text]), key_hashes([text.dictionary_encode()]))
    other = pa.array(["b", "a", "c"])
    assert not np.array_equal(key_hashes([text, other]), key_hashes([other, text]))
    assert len(set(key_hashes([text, other]).tolist())) == 3
