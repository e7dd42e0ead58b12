"""What the settings need before Django is up: a kept secret, the hosts, the list of what is missing."""

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
    """Return this installation's own secret, made on the first start and kept with its data."""
    path = data_dir / "secret_key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        # Written aside and linked into place: two processes starting at once agree on one key.
        draft = data_dir / f"secret_key.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(50))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data folder {data_dir} cannot be written ({error.strerror}); choose another with --data."
        ) from error


def allowed_hosts(public_url: str, more: list[str]) -> list[str]:
    """Return the host names that may be asked for: the public one, this machine's own, and those configured."""
    host = urlsplit(public_url).hostname or ""
    return list(dict.fromkeys([host, "127.0.0.1", "localhost", "[::1]", *more]))
