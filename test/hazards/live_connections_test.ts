import { assertEquals, assertStringIncludes } from "@std/assert";
import { openConnection } from "../../scripts/demo/open_connection.ts";
import { CALL } from "../support/fakes.ts";
import { FILE, issue, NAME, PKI, test, WITH_OLD, withKit } from "../support/haproxy_kit.ts";
import type { Guest } from "../support/guest.ts";
import { http2Guest } from "../support/http2_guest.ts";
import { has, start, tempDir } from "../support/process.ts";
import { echoServer, webSocketGuest } from "../support/web_socket_guest.ts";

/** Connections that live through so many swaps, over HTTP/1.1 and, fewer, over each of the others. */
const [LIVE, FEW, SWAPS] = [150, 20, 10];

test("live connections, F-109: none of them is cut by swaps, and each goes on with its own", WITH_OLD, async (kit) => {
  const { haproxy, lb } = kit;
  const site = { port: haproxy.httpsPort, roots: [PKI.rootPem] };
  using open = new DisposableStack();
  const all = await Promise.all(
    Array.from({ length: LIVE }, async () => open.use(await openConnection(site, NAME))),
  );
  for (let swaps = 0; swaps < SWAPS; swaps++) {
    await lb.swap({ file: FILE, bundle: issue(NAME) }, CALL);
    const pids = await Promise.all(all.map((it) => it.ask())); // rejects where one was cut
    assertEquals(new Set(pids), new Set([haproxy.pid]));
  }
  assertEquals(all.map((it) => it.answered), all.map(() => SWAPS + 1));
});

// No test over QUIC: the HAProxy of Debian 12 is built without it (`-QUIC` in `haproxy -vv`).
Deno.test({
  name: "live connections, F-109: HTTP/2 and WebSockets are not cut by swaps [needs haproxy]",
  ignore: !has("haproxy"),
  async fn(): Promise<void> {
    await using echo = echoServer();
    await withKit({ ...WITH_OLD, webSocketPort: echo.port }, async ({ haproxy, lb }) => {
      const site = { port: haproxy.httpsPort, roots: [PKI.rootPem] };
      using open = new DisposableStack();
      const stay = (come: () => Promise<Guest<string>>): Promise<Guest<string>[]> =>
        Promise.all(Array.from({ length: FEW }, async () => open.use(await come())));
      const http2 = await stay(() => http2Guest(site, NAME));
      const sockets = await stay(() => webSocketGuest(site, NAME));
      for (let swaps = 0; swaps < SWAPS; swaps++) {
        await lb.swap({ file: FILE, bundle: issue(NAME) }, CALL);
        const [pages, words] = await Promise.all([http2, sockets].map((all) => Promise.all(all.map((it) => it.ask()))));
        assertEquals(new Set(pages), new Set([`hello from ${haproxy.pid}\n`]));
        assertEquals(new Set(words), new Set([`hello ${swaps + 1}`]));
      }
    });
  },
});

test(
  "live connections, F-109: who has a TLS 1.3 ticket from before a swap is let in after it",
  WITH_OLD,
  async (kit) => {
    const { haproxy, lb } = kit;
    using folder = tempDir();
    const visit = async (...options: readonly string[]): Promise<string> => {
      const request = `GET / HTTP/1.1\\r\\nhost: ${NAME}\\r\\nconnection: close\\r\\n\\r\\n`;
      const connect = `openssl s_client -connect 127.0.0.1:${haproxy.httpsPort} -servername ${NAME} -tls1_3 -ign_eof`;
      await using shell = start("sh", { args: ["-c", `printf '${request}' | ${connect} ${options.join(" ")}`] });
      assertEquals(await shell.exit, 0, shell.output());
      return shell.output();
    };
    const ticket = `${folder.path}/ticket.pem`;
    assertStringIncludes(await visit("-sess_out", ticket), "New, TLSv1.3");
    await lb.swap({ file: FILE, bundle: issue(NAME) }, CALL);
    const again = await visit("-sess_in", ticket);
    assertStringIncludes(again, "hello from");
    // A newer HAProxy makes a whole handshake of it.
    const [major = 0] = (await lb.state(CALL)).version?.split(".").map(Number) ?? [];
    assertStringIncludes(again, major < 3 ? "Reused, TLSv1.3" : "TLSv1.3");
  },
);
