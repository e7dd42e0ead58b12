"""What import-linter cannot see: relations between tables, names of files, fragments of pages."""

from pathlib import Path

from django.apps import apps

ROOT = Path(__file__).resolve().parent.parent.parent
FLOORS = {
    "clinic": 0,
    "notifications": 1,
    "messaging": 2,
    "reminders": 3,
    "waiting_area": 3,
    "contact_forms": 3,
}
OURS = [*FLOORS, "config"]
DRAWERS = {"utils", "util", "helpers", "common", "misc", "partials", "includes", "components", "fragments"}


def sources() -> list[Path]:
    return [path for name in OURS for path in (ROOT / name).rglob("*.py") if "__pycache__" not in path.parts]


def templates() -> list[Path]:
    folders = [ROOT / "templates", *(ROOT / name / "templates" for name in FLOORS)]
    return [path for folder in folders for path in folder.rglob("*.html")]


def test_no_relation_points_to_a_higher_floor() -> None:
    upward = [
        f"{model._meta.label}.{field.name} -> {field.related_model._meta.label}"
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.get_fields()
        if field.is_relation and field.concrete and field.related_model
        if model._meta.app_label in FLOORS and field.related_model._meta.app_label in FLOORS
        if FLOORS[model._meta.app_label] < FLOORS[field.related_model._meta.app_label]
        or (
            FLOORS[model._meta.app_label] == FLOORS[field.related_model._meta.app_label]
            and model._meta.app_label != field.related_model._meta.app_label
        )
    ]

    assert upward == []


def test_every_app_of_ours_stands_on_a_floor() -> None:
    ours = {config.label for config in apps.get_app_configs() if ROOT in Path(config.path).parents}
    ours -= {label for label in ours if ".venv" in Path(apps.get_app_config(label).path).parts}

    assert ours == set(FLOORS)


def test_there_is_no_drawer() -> None:
    found = [path for path in [*sources(), *templates()] if {path.stem, *path.parts} & DRAWERS]

    assert found == []


def test_every_module_says_why_it_exists() -> None:
    silent = [
        path.relative_to(ROOT)
        for path in sources()
        if "migrations" not in path.parts and not path.read_text().startswith('"""')
        if path.read_text().strip()
    ]

    assert silent == []


def test_fragments_are_not_pages() -> None:
    extending = [
        path for path in templates() if path.name.startswith("_") and "{% extends" in path.read_text()
    ]

    assert extending == []
