"""A server answers to its own name and its own page."""

import pytest

from gatewise.serving.guards import headers_of, known_name, own_page


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:80", "127.0.0.1:8008", "[::1]:8008", "[::1]", "10.1.2.3", "box.example:1", "BOX.example"],
)
def test_guards_know_addresses_and_given_names(host):
    assert known_name(host, {"box.example"})


@pytest.mark.parametrize(
    "host",
    [None, "", "evil.example", "evil.example:8008", "localhost.evil.example", "127.0.0.1.evil.example", "[::1", ":80",
     "a@localhost", "localhost/x", "localhost#", "evil.example\\@localhost", "localhost x", "x.box.example"],
)  # fmt: skip
def test_guards_refuse_foreign_and_malformed_names(host):
    assert not known_name(host, {"box.example"})


def test_guards_allow_any_name_where_asked():
    assert known_name("evil.example", {"*"}) and not known_name("", {"*"})


def test_guards_know_their_own_page():
    assert own_page("localhost:1", None) and own_page("localhost:1", "http://localhost:1")
    assert not own_page("localhost:1", "https://localhost:1")
    assert own_page("localhost:1", "https://localhost:1", ("http", "https"))
    assert not own_page("localhost:1", "http://localhost:2") and not own_page("localhost:1", "null")
    assert not own_page(None, "http://evil.example")


def test_guards_send_a_policy_that_allows_nothing():
    assert headers_of()["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers_of("x")["Content-Security-Policy"] == "x"
