"""Small modules that know nothing of clinics: the ground under every app."""
