"""The mathematics of a network: its weights, θ, e, forward propagation and backpropagation. Knows no rank."""
