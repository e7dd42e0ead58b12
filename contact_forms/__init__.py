"""Floor 3: contact-form threads (built on later)."""
