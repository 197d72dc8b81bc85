"""A run as it looks from outside, from the files in its directory alone: nothing is locked, and nothing written."""
