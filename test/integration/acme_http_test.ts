import { assert, assertEquals, assertRejects } from "@std/assert";
import { gzipSync } from "node:zlib";
import { systemClock } from "../../plugin/clock.ts";
import { transport } from "../../src/acme/transport.ts";
import { SidecarError } from "../../src/model/errors.ts";

const call = { signal: new AbortController().signal };
const HEAD = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";

/** Answers every connection with the same bytes over a real socket. */
interface RawServer extends Disposable {
  readonly url: URL;
}

function serve(answer: (connection: Deno.Conn) => Promise<void>): RawServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  const accept = async (): Promise<void> => {
    for await (const connection of listener) {
      open.add(connection);
      connection.read(new Uint8Array(4096)).then(() => answer(connection)).catch(() => {});
    }
  };
  const accepting = accept().catch(() => {});
  return {
    url: new URL(`http://127.0.0.1:${listener.addr.port}/`),
    [Symbol.dispose](): void {
      listener.close();
      for (const connection of open) {
        try {
          connection.close();
        } catch {
          // the answer closed it
        }
      }
      void accepting;
    },
  };
}

async function write(connection: Deno.Conn, ...parts: readonly (string | Uint8Array)[]): Promise<void> {
  for (const part of parts) {
    let bytes = typeof part === "string" ? new TextEncoder().encode(part) : part;
    while (bytes.length > 0) bytes = bytes.subarray(await connection.write(bytes));
  }
}

function sender(timeoutMs = 30_000): ReturnType<typeof transport> {
  return transport({
    fetch,
    userAgent: "kontena-certificates-test/1",
    clock: systemClock,
    deadline: () => AbortSignal.timeout(timeoutMs),
  });
}

const get = ({ url }: RawServer) => ({ method: "GET", url, doing: "read the order" }) as const;

Deno.test("send() cuts an endless answer off", async () => {
  let sent = 0;
  using server = serve(async (connection) => {
    await write(connection, `${HEAD}\r\n`);
    for (const piece = new Uint8Array(16_384).fill(0x20);;) sent += await connection.write(piece);
  });
  await assertRejects(() => sender()(get(server), call), SidecarError, "longer than 64 KB");
  assert(sent < 32 * 1024 * 1024, `${sent} bytes were taken off the socket`);
});

Deno.test("send() measures an answer as it is after decompression", async () => {
  const bomb = gzipSync(new Uint8Array(20_000_000));
  using server = serve((connection) =>
    write(connection, `${HEAD}content-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`, bomb)
  );
  await assertRejects(() => sender()(get(server), call), SidecarError, "longer than 64 KB");
});

for (
  const [why, answer] of [
    ["content-length is too long", `${HEAD}content-length: 100\r\n\r\n{"status"`],
    ["a chunk is cut", `${HEAD}transfer-encoding: chunked\r\n\r\n10\r\n{"sta`],
    ["nothing comes", ""],
    ["it is not HTTP", "220 mail.example ESMTP\r\n"],
  ] as const
) {
  Deno.test(`send() takes an answer for lost when ${why}`, async () => {
    using server = serve(async (connection) => {
      await write(connection, answer);
      connection.close();
    });
    const error = await assertRejects(
      () => sender()(get(server), call),
      SidecarError,
      "no whole answer from 127.0.0.1",
    );
    assertEquals(error.code, "CA_TRANSPORT");
  });
}

for (const [why, start] of [["silence", ""], ["a drop of it", `${HEAD}\r\n{`]] as const) {
  Deno.test(`send() ends in time after ${why}`, async () => {
    using server = serve((connection) => write(connection, start));
    const error = await assertRejects(() => sender(100)(get(server), call), SidecarError, "did not answer within");
    assertEquals(error.code, "CA_TRANSPORT");
  });

  Deno.test(`send() ends at once with the caller's reason after ${why}`, async () => {
    const controller = new AbortController();
    using server = serve(async (connection) => {
      await write(connection, start);
      controller.abort(new RangeError("enough"));
    });
    await assertRejects(() => sender()(get(server), { signal: controller.signal }), RangeError, "enough");
  });
}
