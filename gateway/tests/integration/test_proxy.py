"""The way through: paths, headers, what may not pass."""

from uuid import uuid4

import pytest

ID = "01a20de4-c754-7412-a5ef-090a9ffced06"


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ("/api/v1/programs", "/api/v1/programs/"),
        ("/api/v1/programs/", "/api/v1/programs/"),
        (f"/api/v1/programs/{ID}", f"/api/v1/programs/{ID}/"),
        ("/api/v1/transactions/export.csv", "/api/v1/transactions/export.csv"),
        ("/api/v1/transactions/export.csv/", "/api/v1/transactions/export.csv"),
        ("/api/v1/blockchain/tiles/0/x001/067", "/api/v1/blockchain/tiles/0/x001/067"),
        ("/.well-known/impactnet-ledger.vkey", "/.well-known/impactnet-ledger.vkey"),
    ],
)
async def test_a_path_works_with_and_without_its_last_slash_and_is_not_redirected(stack, asked, seen):
    async with stack.client() as client:
        answer = await client.get(asked, follow_redirects=False)
    assert answer.status_code == 200
    assert [request.path for request in stack.service.seen] == [seen]


async def test_the_query_reaches_the_service_byte_for_byte(stack):
    async with stack.client() as client:
        await client.get("/api/v1/programs/?q=a%2Fb%20c&cursor=x%3D%3D&limit=5")
    assert stack.service.seen[0].query == "q=a%2Fb%20c&cursor=x%3D%3D&limit=5"


@pytest.mark.parametrize(
    "query",
    [b"q=\xff\xfe", b"q=%ff%00", b"q=<script>\"'|{}^`[]", b"q=a+b&&==&", b"?" * 50, b"\xc3\xa9=1", b"q=%", b"q=%zz"],
)
async def test_a_query_of_any_bytes_is_passed_on_or_refused_and_never_a_fault_of_ours(stack, query):
    answer = await stack.raw(b"GET /api/v1/programs/?" + query + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    status = int(answer.split(b" ")[1])
    assert status in {200, 400}
    assert [request.path for request in stack.service.seen] == ["/api/v1/programs/"] * (status == 200)


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "CONNECT", "FOO"])
async def test_a_method_that_means_nothing_here_is_refused(stack, method):
    answer = await stack.raw(f"{method} /api/v1/programs/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert int(answer.split(b" ")[1]) in {400, 405}
    assert b"application/problem+json" in answer
    assert stack.service.seen == []


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/programs/../users/",
        "/api/v1/programs/%2e%2e/users/",
        "/api/v1/programs/..%2fusers/",
        "/api/v1//programs/",
        "/api/v1/programs/%00/",
        "/api/v1/programs/a%5cb/",
    ],
)
async def test_a_path_that_could_mean_two_things_is_404_and_reaches_no_service(stack, target):
    answer = await stack.raw(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"application/problem+json" in answer
    assert stack.service.seen == []


async def test_what_no_row_of_the_table_names_is_a_404_problem(stack, is_problem):
    async with stack.client() as client:
        is_problem(await client.get("/api/v1/nothing/"), 404, "not_found")
        is_problem(await client.post("/elsewhere", content=b"x" * 100_000), 404, "not_found")
    assert stack.service.seen == []


async def test_headers_that_only_we_may_say_are_dropped_and_set_afresh(stack):
    token = stack.mint.token(uuid4())
    sent = {
        "X-User-Id": "admin",
        "X-User-Role": "super_admin",
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "https",
        "Forwarded": "for=6.6.6.6",
        "X-Real-IP": "6.6.6.6",
        "X_Real_IP": "6.6.6.6",
        "x_user_id": "admin",
        "Connection": "keep-alive, X-Secret-Hop",
        "X-Secret-Hop": "1",
        "TE": "trailers",
        "Proxy-Authorization": "x",
        "X-HTTP-Method-Override": "DELETE",
        "If-Match": '"3"',
        "Idempotency-Key": "k1",
        "X-Request-ID": "my-request.1",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    async with stack.client(token) as client:
        answer = await client.get("/api/v1/programs/", headers=sent)
    seen = stack.service.seen[0]
    assert answer.headers["x-request-id"] == "my-request.1"
    assert seen.header("x-request-id") == "my-request.1"
    assert seen.header("traceparent") == sent["traceparent"]
    assert seen.header("x-forwarded-for") == seen.header("x-real-ip") == "127.0.0.1"
    assert seen.header("x-forwarded-proto") == "http"
    assert seen.header("if-match") == '"3"'
    assert seen.header("idempotency-key") == "k1"
    assert seen.header("authorization") == f"Bearer {token}"
    gone = {"x-user-id", "x-user-role", "forwarded", "x_real_ip", "x_user_id", "x-secret-hop", "te"}
    assert not seen.header_names() & (gone | {"proxy-authorization", "x-http-method-override"})
    assert [value for name, value in seen.headers if name == "x-request-id"] == ["my-request.1"]


async def test_a_webhook_reaches_its_service_byte_for_byte_with_its_signature_and_without_a_token(stack):
    body = b'{"event":"charge.success",  "data":{"amount":1e2,"name":"\\u00e9\xc3\xa9"}}\r\n '
    sent = {"x-paystack-signature": "ab" * 64, "content-type": "application/json", "authorization": "Bearer nonsense"}
    async with stack.client() as client:
        await client.post("/api/v1/payments/webhooks/paystack/", content=body, headers=sent)
    [seen] = stack.service.seen
    assert (seen.path, seen.body) == ("/api/v1/payments/webhooks/paystack/", body)
    assert seen.header("x-paystack-signature") == sent["x-paystack-signature"]


async def test_a_request_id_that_could_break_a_log_line_is_replaced(stack):
    async with stack.client() as client:
        answer = await client.get("/api/v1/programs/", headers={"X-Request-ID": "a b<script>"})
    assert answer.headers["x-request-id"] != "a b<script>"
    assert stack.service.seen[0].header("x-request-id") == answer.headers["x-request-id"]


async def test_only_a_trusted_proxy_is_believed_about_the_clients_address(gateway_stack):
    async with gateway_stack(trusted_proxies=["127.0.0.0/8", "10.0.0.0/8"]) as stack, stack.client() as client:
        forged = {"X-Forwarded-For": "1.2.3.4, 203.0.113.9, 10.0.0.7", "X-Forwarded-Proto": "https"}
        await client.get("/api/v1/programs/", headers=forged)
        await client.get("/api/v1/programs/", headers={"X-Real-IP": "203.0.113.10"})
        assert stack.service.seen[0].header("x-forwarded-for") == "203.0.113.9"
        assert stack.service.seen[0].header("x-forwarded-proto") == "https"
        assert stack.service.seen[1].header("x-real-ip") == "203.0.113.10"


async def test_hop_by_hop_headers_of_a_service_and_its_cors_do_not_reach_the_client(stack, answer_of):
    stack.service.on(
        "GET",
        "/api/v1/programs/",
        answer_of(
            content={"items": []},
            headers=[
                ("ETag", '"7"'),
                ("Cache-Control", "max-age=10"),
                ("Keep-Alive", "timeout=5"),
                ("Access-Control-Allow-Origin", "*"),
                ("X-Request-ID", "another"),
                ("Set-Cookie", "a=1"),
                ("Set-Cookie", "b=2"),
            ],
        ),
    )
    async with stack.client() as client:
        answer = await client.get("/api/v1/programs/")
    assert answer.headers["etag"] == '"7"'
    assert answer.headers["cache-control"] == "max-age=10"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert "keep-alive" not in answer.headers
    assert "access-control-allow-origin" not in answer.headers
    assert len(answer.headers.get_list("x-request-id")) == 1
    assert "server" not in answer.headers


async def test_cors_answers_allowed_origins_and_no_others(gateway_stack):
    async with gateway_stack(allowed_origins=["https://impactnet.ng"]) as stack, stack.client() as client:
        ours = {"Origin": "https://impactnet.ng"}
        preflight = await client.options(
            "/api/v1/programs/", headers={**ours, "Access-Control-Request-Method": "PATCH"}
        )
        answer = await client.get("/api/v1/programs/", headers=ours)
        refused = await client.get("/api/v1/applications/", headers=ours)
        foreign = await client.get("/api/v1/programs/", headers={"Origin": "https://evil.example"})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "https://impactnet.ng"
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    assert "if-match" in preflight.headers["access-control-allow-headers"].lower()
    exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
    assert exposed >= {"ETag", "Idempotent-Replayed", "Location", "X-Request-ID", "RateLimit", "Retry-After"}
    assert refused.headers["access-control-allow-origin"] == "https://impactnet.ng"
    assert "access-control-allow-origin" not in foreign.headers
    assert not any(request.method == "OPTIONS" for request in stack.service.seen)
