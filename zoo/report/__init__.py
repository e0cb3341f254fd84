"""One HTML file that says what happened in a run, for a person who has thirty seconds.

The file asks the network for nothing and runs no script: charts are inline SVG, pictures are data
URIs. Its two packages come with the ``report`` extra and are imported when a report is written.
"""

from __future__ import annotations

from zoo.report.write import write_run_report

__all__ = ["write_run_report"]
