# %% [markdown]
# # A billion rows, before anything is paid for
#
# `--dry-run` says what a training would take, without one: rows and memory of a rank, operations of an iteration, what
# is sent. Here a regression with two inputs and 10⁹ rows, of which not one has to exist yet.

# %%
import re
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np

command = [sys.executable, "-m", "distnn.train", "--examples", "1e9", "--hidden", "30", "30"]
said = subprocess.run([*command, "--memory", "4G", "--dry-run"], check=True, capture_output=True, text=True).stdout
print(said)

# %% [markdown]
# ```text
# ...
# weights        1,051
# blocks         175,504 of 5,728 rows
# ranks          1, each with ... 1,000,000,000 rows
# memory a rank  32 GB of rows, ...
# memory limit   4.29 GB of rows a rank (--memory); the rest, 27.7 GB, would be in ... (--scratch)
# an iteration   5.82e+12 floating-point operations, 5.82e+12 a rank; 8.41 kB summed over ranks
# ...
# ```
#
# Under `mpirun -n 512` it says the same for 512 ranks. Here we divide ourselves: blocks are dealt out evenly, so a rank
# of P has 175,504 / P blocks, rounded up. What is sent does not grow with the rows: 8.41 kB a message.

# %%
blocks, rows = (int(word.replace(",", "")) for word in re.search(r"blocks +([\d,]+) of ([\d,]+)", said).groups())
gigabytes = float(re.search(r"([\d.]+) GB of rows", said)[1])
operations = float(re.search(r"([\d.e+]+) floating", said)[1])

ranks = 2 ** np.arange(14)
most = -(-blocks // ranks)  # of a rank, in blocks
memory = gigabytes * most / blocks
seconds = operations * most / blocks / 10e9  # 10 Gflop/s a core, what such a narrow network comes to
for P in (1, 64, 512, 4096):
    k = list(ranks).index(P)
    print(f"{P:5,} {'ranks:' if P > 1 else 'rank: '} {memory[k]:8.3f} GB and {seconds[k]:7.2f} s an iteration each")
assert memory[list(ranks).index(64)] < 1

# %% [markdown]
# ```text
#     1 rank:    32.000 GB and  582.00 s an iteration each
#    64 ranks:    0.500 GB and    9.10 s an iteration each
#   512 ranks:    0.063 GB and    1.14 s an iteration each
# 4,096 ranks:    0.008 GB and    0.14 s an iteration each
# ```
#
# 10 Gflop/s a core is a guess; `python -m distnn.bench --predict 1..4096` measures it, and messages, on your cluster.

# %%
figure, axis = plt.subplots(figsize=(6, 3.3), layout="constrained")
axis.loglog(ranks, memory, "o-", label="rows, GB a rank")
axis.loglog(ranks, seconds, "s-", label="an iteration, s")
axis.axhline(4.29, color="gray", linestyle=":", label="--memory 4G: above it from a disk")
axis.set(xlabel="ranks", title="10⁹ rows, d = [2, 30, 30, 1]")
axis.legend()
figure.savefig("billion_rows.png", dpi=60)

# %% [markdown]
# ![Memory of a rank and time of an iteration against the number of ranks](billion_rows.png)
