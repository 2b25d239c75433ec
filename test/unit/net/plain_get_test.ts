import { assertEquals, assertRejects } from "@std/assert";
import { SidecarError } from "../../../src/model/errors.ts";
import { plainGet } from "../../../plugin/net/plain_get.ts";

const CALL = { signal: new AbortController().signal };

async function serving(
  answer: (request: Request) => Response | Promise<Response>,
  ask: (endpoint: { hostname: string; port: number }) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen(): void {} }, answer);
  await ask({ hostname: "127.0.0.1", port: server.addr.port });
  await server.shutdown();
}

Deno.test("plainGet() sends the host of our choice and returns status and body", async () => {
  await serving(
    (request) => new Response(`${request.headers.get("host")} ${new URL(request.url).pathname}`, { status: 202 }),
    async (endpoint) => {
      const answer = await plainGet(endpoint, "a.example.com", "/.well-known/acme-challenge/x", CALL);
      assertEquals(answer, { status: 202, body: "a.example.com /.well-known/acme-challenge/x" });
    },
  );
});

Deno.test("plainGet() returns a redirect as it is", async () => {
  await serving(() => Response.redirect("https://a.example.com/", 301), async (endpoint) => {
    assertEquals((await plainGet(endpoint, "a.example.com", "/", CALL)).status, 301);
  });
});

Deno.test("plainGet() refuses an answer of more than 64 KiB", async () => {
  await serving(() => new Response("x".repeat(70_000)), async (endpoint) => {
    const error = await assertRejects(
      () => plainGet(endpoint, "a.example.com", "/", CALL),
      SidecarError,
      "longer than",
    );
    assertEquals(error.code, "BALANCER_UNREACHABLE");
  });
});

Deno.test("plainGet() says where nobody listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  const endpoint = { hostname: "127.0.0.1", port: listener.addr.port };
  const error = await assertRejects(
    () => plainGet(endpoint, "a.example.com", "/", CALL),
    SidecarError,
    "from 127.0.0.1:",
  );
  assertEquals(error.code, "BALANCER_UNREACHABLE");
});

Deno.test("plainGet() ends at its own deadline", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const endpoint = { hostname: "127.0.0.1", port: listener.addr.port };
  await assertRejects(() => plainGet(endpoint, "a.example.com", "/", CALL, 30), SidecarError, "no answer within 30 ms");
  (await accepted).close();
});

Deno.test("plainGet() ends when the signal aborts, also in the middle of a body", async () => {
  const control = new AbortController();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = (async (): Promise<void> => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(4_096));
    await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"));
    control.abort(new SyntaxError("stop"));
    while (await connection.read(new Uint8Array(16)).catch(() => null) !== null);
  })();
  const endpoint = { hostname: "127.0.0.1", port: listener.addr.port };
  await assertRejects(() => plainGet(endpoint, "a.example.com", "/", control), SyntaxError, "stop");
  await serve;
});
