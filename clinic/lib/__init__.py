"""Small modules that know nothing of clinics; every floor may use them."""
