"""Floor 3: plans every appointment-driven message and holds the patient's appointment page."""
