"""Which migrations a database has had, and the models that belong to that state."""

from collections.abc import Iterable

from django.apps import apps
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

Node = tuple[str, str]  # app label and migration name

# Filled by Django itself in every new database.
BOOKKEEPING = frozenset({"contenttypes.contenttype", "auth.permission"})


def applied(connection: BaseDatabaseWrapper) -> set[Node]:
    """Return the migrations recorded in a database, of the apps that are installed here."""
    recorded = MigrationRecorder(connection).applied_migrations()
    installed = {config.label for config in apps.get_app_configs()}
    return {node for node in recorded if node[0] in installed}


def unknown(nodes: Iterable[Node]) -> list[Node]:
    """Return those of `nodes` that this version of the code does not have, sorted."""
    migrations = MigrationLoader(None).disk_migrations
    replaced = {node for migration in migrations.values() for node in migration.replaces}
    return sorted(node for node in nodes if node not in migrations and node not in replaced)


def pending(connection: BaseDatabaseWrapper) -> bool:
    """Return whether the code has migrations that the database has not had."""
    loader = MigrationLoader(connection)
    return bool(set(loader.graph.nodes) - set(loader.applied_migrations))


def targets(nodes: Iterable[Node]) -> list[Node]:
    """Return the newest migrations among `nodes`: those that no other of the same app stands on."""
    graph = MigrationLoader(None).graph
    present = {node for node in nodes if node in graph.nodes}
    return sorted(
        node
        for node in present
        if not any(
            child.key in present and child.key[0] == node[0] for child in graph.node_map[node].children
        )
    )


def models_at(nodes: Iterable[Node]) -> list[type[models.Model]]:
    """Return the models with a table of their own as they were once `nodes` had been applied."""
    state = MigrationLoader(None).project_state(targets(nodes))
    found = state.apps.get_models(include_auto_created=True, include_swapped=False)
    return sorted(
        (model for model in found if model._meta.managed and not model._meta.proxy),
        key=lambda model: model._meta.label_lower,
    )


def has_data(connection: BaseDatabaseWrapper) -> bool:
    """Return whether a database holds anything besides what Django puts into a new one."""
    tables = set(connection.introspection.table_names())
    return any(
        model._base_manager.using(connection.alias).exists()
        for model in models_at(applied(connection))
        if model._meta.db_table in tables and model._meta.label_lower not in BOOKKEEPING
    )
