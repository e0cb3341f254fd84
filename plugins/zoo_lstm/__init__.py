"""Recurrent networks for series and sequences."""

from zoo_lstm.architecture import LSTM, LSTMConfig

__all__ = ["LSTM", "LSTMConfig"]
