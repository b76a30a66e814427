"""All experiments."""

from reproduction.published.beyond import (
    BASELINE_FROM_HE,
    FROM_SIGMA_01,
    HIGH_RATES,
    MORE_SEEDS,
    SENSITIVITY,
    STARTS,
    SWITCHES,
    TABLE_1_WIDE,
    THREE_CYCLES,
    TWO_LAYERS,
)
from reproduction.published.report import (
    BASELINES,
    BEST,
    SEARCH,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    TABLE_4,
    TABLE_5,
)

EXPERIMENTS = (
    BASELINES,
    TABLE_1,
    TABLE_2,
    BEST,
    TABLE_3,
    TABLE_4,
    TABLE_5,
    SEARCH,
    TWO_LAYERS,
    THREE_CYCLES,
    SENSITIVITY,
    SWITCHES,
    BASELINE_FROM_HE,
    MORE_SEEDS,
    STARTS,
    FROM_SIGMA_01,
    TABLE_1_WIDE,
    HIGH_RATES,
)
"""In the order of the page: the report's, then the assignment's, then ours."""
