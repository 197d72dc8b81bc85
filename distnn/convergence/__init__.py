"""How fast optimizers converge, distnn's and others', on problems whose answer is known: python -m distnn.convergence.

problems.py holds the problems, race.py the contenders and how they are run, one file each the peers, report.py tables.
"""
