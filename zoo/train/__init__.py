"""Train a model, and write down all of it. Importing this room imports keras."""

from zoo.train.folder import RunFolder
from zoo.train.loop import Loop
from zoo.train.order import epoch_order, feed, seeded
from zoo.train.progress import Progress, Silent

__all__ = ["Loop", "Progress", "RunFolder", "Silent", "epoch_order", "feed", "seeded"]
