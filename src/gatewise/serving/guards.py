"""Who may ask a server, and under which headers it answers; what both servers share. Knows no route and no model."""

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

LONGEST_TEXT = 100_000  # characters
PATIENCE = 30.0  # seconds from a connection's beginning until its request is there, and again until its answer is taken
HEADERS = {
    "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}  # fmt: skip
NOTHING = "default-src 'none'; frame-ancestors 'none'"  # the policy of what is no page


def own_page(host: str | None, origin: str | None, schemes: Collection[str] = ("http",)) -> bool:
    """Say whether a request comes from no page, or from one of the host that it asks."""
    return origin is None or origin in [f"{scheme}://{host}" for scheme in schemes]


def name_in(host: str | None) -> str:
    """Give the name or address in a Host header, without port, in small letters; "" where there is none."""
    try:
        return urlsplit(f"//{host}").hostname or "" if host and not set(host) & set("/?#@\\ \t") else ""
    except ValueError:
        return ""


def known_name(host: str | None, names: Collection[str]) -> bool:
    """Say whether a Host header names this server: by an address, as localhost, or by one of its names ("*": any).

    A page of another origin reaches a server here by a name of its own that resolves to this machine's address; it
    cannot do so by an address, for then its origin would be ours.
    """
    name = name_in(host)
    if not name:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost" or name in names or "*" in names
    return True


def headers_of(policy: str = NOTHING) -> dict[str, str]:
    """Give the headers of an answer that is sent under this policy."""
    return HEADERS | {"Content-Security-Policy": policy}
