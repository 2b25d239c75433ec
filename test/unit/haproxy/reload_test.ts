import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { SidecarError } from "../../../src/model/errors.ts";
import { defaultCertificate } from "../../../plugin/certs/default_certificate.ts";
import { reload } from "../../../plugin/haproxy/reload.ts";
import type { Tools } from "../../../plugin/haproxy/tools.ts";
import { parseHaproxy } from "../../../plugin/haproxy/url.ts";
import { fakeClock } from "../../support/fake_clock.ts";
import { CALL } from "../../support/fakes.ts";
import { tempDir } from "../../support/process.ts";

/** A master as from 2.8 on: it answers, and closes when the other side has closed its half (management guide, 9.4). */
async function toldBy(answer: string, pids: readonly number[]): Promise<{ told: string; looks: number }> {
  using dir = tempDir();
  const socket = `${dir.path}/master.sock`;
  using listener = Deno.listen({ transport: "unix", path: socket });
  let told = "";
  const serving = (async (): Promise<void> => {
    using connection = await listener.accept();
    const buffer = new Uint8Array(100);
    const read = async (): Promise<string | undefined> => {
      const count = await connection.read(buffer);
      return count === null ? undefined : new TextDecoder().decode(buffer.subarray(0, count));
    };
    told = await read() ?? "";
    await connection.write(new TextEncoder().encode(answer));
    while (await read() !== undefined);
  })();
  let looks = 0;
  const info = (): ReturnType<Tools["runtime"]["info"]> => {
    const pid = pids[Math.min(looks++, pids.length - 1)] ?? 0;
    if (pid === 0) return Promise.reject(new SidecarError("BALANCER_UNREACHABLE", "between two workers"));
    return Promise.resolve({ pid, version: { major: 3, minor: 2, text: "3.2.0" } });
  };
  const config = parseHaproxy("lb", "haproxy+unix:///s?certs=/certs&probe=lb:443");
  const clock = { ...fakeClock(), sleep: (): Promise<void> => Promise.resolve() };
  const runtime = { key: "unix:/s", ask: () => Promise.reject(new Error("not asked")), info };
  const events = { emit(): void {} };
  const defaults = defaultCertificate(config, { clock, events });
  const tools: Tools = { config, runtime, clock, events, defaults, reloadMs: 5_000 };
  try {
    await reload(tools, { by: "master", socket }, CALL);
  } finally {
    await serving;
  }
  return { told, looks };
}

Deno.test("reload() tells a master that leaves the connection open, and waits for another worker", async () => {
  assertEquals(await toldBy("Success=1\n--\n", [7, 7, 0, 0, 8]), { told: "reload\n", looks: 5 });
});

Deno.test("reload() tells why a master did not reload", async () => {
  const answer = "Success=0\n--\n[ALERT] (7) : config : unable to load certificate from file '/certs/a.pem'.\n";
  const error = await assertRejects(() => toldBy(answer, [7]), SidecarError, "HAProxy was not reloaded: [ALERT]");
  assertEquals(error.code, "SWAP_REJECTED");
  assertStringIncludes(error.message, "/certs/a.pem");
});

Deno.test("reload() knows a socket that is not a master's", async () => {
  await assertRejects(() => toldBy("Unknown command: 'reload'\n\n", [7]), SidecarError, "is not its master's");
});
