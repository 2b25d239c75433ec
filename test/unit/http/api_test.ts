import { assertEquals, assertStringIncludes } from "@std/assert";
import { heldCertificate, readAnswer, testApi, TOKEN } from "../../support/fake_service.ts";

const INVALID_TOKEN = { error: "invalid_token", error_description: "Invalid token" };

for (
  const [authorization, why] of [
    [undefined, "no token"],
    ["Bearer wrong", "another token"],
    [`Bearer ${TOKEN}x`, "a longer token"],
    [`Bearer ${TOKEN.slice(0, -1)}`, "a shorter token"],
    ["Bearer ", "an empty token"],
    [`Basic ${TOKEN}`, "another scheme"],
  ] as const
) {
  for (
    const [method, path] of [
      ["GET", "/v1/grids/test/certificates"],
      ["POST", "/v1/certificates/test/register"],
      ["GET", "/v1/secrets/test/LE_PRIVATE_KEY"],
      ["GET", "/v1/no/such/route"],
      ["GET", "/metrics"],
    ] as const
  ) {
    Deno.test(`api() answers ${method} ${path} with 403 to ${why}`, async () => {
      const response = await testApi().app.request(path, { method, headers: authorization ? { authorization } : {} });
      const answer = await readAnswer(response);
      assertEquals(answer.status, 403);
      assertEquals(answer.json, INVALID_TOKEN);
      assertEquals(
        answer.headers.get("www-authenticate"),
        'Bearer realm="kontena_master", error="invalid_token", error_description="Invalid token"',
      );
    });
  }
}

Deno.test("api() takes the token", async () => {
  const { ask } = testApi({ certificates: () => Promise.resolve([]) });
  assertEquals((await ask("GET", "/v1/grids/test/certificates")).status, 200);
});

Deno.test("api() keeps answers out of caches", async () => {
  const { ask } = testApi({ certificates: () => Promise.resolve([]) });
  assertEquals((await ask("GET", "/v1/grids/test/certificates")).headers.get("cache-control"), "no-store");
});

Deno.test("api() answers /health without a token", async () => {
  const answer = await readAnswer(await testApi().app.request("/health"));
  assertEquals([answer.status, answer.text], [200, "ok"]);
});

for (
  const [ready, missing, status] of [
    [true, [], 200],
    [false, ["the CA does not answer"], 503],
  ] as const
) {
  Deno.test(`api() answers /ready with ${status} and what is missing`, async () => {
    const { app } = testApi({}, { ready: () => Promise.resolve({ ready, missing }) });
    const answer = await readAnswer(await app.request("/ready"));
    assertEquals(answer.status, status);
    assertEquals(answer.json, { ready, missing });
  });
}

Deno.test("api() gives metrics in Prometheus' text format", async () => {
  const answer = await testApi().ask("GET", "/metrics");
  assertEquals([answer.status, answer.text], [200, "up 1\n"]);
  assertEquals(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
});

for (
  const path of [
    "/v1/grids/other/certificates",
    "/v1/certificates/other/example.com",
    "/v1/domain_authorizations/other",
    "/v1/secrets/other/NAME",
    "/v1/grids/test/nothing",
    "/v1",
    "/",
  ]
) {
  Deno.test(`api() answers ${path} with 404`, async () => {
    const answer = await testApi().ask("GET", path);
    assertEquals([answer.status, answer.json], [404, { error: "Not found" }]);
  });
}

for (const body of ["{", "[]", "null", '"text"', "{'a': 1}", "-----BEGIN PRIVATE KEY-----"]) {
  Deno.test(`api() refuses the body ${body}`, async () => {
    const answer = await testApi().ask("POST", "/v1/certificates/test/register", body);
    assertEquals([answer.status, answer.json], [400, { error: "Invalid json" }]);
  });
}

Deno.test("api() takes no body for an empty object", async () => {
  const answer = await testApi().ask("POST", "/v1/certificates/test/register", "");
  assertEquals([answer.status, answer.json], [422, { error: { email: "Email is required" }, code: "INPUT" }]);
});

Deno.test("api() refuses a body over 1 MB", async () => {
  const { ask } = testApi();
  const answer = await ask("POST", "/v1/grids/test/secrets", { name: "BIG", value: "x".repeat(1_048_576) });
  assertEquals(answer.status, 413);
  assertEquals(answer.json, { error: "Request body is larger than 1048576 bytes" });
});

Deno.test("api() tells an unknown failure to the operator alone", async () => {
  const broken = new TypeError("boom -----BEGIN PRIVATE KEY-----\nMIIE");
  const { ask, events } = testApi({ certificates: () => Promise.reject(broken) });
  const answer = await ask("GET", "/v1/grids/test/certificates");
  assertEquals([answer.status, answer.json], [500, { message: "Internal server error" }]);
  assertEquals(events, [{
    level: "error",
    name: "api.failed",
    text: "GET /v1/grids/test/certificates failed: TypeError: boom [PEM]",
    fields: { error: "TypeError" },
  }]);
});

Deno.test("api() is silent about a caller who hung up", async () => {
  const caller = new AbortController();
  const { app, events } = testApi({
    certificate: (_subject, { signal }) => {
      caller.abort();
      signal.throwIfAborted();
      return Promise.resolve(heldCertificate());
    },
  });
  const request = new Request("http://sidecar/v1/certificates/test/example.com", {
    headers: { authorization: `Bearer ${TOKEN}` },
    signal: caller.signal,
  });
  assertEquals((await app.request(request)).status, 499);
  assertEquals(events, []);
});

Deno.test("api() writes errors as JSON", async () => {
  const answer = await testApi().ask("GET", "/v1/certificates/test/none/none");
  assertStringIncludes(answer.headers.get("content-type") ?? "", "application/json");
});
