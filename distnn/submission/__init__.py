"""Jobs for batch systems: their scripts, which launch/ links to, and what `distnn submit` makes of them.

systems.py says what each system calls nodes, ranks, time and so on; script.py fills in the two lines of a script that
say "edit these". batch.sh is what all scripts share.
"""
