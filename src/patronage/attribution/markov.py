"""Credit by removal from an absorbing Markov chain over journeys, solved, not simulated.

A journey walks from the start through its channels to conversion or to nothing. The chain is
estimated from all journeys, those that did not convert included; the removal effect of a channel
is the part of conversions lost when every step into it leads to nothing.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse import linalg as sparse_linalg
from threadpoolctl import threadpool_limits

from patronage.attribution.paths import FloatArray, IntArray, Paths
from patronage.errors import ConvergenceError, DataError, SpecError

MAX_ORDER = 4
TOLERANCE = 1e-11
"""Most that a removal effect may be off where it is found by iteration, relative to the rate."""

DENSE_STATES = 3_000
"""Up to here a chain of order 1 is solved as a full matrix: it is nearly full anyway."""

DIRECT_STATES = 300
"""Up to here a sparse system is factored."""

MAX_BINS = 4_000_000
"""Up to here every step that could be has a place of its own."""


class Removal(NamedTuple):
    """What is lost without each channel.

    Attributes
    ----------
    conversions, value : shape (n_channels,)
        Part of the conversions, and of their value, lost when the channel is removed; 0 to 1.
    rate
        Probability that a journey converts.
    value_per_journey
        In currency units.
    """

    conversions: FloatArray
    value: FloatArray
    rate: float
    value_per_journey: float


class Walk(NamedTuple):
    """The states that journeys walk through, before journeys are weighed.

    Attributes
    ----------
    step : shape (n_visits,)
        Place, in origin and target, of the step taken after each visit; n_steps after the last.
    visits_per_row : shape (n_rows,)
    origin, target : shape (n_steps,)
        States at the two ends of every distinct step.
    first, final : shape (n_rows,)
        States in which each journey begins and ends.
    holds : shape (n_states, n_channels), sparse
        Which channels a state holds.
    """

    step: IntArray
    visits_per_row: IntArray
    origin: IntArray
    target: IntArray
    first: IntArray
    final: IntArray
    holds: sparse.csr_array


def removal_effects(paths: Paths, order: int = 1) -> Removal:
    """Find the removal effect of every channel, exactly.

    Order k: a state is the last k channels (a journey shorter than k is one state), equal
    neighbours are one visit, and removing a channel takes every state that holds it.

    Parameters
    ----------
    paths
    order : 1 to 4

    Raises
    ------
    DataError
        If value is negative: the expected value of a journey must not be.
    SpecError
        If the order is not 1 to 4.

    References
    ----------
    Anderl, Becker, von Wangenheim and Schumann (2016), "Mapping the customer journey",
    International Journal of Research in Marketing 33(3), 457-474.

    Examples
    --------
    >>> import pandas as pd
    >>> from patronage.attribution.paths import read_paths
    >>> table = pd.DataFrame({"path": ["a > b > c", "a", "b > c"],
    ...                       "conversions": [1, 0, 0], "nulls": [0, 1, 1]})
    >>> removal_effects(read_paths(table)).conversions
    array([0.5, 1. , 1. ])
    """
    if isinstance(order, bool) or order not in range(1, MAX_ORDER + 1):
        raise SpecError(f"order is {order}; pass 1 to {MAX_ORDER}.")
    if (paths.value < 0).any():
        raise DataError(
            f"journeys: {(paths.value < 0).sum():,} of {len(paths.value):,} rows have negative "
            f"value, first {paths.value[paths.value < 0][0]:g}. Net refunds first, or leave such "
            "journeys out: markov shares what is expected, which must not be negative."
        )
    return solve(walked(paths, order), paths.conversions, paths.value, paths.nulls)


def walked(paths: Paths, order: int) -> Walk:
    """Walk of every journey through the states of an order.

    A state that follows itself is left in: waiting changes no probability of where one goes next,
    so that the removal effects are those of the collapsed journey.
    """
    state, visits, holds = _grams(paths, order)
    ends = np.cumsum(visits)
    n_states = holds.shape[0]
    key = np.zeros_like(state)
    key[:-1] = state[:-1] * n_states + state[1:]
    if n_states**2 <= MAX_BINS:
        n_steps = n_states**2
        step, pair = key, np.arange(n_steps)
    else:
        step, pair = pd.factorize(key)
        n_steps = len(pair)
    step[ends - 1] = n_steps
    origin, target = np.divmod(pair, max(n_states, 1))
    return Walk(step, visits, origin, target, state[ends - visits], state[ends - 1], holds)


def _grams(paths: Paths, order: int) -> tuple[IntArray, IntArray, sparse.csr_array]:
    """States of all journeys in a row, how many each journey has, what each state holds."""
    n_channels = len(paths.channels)
    if order == 1:
        each = sparse.csr_array(sparse.eye_array(n_channels))
        return paths.codes, paths.lengths, each
    place = np.arange(len(paths.codes)) - np.repeat(paths.starts, paths.lengths)
    back = [np.where(place >= lag, np.roll(paths.codes, lag) + 1, 0) for lag in range(order)]
    gram = back[0]
    for codes in back[1:]:
        # Renumbered at each lag, so that many channels at order 4 don't overflow.
        gram = pd.factorize(gram * (n_channels + 1) + codes)[0].astype(np.int64)
    # Full grams, and all of a journey that is shorter than the order.
    kept = place >= order - 1
    kept[paths.ends - 1] = True
    state, names = pd.factorize(gram[kept])
    sample = np.zeros(len(names), dtype=np.int64)
    sample[state] = np.flatnonzero(kept)
    held = np.concatenate([codes[sample] for codes in back])
    which = np.tile(np.arange(len(names)), order)
    holds = sparse.csr_array(
        (np.ones((held > 0).sum()), (which[held > 0], held[held > 0] - 1)),
        shape=(len(names), n_channels),
    )
    return state.astype(np.int64), np.maximum(paths.lengths - order + 1, 1), holds


def solve(walk: Walk, conversions: FloatArray, value: FloatArray, nulls: FloatArray) -> Removal:
    """Find removal effects with given weights of the journeys, whose counts are pooled first.

    Parameters
    ----------
    walk
    conversions, value, nulls : shape (n_rows,)
        Not negative; those of the paths, or a draw of them.
    """
    n_states, n_channels = walk.holds.shape
    journeys = conversions + nulls
    nothing = np.zeros(n_channels)
    if conversions.sum() <= 0:
        return Removal(nothing, nothing, 0.0, 0.0)
    total = float(journeys.sum())
    n_steps = len(walk.origin)
    per_visit = np.repeat(journeys, walk.visits_per_row)
    flow = np.bincount(walk.step, per_visit, n_steps + 1)[:n_steps]
    start = np.bincount(walk.first, journeys, n_states)
    visits = start + np.bincount(walk.target, flow, n_states)
    # States of journeys without weight: never visited, so that any divisor will do.
    divisor = np.where(visits > 0, visits, 1.0)
    outcome = np.stack([np.bincount(walk.final, w, n_states) for w in (conversions, value)], axis=1)
    moves = sparse.csr_array(
        (flow / divisor[walk.origin], (walk.origin, walk.target)), shape=(n_states, n_states)
    )
    chain = Chain(start / total, visits / total, moves, outcome / divisor[:, None])
    # At higher orders states are numbered as they come, so that equal counts are not enough.
    single = n_states == n_channels and np.array_equal(walk.holds.indices, np.arange(n_states))
    single &= n_states <= DENSE_STATES
    if single:
        lost = _lost_by_state(chain)
    else:
        # Thousands of short products: threads would spend their time waiting for each other.
        with threadpool_limits(1, user_api="blas"):
            lost = _lost_by_set(chain, walk.holds)
    reached = outcome.sum(axis=0) / total
    effect = np.clip(lost / np.where(reached > 0, reached, 1.0), 0.0, 1.0)
    return Removal(effect[:, 0], effect[:, 1], *reached.tolist())


class Chain(NamedTuple):
    """Absorbing chain: start and visits (n,), moves between states (n, n), outcomes (n, 2)."""

    start: FloatArray
    visits: FloatArray
    moves: sparse.csr_array
    outcome: FloatArray


def _lost_by_state(chain: Chain) -> FloatArray:
    """Lost conversions and value a journey for each state, from one solve.

    With N = (I - Q)^-1: the probability of ever coming to k is N[start, k] / N[k, k], and what is
    still to come there is h_k = (N r)_k. N[start, k] is the observed number of visits.
    """
    n_states = len(chain.start)
    system = np.eye(n_states) - chain.moves.toarray()
    solution = np.linalg.solve(system, np.hstack([np.eye(n_states), chain.outcome]))
    come = chain.visits / np.diag(solution)
    return np.asarray(come[:, None] * solution[:, n_states:])


def _lost_by_set(chain: Chain, holds: sparse.csr_array) -> FloatArray:
    """Lost conversions and value a journey for each set of states that a channel is.

    What walks into the set for the first time, times what is still to come where it enters.
    """
    n_states, n_channels = holds.shape
    everywhere = np.ones(n_states)
    to_come = np.stack([_solved(chain.moves, b, everywhere) for b in chain.outcome.T], axis=1)
    back = sparse.csr_array(chain.moves.T)
    lost = np.zeros((n_channels, 2))
    members = sparse.csc_array(holds)
    for channel in range(n_channels):
        inside = members.indices[members.indptr[channel] : members.indptr[channel + 1]]
        if not chain.visits[inside].any():
            continue
        outside = everywhere.copy()
        outside[inside] = 0.0
        # Without a rare channel the visits are nearly what they were: a good place to begin.
        avoiding = _solved(back, chain.start * outside, outside, chain.visits * outside)
        enters = chain.start[inside] + (back @ avoiding)[inside]
        lost[channel] = enters @ to_come[inside]
    return lost


def _solved(
    moves: sparse.csr_array,
    right: FloatArray,
    kept: FloatArray,
    guess: FloatArray | None = None,
) -> FloatArray:
    """Solve I - DQD, D keeping some states: directly while it is small, else by iteration.

    Grams overlap like a shuffled deck: a factor of a large system fills up, while the iteration
    needs some dozens of passes, since every step of a walk may be its last. Its residual is
    checked, and the system factored after all where that is too large.
    """
    scale = float(np.abs(right).max(initial=0.0))
    if scale == 0.0:
        return np.zeros(len(right))
    if len(right) > DIRECT_STATES:
        system = sparse_linalg.LinearOperator(
            moves.shape, matvec=lambda x: x - kept * (moves @ (kept * x)), dtype=float
        )
        found, _ = sparse_linalg.bicgstab(
            system, right, x0=guess, rtol=TOLERANCE, atol=0.0, maxiter=2_000
        )
        if np.abs(right - system.matvec(found)).max() <= 10 * TOLERANCE * scale:
            return np.asarray(found)
    keeping = sparse.diags_array(kept)
    whole = sparse.eye_array(len(right)) - keeping @ moves @ keeping
    found = sparse_linalg.splu(sparse.csc_array(whole)).solve(right)
    if not np.isfinite(found).all():
        raise ConvergenceError(
            f"markov: the chain of {len(right):,} states could not be solved. Use a lower order."
        )
    return np.asarray(found)
