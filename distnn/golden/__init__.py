"""Golden results: hashes of small trainings, the same on every machine (`python -m distnn.verify --golden`)."""
