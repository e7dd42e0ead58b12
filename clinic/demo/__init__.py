"""A made-up world: clinics, people and bookings from a seed, for the demonstration, tests and benchmarks."""
