"""The program itself on thousands of simulated ranks of described networks, in one process, by SimGrid's SMPI.

`networks.py` describes networks, `simgrid.py` is SimGrid's library, `ranks.py` the ranks that talk over it, `trial.py`
one training on P of them; `python -m distnn.bench.scaling` runs trials and shows them. See docs/scaling.md.
"""
