"""Asks AIF360 and Aequitas for their numbers on COMPAS and writes them down, with their versions.

    python tests/golden/peers.py ../shared/data/compas/compas_for_aequitas.csv > tests/golden/compas.json

Run it in an environment that holds both; they are too heavy, and want other versions of pandas, to be installed beside
this project. `tests/golden/test_equals_peers.py` holds our values against the file. The file has no row of the data.
"""

import json
import sys
import warnings
from importlib.metadata import version

import pandas as pd

warnings.simplefilter("ignore")
LEAST, MOST = "Asian", "African-American"  # two groups for AIF360, whose differences take two


def by_aequitas(frame: pd.DataFrame) -> dict[str, dict[str, dict[str, float]]]:
    """Return attribute to level to rate."""
    from aequitas.group import Group

    texts = {name: frame[name].astype(object) for name in ("race", "sex", "age_cat")}
    table, _ = Group().get_crosstabs(frame.assign(**texts, entity_id=frame["entity_id"].astype(str).astype(object)))
    rates = ["tpr", "fpr", "precision", "pprev", "prev"]
    return {
        attribute: {row["attribute_value"]: {rate: float(row[rate]) for rate in rates} for _, row in part.iterrows()}
        for attribute, part in table.groupby("attribute_name")
    }


def by_aif360(frame: pd.DataFrame) -> dict[str, float]:
    """Return AIF360's measures: between two sexes, and inequality with its part between races."""
    from aif360.sklearn import metrics

    keyed = frame.set_index(["race", "sex"])
    true, predicted = keyed["label_value"], keyed["score"].astype(int)
    two = {"prot_attr": "sex", "priv_group": "Male"}
    right = (true == predicted).astype(float).to_numpy()
    groups = frame["race"].to_numpy()
    means = pd.Series(right).groupby(groups).transform("mean").to_numpy()
    return {
        "statistical_parity_difference": metrics.statistical_parity_difference(true, predicted, **two),
        "disparate_impact_ratio": metrics.disparate_impact_ratio(true, predicted, **two),
        "equal_opportunity_difference": metrics.equal_opportunity_difference(true, predicted, **two),
        "average_odds_error": metrics.average_odds_error(true, predicted, **two),
        "generalized_entropy": metrics.generalized_entropy_index(right, alpha=2),
        "theil_index": metrics.theil_index(right),
        "generalized_entropy_between_races": metrics.generalized_entropy_index(means, alpha=2),
        "smoothed_edf_race": metrics.smoothed_edf(frame.set_index("race")["score"].astype(int)),
        "smoothed_edf_race_of_labels": metrics.smoothed_edf(frame.set_index("race")["label_value"]),
    }


def main() -> None:
    """Print the numbers."""
    frame = pd.read_csv(sys.argv[1])
    found = {
        "versions": {name: version(name) for name in ("aif360", "aequitas")},
        "aequitas": by_aequitas(frame),
        "aif360": {name: float(value) for name, value in by_aif360(frame).items()},
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
