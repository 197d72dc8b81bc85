"""From arguments to a program on all ranks, and what it prints."""
