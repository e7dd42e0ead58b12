"""What the settings need before Django is up: a kept secret, the hosts, the list of what is missing."""

import contextlib
import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured


def refuse_if_incomplete(needed: dict[str, str]) -> None:
    """Stop a production start that lacks something, naming all of it at once (X7)."""
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise ImproperlyConfigured(
            "Production cannot start: set " + ", ".join(missing) + " (see .env.example)."
        )


def secret_key(data_dir: Path) -> str:
    """Return this installation's own secret, made on the first start and kept with its data.

    Raises:
        ImproperlyConfigured: the data folder cannot be read or written.
    """
    path = data_dir / "secret_key"
    try:
        if not path.exists():
            # Everything below is personal: nobody else on this machine may look into it.
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            _keep_first(path, secrets.token_urlsafe(50))
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data folder {data_dir} cannot be used ({error.strerror}); choose another with --data."
        ) from error


def _keep_first(path: Path, content: str) -> None:
    """Write a file unless it exists; two processes starting at once agree on one content."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        draft.touch(mode=0o600)
        draft.write_text(content)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def served_at() -> str:
    """Return the address `manage.py up` serves at, as it found it before settings were read."""
    return os.environ.get("ANTEROOM_SERVED_AT", "http://127.0.0.1:8000")


def allowed_hosts(public_url: str, more: list[str]) -> list[str]:
    """Return the host names that may be asked for: the public one, this machine's own, those configured."""
    hosts = [urlsplit(url).hostname or "" for url in (public_url, served_at())]
    hosts = [f"[{host}]" if ":" in host else host for host in hosts]
    return list(dict.fromkeys([*hosts, "127.0.0.1", "localhost", "[::1]", *more]))
