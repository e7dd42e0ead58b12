"""The words in which providers report on a message, and how far each says that it came (A81, K12).

Pure. Twilio's message states and anymail's event types share one scale. Reports come late, twice and in
any order; a state is only ever replaced by one further up.
"""

from typing import Literal

Meaning = Literal["", "sent", "delivered", "failed", "read"]

_RANKS = {
    word: rank
    for rank, words in enumerate(
        (
            "accepted scheduled queued",
            "sending deferred",  # a deferred mail is still on its way
            "sent",
            "delivered partially_delivered",
            # Above delivered: a mail may come back after the first server took it, and then the last word
            # is that it came back.
            "failed undelivered canceled bounced rejected",
            # Above failed: who opened it has it. What was bounced was an auto-forwarded copy.
            "opened clicked",
            "read",
            "unsubscribed complained",
        ),
        start=1,
    )
    for word in words.split()
}

_MEANINGS: dict[str, Meaning] = {
    **dict.fromkeys(("sent",), "sent"),
    # An opened mail was delivered; whether somebody read it, a loaded picture does not prove.
    **dict.fromkeys(
        ("delivered", "partially_delivered", "opened", "clicked", "unsubscribed", "complained"), "delivered"
    ),
    **dict.fromkeys(("failed", "undelivered", "canceled", "bounced", "rejected"), "failed"),
    "read": "read",
}


# Why a mail failed, where that says that nobody has the address (anymail's words); "blocked", "spam",
# "timed_out" and "other" speak of the text, of us, or of a bad day.
_NO_SUCH_ADDRESS = frozenset({"bounced", "invalid"})


def is_no_such_address(event: str, why: str | None) -> bool:
    """Return whether a mail provider's event says that nobody has the address (P13).

    Args:
        event: anymail's event type.
        why: anymail's reject reason; None where the provider names none: then only a bounce says so.
    """
    return meaning(event) == "failed" and (why or event) in _NO_SUCH_ADDRESS


def forward(current: str, reported: str) -> str:
    """Return the state that holds after a report: the one further up; unknown words change nothing (A81).

    Args:
        current: the state on record, "" for none.
        reported: the provider's word, any case.
    """
    reported = reported.lower()
    return reported if _RANKS.get(reported, 0) > _RANKS.get(current, 0) else current


def meaning(state: str) -> Meaning:
    """Return what a provider's state means for a delivery; "" where it says nothing new (queued, unknown)."""
    return _MEANINGS.get(state, "")
