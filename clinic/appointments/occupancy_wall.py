"""The database's own wall behind `occupancy`, per vendor; migrations that touch the table build it again."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_SQLITE_TRIGGER = """
CREATE TRIGGER occupancy_no_overlap_{event} BEFORE {event} ON clinic_occupancy
WHEN EXISTS (
    SELECT 1 FROM clinic_occupancy AS other
    WHERE other.calendar_id = NEW.calendar_id AND other.id IS NOT NEW.id
      AND other.starts_at < NEW.ends_at AND other.ends_at > NEW.starts_at
)
BEGIN SELECT RAISE(ABORT, 'occupancy overlap'); END
"""


def build(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Put the wall up: an exclusion constraint (PostgreSQL) or triggers that abort (SQLite).

    SQLite drops triggers silently when Django remakes a table, so this runs after every such migration.
    """
    tear_down(apps, schema_editor)
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
        schema_editor.execute(
            "ALTER TABLE clinic_occupancy ADD CONSTRAINT occupancy_no_overlap EXCLUDE USING gist "
            "(calendar_id WITH =, tstzrange(starts_at, ends_at) WITH &&)"
        )
    else:
        for event in ("insert", "update"):
            schema_editor.execute(_SQLITE_TRIGGER.format(event=event))


def tear_down(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Take the wall down, if it stands."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE clinic_occupancy DROP CONSTRAINT IF EXISTS occupancy_no_overlap")
    else:
        for event in ("insert", "update"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS occupancy_no_overlap_{event}")
