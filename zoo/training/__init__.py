"""Train a model in a run folder that records everything and can be resumed bit by bit.

Import from the modules: ``loop``, ``engines`` and ``checkpoints`` import keras, ``run_folder``,
``run_record`` and ``progress`` do not, so that a run is read in a moment.
"""
