"""What privacy costs, and whom: accuracy lost and gradients clipped, by group, at several epsilons and seeds."""
