"""The report of a run, and the comparison of two: stored results -> a model of sections -> one page of HTML."""
