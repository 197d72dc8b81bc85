"""`python -m distnn.golden`: write the table anew, where results are to change."""

from distnn.golden.table import write

if __name__ == "__main__":
    write()
