"""Passes of a block through a network, forward and back: by numpy, layer by layer, or in compiled code."""
