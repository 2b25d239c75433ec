import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { WiringPart } from "../../src/ports.ts";
import { PLACEHOLDER } from "../../plugin/certs/placeholder.ts";
import { bundlePem } from "../../src/model/certificate.ts";
import { startHaproxy } from "../support/haproxy.ts";
import { testPki } from "../support/pki.ts";
import { freePort, has, start } from "../support/process.ts";
import { ROOT } from "../support/sidecar.ts";
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
        assert(untried.every((it) => it.found.includes('it stands on "')), JSON.stringify(untried));
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

for (const mode of MODES) {
  for (const [what, alpn] of [["with a frontend for challenges", true], ["without", false]] as const) {
    wired(
      `lb config knows the PROXY header and the paths of the balancer: ${mode}, ${what}`,
      {
        mode,
        alpn,
        // The balancer sees the same folder by another name.
        more(root): Record<string, string> {
          Deno.symlinkSync(root, `${root}/lb`);
          return { "probe-proxy": "v2", "lb-root": `${root}/lb` };
        },
      },
      async (it) => {
        assertStringIncludes(it.lines, ` ${it.root}/lb/certs`);
        const parts = await it.check();
        assertEquals(of(parts, "missing"), [], JSON.stringify(parts, undefined, 1));
        assertEquals(of(parts, "untried"), alpn ? [] : ["challenge frontend", "tls-alpn-01 route"]);
      },
    );
  }
}

// --- what is wired wrongly ---------------------------------------------------------------------------------------------

/** The only part that is missing, as the line that is printed. */
function onlyMissing(parts: readonly WiringPart[], part: string): string {
  const missing = parts.filter((it) => it.state === "missing");
  assertEquals(missing.map((it) => it.part), [part], JSON.stringify(parts, undefined, 1));
  const [{ found, todo = "" } = { found: "" }] = missing;
  assert(!`${found}${todo}`.includes("\n") && todo !== "", JSON.stringify(missing));
  return `${found} (${todo})`;
}

const nobody = freePort();

wired(
  "lb check names a probe address where nobody listens",
  { mode: "directory", changes: () => ({ probe: `127.0.0.1:${nobody}` }), alpn: false },
  async (it) => {
    const line = onlyMissing((await it.check()).slice(0, 4), "TLS");
    assertStringIncludes(line, `Cannot reach 127.0.0.1:${nobody}: Connection refused`);
    assertStringIncludes(line, "check that probe= names the address on which the balancer serves TLS");
  },
);

for (const mode of MODES) {
  Deno.test({
    name: `lb check names a probe address that is another server's: ${mode} [needs haproxy]`,
    ignore: !has("haproxy"),
    async fn(): Promise<void> {
      await using other = await startHaproxy();
      const changes = (): Record<string, string> => ({ probe: `127.0.0.1:${other.httpsPort}` });
      await using it = await wiredHaproxy({ mode, changes });
      const before = await it.traces();
      const parts = await it.check();
      const line = onlyMissing(parts.slice(0, 4), "TLS");
      assertStringIncludes(
        line,
        `127.0.0.1:${other.httpsPort} does not serve what is put in over the socket, but another`,
      );
      assertStringIncludes(line, "set probe= to this balancer's TLS address");
      assertEquals(of(parts.slice(4), "untried"), ["tls-alpn-01 route"]);
      assertEquals(await it.traces(), before);
    },
  });
}

const pem = (): string => bundlePem(testPki().issue(["other.invalid"]));

type Here = (root: string) => Readonly<Record<string, string>>;
const ELSEWHERE: readonly (readonly [why: string, mode: (typeof MODES)[number], here: Here])[] = [
  ["empty", "directory", () => ({})],
  ["with other files", "directory", () => ({ "certs/a.pem": pem() })],
  ["with a placeholder of its own", "directory", () => ({ [`certs/${PLACEHOLDER}`]: pem() })],
  [
    "a list with other lines",
    "crt-list",
    (root) => ({ "certs.list": `${root}/other/a.pem\n`, "certs/a.pem": pem() }),
  ],
  ["a store with other files", "crt-list", (root) => ({
    "certs.list": Deno.readTextFileSync(`${root}/certs.list`),
    "certs/a.pem": pem(),
  })],
];

for (const [why, mode, make] of ELSEWHERE) {
  wired(
    `lb check names a place that HAProxy has not: ${mode}, ${why}`,
    {
      mode,
      // The same path in another container.
      changes(root): Record<string, string> {
        Deno.mkdirSync(`${root}/here/certs`, { recursive: true });
        for (const [name, text] of Object.entries(make(root))) Deno.writeTextFileSync(`${root}/here/${name}`, text);
        const lb = { "lb-root": root };
        if (mode === "directory") return { ...lb, certs: `${root}/here/certs` };
        return { ...lb, certs: `${root}/here/certs.list`, store: `${root}/here/certs` };
      },
    },
    async (it) => {
      const before = await it.traces();
      const line = onlyMissing(await it.check(), "certificates");
      assertStringIncludes(line, `${it.root}/here/certs`);
      assertStringIncludes(line, `${PLACEHOLDER} of there is not here`);
      assertStringIncludes(line, "share the balancer's own folder with the sidecar");
      assertEquals(await it.traces(), before);
    },
  );
}

const isRoot = Deno.uid() === 0;

/** Runs the check as a program of its own. */
async function checkedBy(program: string, ...args: readonly string[]): Promise<readonly WiringPart[]> {
  await using process = start(program, { args });
  const code = await process.exit;
  const line = process.output().split("\n").find((it) => it.startsWith("[{"));
  if (code !== 0 || line === undefined) throw new Error(`it ended with ${code}: ${process.output()}`);
  return JSON.parse(line);
}

const CHECK = ["run", "--quiet", "--allow-all", `${ROOT}test/support/check_wiring.ts`];

function asNobody(name: string, options: WiredOptions, run: (it: Wired, parts: readonly WiringPart[]) => void): void {
  Deno.test({
    name: `${name} [needs haproxy, root]`,
    ignore: !has("haproxy") || !isRoot,
    async fn(): Promise<void> {
      await using it = await wiredHaproxy(options);
      Deno.chmodSync(it.root, 0o755);
      for (
        const name of [`certs/${PLACEHOLDER}`, ...it.config.certificates.kind === "crt-list" ? ["certs.list"] : []]
      ) {
        Deno.chmodSync(`${it.root}/${name}`, 0o644);
      }
      run(it, await checkedBy(Deno.execPath(), ...CHECK, it.url, "65534"));
    },
  });
}

asNobody("lb check names a socket that it may not use, and who it is", { mode: "directory" }, (it, parts) => {
  const line = onlyMissing(parts, "runtime socket");
  assertStringIncludes(line, `${it.root}/admin.sock: Permission denied`);
  assertStringIncludes(line, "it is mode 660 of uid 0 gid 0; this is uid 65534 gid 65534");
  assertStringIncludes(line, "run the sidecar as root or in the group of the socket");
});

for (const mode of MODES) {
  asNobody(
    `lb check names a folder that it may not write, and who it is: ${mode}`,
    { mode, edit: (lines) => lines.replace("mode 660", "mode 666") },
    (it, parts) => {
      const line = onlyMissing(parts, "certificates");
      assertStringIncludes(line, `Cannot use ${it.root}/certs: Permission denied`);
      assertStringIncludes(line, `${it.root}/certs is mode 755 of uid 0 gid 0; this is uid 65534 gid 65534`);
      assertStringIncludes(line, "for reading and writing");
    },
  );
}

wired(
  "lb check names a socket of too low a level",
  { mode: "directory", edit: (lines) => lines.replace("level admin", "level operator") },
  async (it) => {
    const line = onlyMissing((await it.check()).slice(0, 4), "runtime socket");
    assertStringIncludes(line, 'does not allow changes (Permission denied) (give the "stats socket" line');
  },
);

Deno.test({
  name: "lb check names a crt-list that is mounted by itself [needs haproxy, root, unshare]",
  ignore: !has("haproxy", "unshare", "mount") || !isRoot,
  async fn(): Promise<void> {
    await using it = await wiredHaproxy({ mode: "crt-list" });
    const before = await it.traces();
    const script = `mount --bind ${it.root}/certs.list ${it.root}/certs.list && exec "$0" "$@"`;
    const parts = await checkedBy("unshare", "-m", "sh", "-c", script, Deno.execPath(), ...CHECK, it.url);
    const line = onlyMissing(parts, "certificates");
    assertStringIncludes(line, `Cannot use ${it.root}/certs.list: Device or resource busy`);
    assertStringIncludes(line, "share its folder instead of the file alone");
    assertEquals(await it.traces(), before);
  },
});
