"""The columns of exhibits by group and class, described once."""

from __future__ import annotations

from affidavit.records import ExhibitColumn


def _column(name: str, kind: str, description: str, unit: str | None = None) -> ExhibitColumn:
    return ExhibitColumn(name=name, type=kind, unit=unit, description=description)


PLACE = (
    _column("run", "text", "the run"),
    _column("condition", "text", "what the reasoner was shown"),
    _column("features", "text", "the features whose groups are listed, empty for everybody"),
    _column("group", "text", "the group"),
    _column("level_1", "text", "level of the first feature"),
    _column("level_2", "text", "level of the second feature, empty where the group has one"),
    _column("level_3", "text", "level of the third feature, empty where the group has fewer"),
    _column("level_4", "text", "level of the fourth feature, empty where the group has fewer"),
)
ESTIMATE = (
    _column("value", "number", "the estimate, empty where undefined"),
    _column("low", "number", "lower end of the interval"),
    _column("high", "number", "upper end of the interval"),
    _column("method", "text", "how the interval was made"),
    _column("n", "integer", "rows behind the value", "rows"),
    _column("n_clusters", "integer", "units behind the value", "units"),
)
BY_GROUP = (*PLACE, _column("metric", "text", "the metric"), *ESTIMATE)
BY_CLASS = (
    *PLACE,
    _column("class", "text", "the label"),
    _column("rate", "text", "which rate of the label: selection_rate, recall, and so on"),
    *ESTIMATE,
)
MATRIX = (
    *PLACE,
    _column("truth", "text", "the reference label"),
    _column("prediction", "text", "the predicted label"),
    _column("count", "number", "rows (weighted where there are weights)", "rows"),
    _column("share", "number", "share of the rows with this reference label"),
)
