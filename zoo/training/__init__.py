"""Train a model, and write down all of it.

Import from the modules: ``loop`` and ``engines`` import keras, ``folder`` and ``progress`` do not,
and a run's folder must be readable in a moment.
"""
