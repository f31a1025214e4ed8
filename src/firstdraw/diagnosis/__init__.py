"""Floor 4. From measurements to findings: cause, place, evidence, remedy, and a verdict in words."""

from firstdraw.diagnosis.diagnose import diagnose
from firstdraw.diagnosis.finding import Cause, Finding, Measurements, Severity
from firstdraw.diagnosis.trainability import Trainability, trainability
from firstdraw.diagnosis.verdict import verdict

__all__ = ["Cause", "Finding", "Measurements", "Severity", "Trainability", "diagnose", "trainability", "verdict"]
