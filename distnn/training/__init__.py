"""The objective E_in(w), the loop over iterations, when it ends, and a check of the gradient."""
