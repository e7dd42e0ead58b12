"""Small domain-free modules that every floor may use."""
