"""A backup is made from the models: a table without one would be forgotten by it."""

import pytest
from django.db import connection

from clinic.lib.archive import state


@pytest.mark.django_db
def test_every_table_belongs_to_a_model() -> None:
    known = {model._meta.db_table for model in state.models_at(state.applied(connection))}

    assert set(connection.introspection.table_names()) - known == {"django_migrations"}
