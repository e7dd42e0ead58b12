"""Floor 0: people, calendars, appointments, audit, and the domain-free `lib`. Knows of no app above it."""
