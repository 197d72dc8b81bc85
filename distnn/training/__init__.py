"""The objective E_in(w), the loop over iterations, and when it ends."""
