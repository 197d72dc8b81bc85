"""How fast optimizers converge, distnn's and others', on known problems: python -m distnn.bench.convergence.

problems.py holds the problems, race.py the contenders and how they are run, one file each the peers, report.py tables.
"""
