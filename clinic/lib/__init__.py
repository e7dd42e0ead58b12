"""Small domain-free modules that every floor may use; they import nothing of the product."""
