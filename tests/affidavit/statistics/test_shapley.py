from itertools import permutations
from math import factorial

import numpy as np
import pytest

from affidavit.statistics.shapley import MAX_PLAYERS, interaction_weights, shapley_values, shapley_weights


def by_orders(game: np.ndarray, n: int) -> list[float]:
    """The definition: what each player adds on arrival, averaged over all orders."""
    gained = [0.0] * n
    for order in permutations(range(n)):
        coalition = 0
        for player in order:
            gained[player] += game[coalition | 1 << player] - game[coalition]
            coalition |= 1 << player
    return [each / factorial(n) for each in gained]


def interaction_by_orders(game: np.ndarray, n: int, i: int, j: int) -> float:
    """The pair arrives as one, in all orders of it and the others; what it brings beyond the two apart."""
    total, others = 0.0, [p for p in range(n) if p not in (i, j)]
    orders = list(permutations([*others, "pair"]))
    for order in orders:
        before = sum(1 << p for p in order[: order.index("pair")] if isinstance(p, int))
        both, one, other = before | 1 << i | 1 << j, before | 1 << i, before | 1 << j
        total += game[both] - game[one] - game[other] + game[before]
    return total / len(orders)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_equals_the_average_over_all_orders(n: int) -> None:
    games = np.random.default_rng(n).normal(size=(3, 2**n))
    assert shapley_values(games) == pytest.approx(np.array([by_orders(game, n) for game in games]))


@pytest.mark.parametrize("n", [2, 3, 4])
def test_interactions_equal_the_average_over_all_orders_with_the_pair_as_one(n: int) -> None:
    game = np.random.default_rng(n).normal(size=2**n)
    for i, j in permutations(range(n), 2):
        assert game @ interaction_weights(n, i, j) == pytest.approx(interaction_by_orders(game, n, i, j))


def test_the_shares_sum_to_everybody_less_nobody() -> None:
    game = np.random.default_rng(0).normal(size=(5, 16))
    assert shapley_values(game).sum(axis=1) == pytest.approx(game[:, -1] - game[:, 0])


def test_players_that_bring_the_same_get_the_same_and_one_that_brings_nothing_gets_nothing() -> None:
    game = np.array([0.0, 0.3, 0.3, 0.8, 0.0, 0.3, 0.3, 0.8])  # 0 and 1 alike, 2 a dummy
    shares = shapley_values(game)
    assert shares[0] == pytest.approx(shares[1])
    assert shares[2] == 0
    assert game @ interaction_weights(3, 0, 2) == pytest.approx(0)


def test_a_sum_of_games_has_the_sum_of_shares() -> None:
    first, second = np.random.default_rng(1).normal(size=(2, 8))
    assert shapley_values(first - second) == pytest.approx(shapley_values(first) - shapley_values(second))


def test_an_additive_game_has_no_interaction() -> None:
    worth = np.array([0.1, 0.5, -0.2])
    game = np.array([sum(worth[i] for i in range(3) if s >> i & 1) for s in range(8)])
    assert shapley_values(game) == pytest.approx(worth)
    assert [game @ interaction_weights(3, i, j) for i, j in ((0, 1), (0, 2), (1, 2))] == pytest.approx([0, 0, 0])


def test_an_unknown_coalition_leaves_every_share_unknown() -> None:
    game = np.arange(8.0)
    game[5] = np.nan
    assert np.isnan(shapley_values(game)).all()


def test_what_is_no_game_is_refused() -> None:
    with pytest.raises(ValueError, match="1 to 16 players"):
        shapley_weights(0)
    with pytest.raises(ValueError, match="1 to 16 players"):
        shapley_weights(MAX_PLAYERS + 1)
    with pytest.raises(ValueError, match=r"2\*\*n coalitions"):
        shapley_values(np.zeros(6))
    for pair in ((0, 0), (0, 3), (-1, 1)):
        with pytest.raises(ValueError, match="two different players"):
            interaction_weights(3, *pair)
