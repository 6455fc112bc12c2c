"""Random numbers that belong to a row: the same for a seed and a row's index, however the rows are cut into blocks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state


def seed_of(random_state: Any) -> int:
    """Return the seed that a `random_state` stands for: an integer itself, anything else one drawn from it.

    >>> seed_of(7)
    7
    """
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def uniforms(seed: int, attempt: int, start: int, stop: int) -> NDArray[np.float64]:
    """Return two numbers in [0, 1) for each of the synthetic rows start to stop.

    Philox (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") is a function of key and counter: the
    key is the seed and the attempt, the counter the row's index. 53 of a word's 64 bits make a double.

    Returns
    -------
    ndarray of shape (stop - start, 2)

    >>> bool((uniforms(1, 0, 0, 9)[4:6] == uniforms(1, 0, 4, 6)).all())
    True
    """
    generator = np.random.Philox(key=np.array([seed, attempt], dtype=np.uint64), counter=start)
    words = generator.random_raw(4 * (stop - start)).reshape(-1, 4)[:, :2]  # one counter gives four words
    return np.asarray((words >> np.uint64(11)) * 2.0**-53, dtype=np.float64)


def strays(seed: int, attempt: int, start: int, stop: int, n: int, *, of: int = 0) -> NDArray[np.float64]:
    """Return n more numbers in [0, 1) for each of the synthetic rows start to stop.

    Parameters
    ----------
    of : {0, 1}
        Whose numbers: two uses of one row have none in common.

    Returns
    -------
    ndarray of shape (stop - start, n)

    >>> bool((strays(1, 0, 0, 9, 6)[4:6] == strays(1, 0, 4, 6, 6)).all())
    True
    """
    numbers = np.empty((stop - start, -(-n // 4) * 4))
    for at in range(0, n, 4):
        # An attempt is below 2**15, so above it stand the use and the group of four columns.
        key = np.array([seed, attempt + (of << 20) + ((at // 4 + 1) << 24)], dtype=np.uint64)
        words = np.random.Philox(key=key, counter=start).random_raw(4 * (stop - start)).reshape(-1, 4)
        numbers[:, at : at + 4] = (words >> np.uint64(11)) * 2.0**-53
    return numbers[:, :n]
