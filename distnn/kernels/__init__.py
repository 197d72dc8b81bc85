"""Ground for fast arithmetic: memory in cache lines, products, the cut of D into blocks, and compiled code (csrc/)."""
