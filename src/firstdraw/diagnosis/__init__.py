"""Floor 4. From measurements to findings: cause, place, evidence, remedy, and a verdict in words."""

from firstdraw.diagnosis.diagnose import diagnose
from firstdraw.diagnosis.finding import Cause, Finding, Measurements, Severity, StartMeasurements
from firstdraw.diagnosis.progress import failures
from firstdraw.diagnosis.trainability import Trainability, trainability
from firstdraw.diagnosis.verdict import verdict

__all__ = [
    "Cause",
    "Finding",
    "Measurements",
    "Severity",
    "StartMeasurements",
    "Trainability",
    "diagnose",
    "failures",
    "trainability",
    "verdict",
]
