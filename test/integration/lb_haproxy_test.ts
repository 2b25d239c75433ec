import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { WiringPart } from "../../src/ports.ts";
import { has } from "../support/process.ts";
import { partsIn, type Wired, wiredHaproxy, type WiredOptions, withoutPart } from "../support/wired.ts";

const PARTS = [
  "runtime socket",
  "certificates",
  "challenge frontend",
  "TLS",
  "tls-alpn-01 route",
  "http-01 route",
] as const;

const MODES = ["directory", "crt-list"] as const;

function wired(name: string, options: WiredOptions, run: (it: Wired) => Promise<void>): void {
  Deno.test({
    name: `${name} [needs haproxy]`,
    ignore: !has("haproxy"),
    async fn(): Promise<void> {
      await using it = await wiredHaproxy(options);
      await run(it);
    },
  });
}

const of = (parts: readonly WiringPart[], state: WiringPart["state"]): readonly string[] =>
  parts.filter((it) => it.state === state).map((it) => it.part);

for (const mode of MODES) {
  wired(`lb config is a whole haproxy.cfg, and lb check is green with it: ${mode}`, { mode }, async (it) => {
    assertEquals([...partsIn(it.lines)].sort(), [...PARTS].sort());
    assertEquals(it.output.match(/WARNING.*/g)?.filter((line) => !line.includes("no SSL certificate")) ?? [], []);
    const before = await it.traces();
    const parts = await it.check();
    assertEquals(of(parts, "ok").toSorted(), [...PARTS].sort(), JSON.stringify(parts, undefined, 1));
    assertEquals(await it.traces(), before);
    assertEquals(it.events.filter((event) => event.level !== "info"), []);
  });

  for (const part of PARTS) {
    wired(
      `lb check names ${part} where its lines are left out: ${mode}`,
      { mode, edit: (lines) => withoutPart(lines, part) },
      async (it) => {
        const before = await it.traces();
        const parts = await it.check();
        assertEquals(of(parts, "missing"), [part], JSON.stringify(parts, undefined, 1));
        const untried = parts.filter((it) => it.state === "untried");
        assert(untried.every((it) => it.found.includes("it stands on the ")), JSON.stringify(untried));
        assert(parts.find((it) => it.part === part)?.todo !== undefined);
        assertEquals(await it.traces(), before);
      },
    );
  }
}

for (const mode of MODES) {
  wired(`lb config without challenges= has no ALPN route, and says so: ${mode}`, { mode, alpn: false }, async (it) => {
    assertEquals(partsIn(it.lines), ["runtime socket", "certificates", "TLS", "http-01 route"]);
    assertStringIncludes(it.lines, "with challenges= in the URL");
    assertEquals(it.output.includes("WARNING"), false, it.output);
    const parts = await it.check();
    assertEquals(of(parts, "missing"), [], JSON.stringify(parts, undefined, 1));
    assertEquals(of(parts, "untried"), ["challenge frontend", "tls-alpn-01 route"]);
  });
}
