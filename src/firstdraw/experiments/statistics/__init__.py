"""Floor 5. Whether one initialization is better than another: intervals, tests over common seeds, a ranking."""

from firstdraw.experiments.statistics.contests import Contest, Runs, contests_of
from firstdraw.experiments.statistics.holm import holm
from firstdraw.experiments.statistics.intervals import Estimate, mean_interval, median_interval, share_interval
from firstdraw.experiments.statistics.of_grid import LEARNING_RATE, TunedCells, ranking_of_cell, tuned_rankings
from firstdraw.experiments.statistics.of_record import (
    MEASURES,
    Measure,
    has_seeds_enough,
    is_failed,
    measure_named,
    ranking_of,
    times_of,
)
from firstdraw.experiments.statistics.paired import (
    PairedComparison,
    SignedRank,
    compare_paired,
    differences,
    mcnemar,
    signed_rank,
)
from firstdraw.experiments.statistics.ranking import Ranking, RankingRow, rank
from firstdraw.experiments.statistics.survival import LogRank, Survival, Times, log_rank, survival, times_to
from firstdraw.experiments.statistics.tuning import TunedRanking, rank_tuned

__all__ = [
    "LEARNING_RATE",
    "MEASURES",
    "Contest",
    "Estimate",
    "LogRank",
    "Measure",
    "PairedComparison",
    "Ranking",
    "RankingRow",
    "Runs",
    "SignedRank",
    "Survival",
    "Times",
    "TunedCells",
    "TunedRanking",
    "compare_paired",
    "contests_of",
    "differences",
    "has_seeds_enough",
    "holm",
    "is_failed",
    "log_rank",
    "mcnemar",
    "mean_interval",
    "measure_named",
    "median_interval",
    "rank",
    "rank_tuned",
    "ranking_of",
    "ranking_of_cell",
    "share_interval",
    "signed_rank",
    "survival",
    "times_of",
    "times_to",
    "tuned_rankings",
]
