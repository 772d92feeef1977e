"""Makes batt modules by recombining and mutating the starter solvers."""
