"""Diagnosis of models that do not learn: measurements, checks, verdicts and cures."""
