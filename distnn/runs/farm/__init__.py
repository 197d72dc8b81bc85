"""Several trainings by groups of ranks: each is an ordinary run, as if its group were alone, in a folder of its own."""
