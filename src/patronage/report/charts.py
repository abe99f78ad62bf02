"""The chart vocabulary: plain values in, one `Chart` out, no words but those that are passed in.

bars         groups of bars, upright or lying, with intervals
lines        lines with bands, gaps where values are missing
heat         a table whose cells are the darker the higher
funnel       how many reach each step
reliability  observed rates by forecast chance
forest       an estimate with its interval a row
flows        who moved from which group to which

What was measured is drawn in the first ink of `patronage.report.palette` and what was forecast
in the second, in every picture. The same values and words give the same bytes.
"""

from patronage.report.bars import bars
from patronage.report.flows import flows
from patronage.report.forest import forest
from patronage.report.funnel import funnel
from patronage.report.heat import heat
from patronage.report.lines import lines
from patronage.report.palette import FORECAST, MEASURED
from patronage.report.picture import Axis, Caption, Cells, Chart, Series
from patronage.report.reliability import reliability

__all__ = [
    "FORECAST", "MEASURED", "Axis", "Caption", "Cells", "Chart", "Series",
    "bars", "flows", "forest", "funnel", "heat", "lines", "reliability",
]  # fmt: skip
