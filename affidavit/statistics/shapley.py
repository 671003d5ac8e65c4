"""Exact Shapley values and interaction indices of games of few players: what each player brings, on average.

A game gives each coalition a value; coalitions are numbered by their bits: player i is in coalition s where bit i of s
is set, 0 is nobody and 2**n - 1 everybody. Values and indices are linear in the game, so they are given as weights over
coalitions: the share of a difference of two games is the difference of the shares, and its error needs no new theory.
"""

from __future__ import annotations

from math import factorial
from typing import Final

import numpy as np

from affidavit.statistics.types import FloatArray

MAX_PLAYERS: Final = 16
"""Above it 2**n coalitions are no longer few."""


def shapley_weights(n_players: int) -> FloatArray:
    """Weights [n, 2**n] whose product with the values of all coalitions gives the Shapley values.

    phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S)): what i adds to those before it, averaged
    over all orders of arrival. They sum to v(everybody) - v(nobody) (efficiency); who adds the same to every coalition
    gets the same (symmetry), who adds nothing gets 0 (dummy), and shares of a sum of games are sums (linearity).

    Raises:
        ValueError: if there are no players, or more than `MAX_PLAYERS`.

    Source: Shapley 1953.

    >>> shapley_weights(2)
    array([[-0.5,  0.5, -0.5,  0.5],
           [-0.5, -0.5,  0.5,  0.5]])
    """
    if not 1 <= n_players <= MAX_PLAYERS:
        raise ValueError(f"Expected 1 to {MAX_PLAYERS} players, got n_players={n_players}.")
    weights = np.zeros((n_players, 2**n_players))
    for player in range(n_players):
        for before in _coalitions_without(n_players, player):
            size = before.bit_count()
            share = factorial(size) * factorial(n_players - size - 1) / factorial(n_players)
            weights[player, before | 1 << player] += share
            weights[player, before] -= share
    return weights


def shapley_values(values: FloatArray) -> FloatArray:
    """Shapley values [..., n] of games given by the values [..., 2**n] of their coalitions.

    | case | values |
    |---|---|
    | a coalition is NaN | NaN for every player: each of them may join it |
    | one player | v(everybody) - v(nobody) |

    Raises:
        ValueError: if the last axis is not a power of two from 2 to 2**MAX_PLAYERS.

    Source: Shapley 1953.

    The glove game: 0 and 1 have a left glove, 2 has the right one; a pair is worth 1.

    >>> glove = np.array([0, 0, 0, 0, 0, 1, 1, 1.0])
    >>> shapley_values(glove).round(4).tolist()
    [0.1667, 0.1667, 0.6667]
    """
    n_players = values.shape[-1].bit_length() - 1
    if values.shape[-1] != 2**n_players:
        raise ValueError(f"Expected the values of 2**n coalitions, got {values.shape[-1]}.")
    return np.asarray(values @ shapley_weights(n_players).T)


def interaction_weights(n_players: int, first: int, second: int) -> FloatArray:
    """Weights [2**n] whose product with the values of all coalitions gives the interaction index of two players.

    I_ij = sum over S without i and j of |S|! (n - |S| - 2)! / (n - 1)! (v(S + ij) - v(S + i) - v(S + j) + v(S)): above
    0 where the two bring more together than apart, below where either could stand in for the other; 0 for a dummy. Of
    two players it is v(12) - v(1) - v(2) + v(0). Of a game within [0, 1] it lies in [-2, 2].

    Raises:
        ValueError: if the players are not two different ones of 0 to n - 1, or n is above `MAX_PLAYERS`.

    Source: Owen 1972; Grabisch, Roubens 1999 (Shapley interaction index of a pair).

    >>> interaction_weights(2, 0, 1).tolist()
    [1.0, -1.0, -1.0, 1.0]
    """
    if not (n_players <= MAX_PLAYERS and first != second and {first, second} <= set(range(n_players))):
        raise ValueError(f"Expected two different players of {n_players}, got {first} and {second}.")
    weights = np.zeros(2**n_players)
    for apart in _coalitions_without(n_players, first):
        if apart >> second & 1:
            continue
        size = apart.bit_count()
        share = factorial(size) * factorial(n_players - size - 2) / factorial(n_players - 1)
        weights[[apart, apart | 1 << first | 1 << second]] += share
        weights[[apart | 1 << first, apart | 1 << second]] -= share
    return weights


def _coalitions_without(n_players: int, player: int) -> list[int]:
    return [coalition for coalition in range(2**n_players) if not coalition >> player & 1]
