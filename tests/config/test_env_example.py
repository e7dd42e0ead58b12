""".env.example names exactly the variables that are read."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Read by uvicorn, not by the settings.
OF_OTHERS = {"FORWARDED_ALLOW_IPS"}


def test_example_names_every_variable_that_settings_read() -> None:
    settings = (ROOT / "config" / "settings.py").read_text()
    read = set(re.findall(r'env\.(?:str|bool|int|float|list)\(\s*"([A-Z_]+)"', settings))
    named = set(re.findall(r"^#?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert named - OF_OTHERS == read
