"""Whether the arms have the sizes that were planned; if not, no result can be trusted."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from scipy.special import chdtrc

from patronage.errors import DataError, SpecError

WARN_BELOW = 0.01
ALARM_BELOW = 0.001
TWO = 2


@dataclass(frozen=True)
class SampleRatio:
    """Chi-square test of arm sizes against the plan.

    Attributes
    ----------
    observed, expected
        Units by arm.
    statistic, p_value
        Of the chi-square test; nan where there are no units.
    level
        "ok"; "warning" below .01: look for a cause; "alarm" below .001: do not use the results.
    """

    observed: dict[str, int]
    expected: dict[str, float]
    statistic: float
    p_value: float
    level: Literal["ok", "warning", "alarm"]

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name."""
        return asdict(self)


def sample_ratio(
    observed: Mapping[str, int],
    shares: Mapping[str, float] | None = None,
    *,
    continuity: bool = False,
) -> SampleRatio:
    """Check the sizes of arms against the planned shares.

    Parameters
    ----------
    observed
        Units by arm.
    shares
        Planned shares by arm, in any unit (50 and 50, or .5 and .5); equal by default.
    continuity
        Yates' correction, for two arms: a little less ready to warn.

    Raises
    ------
    SpecError
        If shares name other arms, or are not above zero; or there are not two arms at least.
    DataError
        If a count is negative.

    Examples
    --------
    Cookie Cats, planned half and half:

    >>> found = sample_ratio({"gate_30": 44700, "gate_40": 45489})
    >>> round(found.statistic, 6), round(found.p_value, 7), found.level
    (6.902405, 0.008608, 'warning')
    """
    counts = {str(arm): int(n) for arm, n in observed.items()}
    if len(counts) < TWO:
        raise SpecError(f"arms: {len(counts)} given; a sample ratio needs two or more.")
    if any(n < 0 for n in counts.values()):
        raise DataError(f"arms: a count is negative, first {min(counts.values())}; count units.")
    planned = {
        str(arm): float(share) for arm, share in (shares or dict.fromkeys(counts, 1)).items()
    }
    if planned.keys() != counts.keys() or not all(
        share > 0 and math.isfinite(share) for share in planned.values()
    ):
        raise SpecError(
            f"shares: {planned} for arms {', '.join(counts)}; give each arm a share above 0."
        )
    if continuity and len(counts) > TWO:
        raise SpecError(f"continuity: meant for two arms, and there are {len(counts)}; leave it.")
    total, whole = sum(counts.values()), sum(planned.values())
    expected = {arm: total * planned[arm] / whole for arm in counts}
    if not total:
        return SampleRatio(counts, expected, math.nan, math.nan, "ok")
    off = [abs(n - expected[arm]) for arm, n in counts.items()]
    if continuity:
        off = [max(distance - 0.5, 0.0) for distance in off]
    statistic = sum(
        distance**2 / wanted for distance, wanted in zip(off, expected.values(), strict=True)
    )
    p_value = float(chdtrc(len(counts) - 1, statistic))
    return SampleRatio(counts, expected, statistic, p_value, _level(p_value))


def _level(p_value: float) -> Literal["ok", "warning", "alarm"]:
    if p_value < ALARM_BELOW:
        return "alarm"
    return "warning" if p_value < WARN_BELOW else "ok"
