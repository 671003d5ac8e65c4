import affidavit as af


def test_every_export_loads_and_all_is_sorted() -> None:
    assert list(af.__all__) == sorted(af.__all__)
    for name in af.__all__:
        assert getattr(af, name).__module__.startswith("affidavit.")
    assert set(af.__all__) <= set(dir(af))


def test_every_public_name_has_a_docstring() -> None:
    assert [name for name in af.__all__ if not getattr(af, name).__doc__] == []
