"""Northern goshawk optimisation from its published equations, and a cure for its pull towards the zero vector.

Dehghani, Hubálovský and Trojovský, IEEE Access 9 (2021) 162059, equations 4, 6 and 7. Two of its terms see a
coordinate's value and not a difference: what it finds depends on where zero lies. Knows no setting.
"""

from collections.abc import Generator

import numpy as np
import numpy.typing as npt

Point = npt.NDArray[np.float64]
Hunt = Generator[Point, float, None]

FEW, MANY = 5, 20  # members: a tenth of the trials within these
CHASE = 0.02  # the radius of the chase, at first


def northern_goshawk(low: Point, high: Point, trials: int, draw: np.random.Generator, members: int = 0) -> Hunt:
    """Propose points of a box one by one, each answered with its score, N + 2 N T of them for T rounds.

    `trials` set the rounds, over which the chase narrows. `members` is N, by default a tenth of the trials, 5 to 20.
    """
    size, many = len(low), members or min(MANY, max(FEW, trials // 10))
    rounds = max(1, -(-(trials - many) // (2 * many)))
    hawks = low + (high - low) * draw.random((many, size))
    scores = np.empty(many)
    for place in range(many):
        scores[place] = yield hawks[place].copy()
    turn = 0
    while True:  # beyond its rounds it hunts on, without a chase
        turn += 1
        for place in range(many):
            for phase in ("prey", "chase"):
                reach = draw.random(size)
                if phase == "prey":
                    prey, twice = int(draw.integers(many)), int(draw.integers(1, 3))
                    ahead = hawks[prey] - twice * hawks[place]  # equation 4: a better prey is neared, a worse one left
                    step = reach * (ahead if scores[prey] < scores[place] else hawks[place] - hawks[prey])
                else:
                    step = CHASE * max(0.0, 1 - turn / rounds) * (2 * reach - 1) * hawks[place]  # equations 6 and 7
                tried = np.clip(hawks[place] + step, low, high)
                score = yield tried.copy()
                if score < scores[place]:
                    hawks[place], scores[place] = tried, score


def shifted(hunt: Hunt, shift: Point) -> Hunt:
    """Move a hunt on the unit box by a shift, [D], around its edges, so that zero lies nowhere in particular."""
    point = next(hunt)
    while True:
        point = hunt.send((yield (point + shift) % 1.0))
