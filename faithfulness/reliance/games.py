"""What each modality brings, by the games that a table allows: shares, losses by removal, and what modalities share.

V(S) is how well the model does when only the modalities S are left, on utterances judged under every set. With k
modalities M:

| number | formula | range |
|---|---|---|
| Shapley value of m | sum over S without m of |S|! (k - |S| - 1)! / k! (V(S + m) - V(S)) | [-1, 1] |
| ablation of m | V(M) - V(M without m) | [-1, 1] |
| interaction of m and n | V(mn) - V(m) - V(n) + V(nobody) | [-2, 2] |
| interaction index of m and n | the same averaged over those already there (Shapley interaction index) | [-2, 2] |
| interaction of three | sum over S of (-1)^(3 - |S|) V(S) | [-4, 4] |

Shapley values sum to V(M) - V(nobody) exactly. Modalities that say the same share credit; an ablation gives it to
neither. An operator that removes single modalities only tells ablations.

Source: Shapley 1953; of modalities SHAPE, Hu et al. 2022; interaction index Grabisch, Roubens 1999.
"""

from __future__ import annotations

from itertools import combinations
from typing import Final

import numpy as np

from affidavit.conditions import MODALITIES
from affidavit.confusion import FloatArray
from affidavit.statistics.shapley import interaction_weights, shapley_weights
from faithfulness.reliance.operators import NOTHING, Operator
from faithfulness.reliance.panel import ACCURACY, Measure, Panel
from faithfulness.reliance.telling import Number

SHAPLEY: Final = "modality_shapley"
ABLATION: Final = "modality_ablation"
INTERACTION: Final = "modality_interaction"
INDEX: Final = "modality_interaction_index"
OF_MEASURE: Final[dict[Measure, str]] = {
    "accuracy": "",
    "unweighted_average_recall": "_recall",
    "answer_probability": "_probability",
}
"""What names of numbers in each measure add."""
SHAPLEY_SOURCE: Final = "Shapley 1953; of modalities: SHAPE, Hu et al. 2022"
ABLATION_SOURCE: Final = "ablation, paired by utterance"
INTERACTION_SOURCE: Final = "pair interaction"
INDEX_SOURCE: Final = "Shapley interaction index: Grabisch, Roubens 1999"
VALUE_SOURCE: Final = "the value of a set of modalities"
SHARED_CREDIT: Final = "modalities that tell the same share credit"


def conditions_of(operator: Operator) -> tuple[str, ...]:
    """Return the conditions that an operator's panel takes: the whole game, else the base and single removals."""
    game = operator.game if operator.whole else ()
    all_of_them = dict.fromkeys((operator.base, *game, *operator.singles.values()))
    return tuple(condition for condition in all_of_them if condition != NOTHING)


def numbers_of(panel: Panel, operator: Operator) -> list[Number]:
    """Return every number under an operator; Shapley values by group, or ablations where there is no game."""
    return [number for measure in panel.measures for number in _of_measure(panel, operator, measure)]


def shapley_over(panel: Panel, operator: Operator, letter: str) -> FloatArray:
    """Return the weights over a panel's columns [C] of one modality's Shapley value; of a whole game."""
    return _over(panel, operator, shapley_weights(len(operator.players))[operator.players.index(letter)])


def ablation_over(panel: Panel, operator: Operator, letter: str) -> FloatArray:
    """Return the weights over a panel's columns [C] of what is lost without one modality."""
    return panel.weights({operator.base: 1.0}) - panel.weights({operator.singles[letter]: 1.0})


def _of_measure(panel: Panel, operator: Operator, measure: Measure) -> list[Number]:
    main = measure == ACCURACY
    game = operator.whole
    shares = [
        Number(
            statistic=panel.linear(
                f"{SHAPLEY}{OF_MEASURE[measure]}_{MODALITIES[letter]}",
                measure,
                shapley_over(panel, operator, letter),
                bounds=(-1.0, 1.0),
                source=SHAPLEY_SOURCE,
            ),
            measure=measure,
            told="by group" if main else "exhibit",
            compared=main,
            remarks=(SHARED_CREDIT,),
        )
        for letter in (operator.players if game else "")
    ]
    ablations = [
        Number(
            statistic=panel.linear(
                f"{ABLATION}{OF_MEASURE[measure]}_{MODALITIES[letter]}",
                measure,
                ablation_over(panel, operator, letter),
                bounds=(-1.0, 1.0),
                source=ABLATION_SOURCE,
            ),
            measure=measure,
            told=("everybody" if game else "by group") if main else "exhibit",
            compared=main and not game,
        )
        for letter in operator.singles
    ]
    together = _interactions(panel, operator, measure) if game else []
    return [*shares, *ablations, *together, *_values(panel, operator, measure)]


def _interactions(panel: Panel, operator: Operator, measure: Measure) -> list[Number]:
    players = operator.players
    n = len(players)
    found: list[tuple[str, tuple[int, ...], FloatArray]] = [
        (INTERACTION, pair, alternating_weights(n, pair)) for pair in combinations(range(n), 2)
    ]
    if n > 2:
        found += [(INDEX, pair, interaction_weights(n, *pair)) for pair in combinations(range(n), 2)]
        found.append((INTERACTION, tuple(range(n)), alternating_weights(n, tuple(range(n)))))
    numbers = []
    for stem, some, weights in found:
        named = "_".join(MODALITIES[players[i]] for i in some)
        widest = float(2 ** (len(some) - 1))
        statistic = panel.linear(
            f"{stem}{OF_MEASURE[measure]}_{named}",
            measure,
            _over(panel, operator, weights),
            bounds=(-widest, widest),
            source=INDEX_SOURCE if stem == INDEX else INTERACTION_SOURCE,
        )
        told = measure == ACCURACY and stem == INTERACTION
        numbers.append(Number(statistic=statistic, measure=measure, told="everybody" if told else "exhibit"))
    return numbers


def _values(panel: Panel, operator: Operator, measure: Measure) -> list[Number]:
    """Return the value of every column that an operator has, for the exhibit."""
    columns = operator.game if operator.whole else conditions_of(operator)
    return [
        Number(
            statistic=panel.linear(
                measure, measure, panel.weights({column: 1.0}), bounds=(0.0, 1.0), source=VALUE_SOURCE
            ),
            measure=measure,
            shown=column,
        )
        for column in columns
    ]


def _over(panel: Panel, operator: Operator, weights: FloatArray) -> FloatArray:
    """Return weights over columns [C] from weights over coalitions [2**k]."""
    own = [w * panel.weights({column: 1.0}) for w, column in zip(weights, operator.game, strict=True)]
    return np.asarray(np.sum(own, axis=0))


def alternating_weights(n_players: int, some: tuple[int, ...]) -> FloatArray:
    """Return weights [2**n] of the interaction of some players with no others there: sum of (-1)^(s - |S|) V(S).

    >>> alternating_weights(2, (0, 1)).tolist()
    [1.0, -1.0, -1.0, 1.0]
    """
    weights = np.zeros(2**n_players)
    for size in range(len(some) + 1):
        for chosen in combinations(some, size):
            weights[sum(1 << i for i in chosen)] = (-1.0) ** (len(some) - size)
    return weights
