"""The ranks and their exact sums. Knows no network. Only this room imports mpi4py."""
