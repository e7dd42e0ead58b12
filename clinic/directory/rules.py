"""What a review may be, and where is near. Pure."""

import re
from datetime import datetime, timedelta

TEXT_LENGTH = 2_000
REASON_LENGTH = 500
# A patient may change their words for this long; after that others have read and answered them.
EDITABLE_FOR = timedelta(days=14)
# How far the search looks around a city: first near, then, if nobody is there, as far as people travel.
REACHES_KM = (50, 200)

# Endings under which links come, of the countries where we are and of the world. A full stop without its
# space ("polite.Thank you", "ok.It was") is no link: what follows begins with a capital and goes on small.
_ENDINGS = (
    "at|be|biz|by|ch|cn|co|com|cz|de|dev|es|eu|example|fr|hu|info|io|it|link|me|net|nl|online|org|pl|ro|ru|"
    "shop|site|sk|store|top|tv|ua|uk|us|website|xyz"
)
_LINK = re.compile(
    r"://|(?i:\bwww\.)|@[\w-]+\.\w|[\w-]\.[^\W\d]{2,}/\w"
    rf"|[\w-]\.(?:{_ENDINGS}|{_ENDINGS.upper()})(?![\w-])"
)


def holds_link(text: str) -> bool:
    """Return whether a text names an address of the web or of mail: no place for either (A11)."""
    return _LINK.search(text) is not None


def is_editable(*, written_at: datetime, at: datetime) -> bool:
    """Return whether a patient may still change the review; exactly 14 days count."""
    return at <= written_at + EDITABLE_FOR
