"""`python -m distnn.bench`: how long an iteration takes, beside what people use today and the machine's limit.

workloads.py: what is computed. own.py, peers/: who computes it. timing.py: the measurements, taken in turns.
floor.py: the least that an iteration can take. split.py: where the time goes. series.py: growth with n and |W|.
prediction.py: more ranks than there are. reading.py: how fast tables are read, a command of its own.
"""
