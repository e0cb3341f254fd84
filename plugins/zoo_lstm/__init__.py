"""Recurrent networks for series and sequences."""

from zoo_lstm.architecture import LSTM
from zoo_lstm.config import LSTMConfig

__all__ = ["LSTM", "LSTMConfig"]
