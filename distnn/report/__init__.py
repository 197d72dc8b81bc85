"""A report of a training and its model: one HTML file that needs nothing else, and its figures as files.

`subject.py` is what a report is about, and `gathering.py` finds it: what `history.py` reads in the run's directory,
`predictions.py` what the model says of a table, and `influence.py` what its inputs do. `figures/` draws this, a figure
a file, and `tables.py` tells it in words; `page.py` makes one file of both.
"""
