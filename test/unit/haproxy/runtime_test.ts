import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { SidecarError } from "../../../src/model/errors.ts";
import { type Runtime, runtimeSocket } from "../../../plugin/haproxy/runtime.ts";
import { CALL } from "../../support/fakes.ts";
import { type TapAnswer, tapSocket } from "../../support/haproxy_tap.ts";
import { freePort, tempDir } from "../../support/process.ts";

/** A socket that answers as it is told. */
async function answering(answer: () => TapAnswer, use: (runtime: Runtime) => Promise<void>): Promise<void> {
  using dir = tempDir();
  await using tap = tapSocket(`${dir.path}/s.sock`, "/nowhere", answer);
  await use(runtimeSocket("front", { transport: "unix", path: tap.path }));
}

async function unreachable(run: () => Promise<unknown>, part: string): Promise<SidecarError> {
  const error = await assertRejects(run, SidecarError, part);
  assertEquals([error.code, error.field], ["BALANCER_UNREACHABLE", "load_balancer"]);
  assertStringIncludes(error.message, "front");
  return error;
}

Deno.test("ask() returns the whole reply", async () => {
  const reply = `${"x".repeat(100_000)}\n\n`;
  await answering(() => reply, async (runtime) => assertEquals(await runtime.ask("show ssl cert", CALL), reply));
});

Deno.test("ask() stops reading when it has enough", async () => {
  await answering(() => "# filename\na\nb\n", async (runtime) => {
    const text = await runtime.ask("show ssl cert", CALL, { enough: (reply) => reply.includes("# filename") });
    assertStringIncludes(text, "# filename");
  });
});

Deno.test("ask() takes an empty reply for a failure", async () => {
  await answering(() => ({ do: "close" }), async (runtime) => {
    await unreachable(() => runtime.ask("set ssl cert /x/a.pem", CALL), 'empty answer to "set ssl cert"');
  });
});

Deno.test("ask() takes no part of a reply for the whole", async () => {
  await answering(() => "Committing /x/a.pem...", async (runtime) => {
    await unreachable(() => runtime.ask("commit ssl cert /x/a.pem", CALL), 'answer to "commit ssl cert" on');
  });
});

Deno.test("ask() gives up on a socket that does not answer, and quotes no payload", async () => {
  await answering(() => ({ do: "hang" }), async (runtime) => {
    const error = await unreachable(
      () => runtime.ask("set ssl cert /x/a.pem <<\n-----BEGIN PRIVATE KEY-----\n\n", CALL, { timeoutMs: 30 }),
      'no answer to "set ssl cert"',
    );
    assertEquals(error.message.includes("BEGIN"), false);
  });
});

Deno.test("ask() ends with the signal's reason", async () => {
  const control = new AbortController();
  await answering(() => {
    control.abort(new SyntaxError("stop"));
    return { do: "hang" };
  }, async (runtime) => {
    await assertRejects(() => runtime.ask("show info", control), SyntaxError, "stop");
  });
});

Deno.test("ask() says what a socket of too low a level needs", async () => {
  await answering(() => "Permission denied\n\n", async (runtime) => {
    const error = await unreachable(() => runtime.ask("set ssl cert x", CALL), "Permission denied");
    assertStringIncludes(error.todo ?? "", "level admin");
  });
});

Deno.test("ask() says that the socket is missing", async () => {
  const runtime = runtimeSocket("front", { transport: "unix", path: "/nowhere/admin.sock" });
  const error = await unreachable(() => runtime.ask("show info", CALL), "/nowhere/admin.sock");
  assertStringIncludes(error.todo ?? "", "start HAProxy");
});

Deno.test("ask() says that nobody listens any more", async () => {
  const port = freePort();
  const runtime = runtimeSocket("front", { transport: "tcp", hostname: "127.0.0.1", port });
  const error = await unreachable(
    () => runtime.ask("show info", CALL),
    `cannot reach its runtime socket 127.0.0.1:${port}`,
  );
  assertStringIncludes(error.todo ?? "", "check that HAProxy runs");
});

Deno.test("ask() talks to a socket on TCP", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = (async (): Promise<void> => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(100));
    await connection.write(new TextEncoder().encode("Success!\n\n"));
  })();
  const runtime = runtimeSocket("front", { transport: "tcp", hostname: "127.0.0.1", port: listener.addr.port });
  assertEquals(await runtime.ask("show info", CALL), "Success!\n\n");
  await serve;
});

Deno.test("info() refuses what is not HAProxy", async () => {
  await answering(() => "HTTP/1.1 400 Bad Request\r\n\r\n", async (runtime) => {
    await unreachable(() => runtime.info(CALL), "is not HAProxy's runtime API");
  });
});
