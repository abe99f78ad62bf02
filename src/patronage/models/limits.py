"""Name the simpler model that a BG/NBD or MBG/NBD likelihood rises towards."""

from __future__ import annotations

from patronage.models.newton import Optimum

_RATE = {
    (False, False, True, True): "r, alpha -> infinity, one purchase rate for everybody",
    (True, True, False, False): "r, alpha -> 0, rates that differ without bound",
}
_RATE_ALONE = {
    ("r", True): "r -> 0, nearly nobody ever repeats",
    ("r", False): "r -> infinity, rates beyond what T resolves",
    ("alpha", True): "alpha -> 0, rates beyond what T resolves",
    ("alpha", False): "alpha -> infinity, purchase rate of zero",
}


def limiting_model(optimum: Optimum) -> str:
    """Status of a fit of (r, alpha, a, b): "converged", or "boundary: " and what it runs to."""
    if optimum.status == "converged":
        return "converged"
    zero, infinite = set(optimum.to_zero), set(optimum.to_infinity)
    said = [text for text in (_rate(zero, infinite), _dropout(zero, infinite)) if text]
    return "boundary: " + "; ".join(said)


def _rate(zero: set[int], infinite: set[int]) -> str:
    r, alpha = 0, 1
    both = (r in zero, alpha in zero, r in infinite, alpha in infinite)
    if both in _RATE:
        return _RATE[both]
    alone = [
        _RATE_ALONE[name, place in zero]
        for place, name in ((r, "r"), (alpha, "alpha"))
        if place in zero | infinite
    ]
    return "; ".join(alone)


def _dropout(zero: set[int], infinite: set[int]) -> str:
    a, b = 2, 3
    if a in infinite and b in infinite:
        return "a, b -> infinity, one dropout probability for everybody"
    if a in zero and b in zero:
        return "a, b -> 0, dropout probability either 0 or 1"
    if a in zero or b in infinite:
        return "a/(a+b) -> 0, NBD without dropout"
    if a in infinite or b in zero:
        return "a/(a+b) -> 1, everybody leaves at the first chance"
    return ""
