"""The program itself on thousands of simulated ranks of described networks, in one process, by SimGrid's SMPI.

`networks.py` describes networks, `simgrid.py` is SimGrid's library, `states.py` lets many ranks share a thread,
`ranks.py` are the ranks that talk over it, `trial.py` one training on P of them; `here.py` measures the real ranks that
there are. `python -m distnn.bench.scaling` runs trials and shows them. See docs/scaling.md.
"""
