"""Train a model, and write down all of it. Importing this room imports keras."""

from zoo.training.folder import RunFolder
from zoo.training.loop import Loop
from zoo.training.order import epoch_order, feed, seeded
from zoo.training.progress import Progress, Silent

__all__ = ["Loop", "Progress", "RunFolder", "Silent", "epoch_order", "feed", "seeded"]
