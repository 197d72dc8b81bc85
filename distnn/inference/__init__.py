"""A trained model: stored, read, applied, evaluated."""
