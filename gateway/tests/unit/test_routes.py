"""The table of routes: longest match, ids that are ids, paths that mean one thing."""

import pytest

from gateway.routes import TABLE, Access, Limit, RouteTable, Service, canonical_path

ID = "01a20de4-c754-7412-a5ef-090a9ffced06"


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/api/v1/auth/login/", Service.IDENTITY),
        ("/api/v1/auth/me/consents/", Service.IDENTITY),
        (f"/api/v1/users/{ID}/role/", Service.IDENTITY),
        (f"/api/v1/profiles/{ID}/", Service.IDENTITY),
        ("/.well-known/jwks.json", Service.IDENTITY),
        ("/.well-known/impactnet-ledger.vkey", Service.LEDGER),
        ("/.well-known/impactnet-ledger.policy", Service.LEDGER),
        ("/api/v1/programs/", Service.PROGRAMS),
        ("/api/v1/programs/categories/", Service.PROGRAMS),
        (f"/api/v1/programs/{ID}/publish/", Service.PROGRAMS),
        (f"/api/v1/programs/{ID}/apply/", Service.APPLICATIONS),
        (f"/api/v1/programs/{ID}/apply", Service.APPLICATIONS),
        ("/api/v1/programs/categories/apply/", Service.PROGRAMS),
        (f"/api/v1/applications/{ID}/timeline/", Service.APPLICATIONS),
        ("/api/v1/executive/dashboard/", Service.APPLICATIONS),
        ("/api/v1/transactions/donations/", Service.LEDGER),
        (f"/api/v1/transactions/{ID}/receipt/", Service.LEDGER),
        ("/api/v1/blockchain/verify/abc/", Service.LEDGER),
        ("/api/v1/beneficiaries/", Service.LEDGER),
        ("/api/v1/payees/me/", Service.LEDGER),
        ("/api/v1/payments/webhooks/sandbox/", Service.LEDGER),
        ("/api/v1/posts/feed/", Service.FEED),
        ("/api/v1/notifications/read-all/", Service.FEED),
    ],
)
def test_each_path_goes_to_the_service_that_owns_it(path, service):
    route = RouteTable().find(path)
    assert route is not None
    assert route.service is service


def test_what_has_no_row_has_no_service():
    table = RouteTable()
    assert table.find("/") is None
    assert table.find("/api/v1/") is None
    assert table.find("/api/v1/auth2/login/") is None
    assert table.find("/api/v2/programs/") is None


@pytest.mark.parametrize(
    ("method", "path", "access", "limit"),
    [
        ("GET", "/api/v1/programs/", Access.OPTIONAL, Limit.READS),
        ("POST", "/api/v1/programs/", Access.TOKEN, Limit.WRITES),
        ("POST", "/api/v1/auth/login/", Access.PUBLIC, Limit.LOGIN),
        ("POST", "/api/v1/auth/refresh/", Access.PUBLIC, Limit.WRITES),
        ("POST", "/api/v1/auth/logout/", Access.TOKEN, Limit.WRITES),
        ("GET", "/api/v1/auth/me/", Access.TOKEN, Limit.READS),
        ("POST", f"/api/v1/applications/{ID}/video/", Access.TOKEN, Limit.UPLOADS),
        ("POST", "/api/v1/transactions/reconciliation/statements/", Access.TOKEN, Limit.UPLOADS),
        ("POST", f"/api/v1/applications/{ID}/video/complete/", Access.TOKEN, Limit.WRITES),
        ("DELETE", f"/api/v1/applications/{ID}/documents/", Access.TOKEN, Limit.WRITES),
        ("POST", f"/api/v1/executive/applications/{ID}/disbursements/", Access.TOKEN, Limit.MONEY),
        ("POST", f"/api/v1/executive/disbursements/{ID}/approve/", Access.TOKEN, Limit.MONEY),
        ("POST", f"/api/v1/transactions/{ID}/refund/approve/", Access.TOKEN, Limit.MONEY),
        ("GET", f"/api/v1/transactions/{ID}/", Access.TOKEN, Limit.READS),
        ("GET", "/api/v1/transactions/export.csv", Access.OPTIONAL, Limit.READS),
        ("GET", "/api/v1/transactions/blockchain/abc/", Access.OPTIONAL, Limit.READS),
        ("POST", "/api/v1/payments/webhooks/sandbox/", Access.PUBLIC, Limit.WEBHOOKS),
        ("GET", "/api/v1/posts/feed/", Access.OPTIONAL, Limit.READS),
        ("POST", "/api/v1/posts/create/", Access.TOKEN, Limit.WRITES),
    ],
)
def test_each_row_says_who_may_come_in_and_against_which_limit(method, path, access, limit):
    route = RouteTable().find(path)
    assert route is not None
    assert route.access(method) is access
    assert route.limit(method) is limit


def test_only_uploads_may_be_larger_than_a_mebibyte_and_only_they_are_streamed():
    large = {route.pattern for route in TABLE if route.body_bytes_max > 1024 * 1024}
    assert large == {route.pattern for route in TABLE if route.streamed}
    uploads = {"/api/v1/applications/{id}/documents/", "/api/v1/applications/{id}/video/"}
    assert large == uploads | {"/api/v1/transactions/reconciliation/"}


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("/api/v1/programs", "/api/v1/programs/"),
        ("/api/v1/programs/", "/api/v1/programs/"),
        ("/api/v1/transactions/export.csv", "/api/v1/transactions/export.csv"),
        ("/api/v1/transactions/export.csv/", "/api/v1/transactions/export.csv"),
        ("/.well-known/jwks.json", "/.well-known/jwks.json"),
        ("/health/ready/", "/health/ready"),
        ("/docs/", "/docs"),
        ("/api/v1/blockchain/tiles/0/x001", "/api/v1/blockchain/tiles/0/x001"),
        ("/", "/"),
        ("/a/../b/", None),
        ("/a/./b/", None),
        ("/a//b/", None),
        ("//a/", None),
        ("/a/%2e%2e/b/", None),
        ("/a/%2Fb/", None),
        ("/a/%5cb/", None),
        ("/a/%00/", None),
        ("/a/%zz/", None),
        ("/a/b;c=1/", None),
        ("/a\\b/", None),
        ("*", None),
        ("", None),
    ],
)
def test_a_path_has_one_spelling_or_none(raw, canonical):
    assert canonical_path(raw) == canonical
