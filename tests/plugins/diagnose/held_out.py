"""A held-out set for the diagnosis of networks: every kind of illness, and healthy ones.

The networks are made as somebody makes them who makes one mistake, and no threshold of a diagnosis
may be set by them.
"""

from __future__ import annotations

from tests.plugins.diagnose.held_out_data import Case
from tests.plugins.diagnose.held_out_healthy import HEALTHY
from tests.plugins.diagnose.held_out_networks import NETWORKS
from tests.plugins.diagnose.held_out_training import TRAINING

SICK = NETWORKS + TRAINING

__all__ = ["HEALTHY", "SICK", "Case"]
