/**
 * Each command that the README shows is run as it is printed: those of a container by `container_test.ts`, the demo by
 * `demo_test.ts`, all others here, on paths and ports as printed, in a place of their own.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseKontena } from "../../plugin/kontena/url.ts";
import { obstacle, runInPrivate } from "../image/private.ts";
import { PEBBLE_PROGRAMS, startPebble } from "../support/pebble.ts";
import { has, type Running, start, tempDir, until } from "../support/process.ts";
import { readmeCommands, type Shown, type ShownCommand } from "../support/readme.ts";
import { ROOT } from "../support/sidecar.ts";

/** Set in the place of its own. */
const INSIDE = Deno.env.get("KONTENA_TEST_README") !== undefined;

const TOKEN = "the-token-of-the-readme";

if (INSIDE) {
  Deno.test("the README's commands beside HAProxy", besideHaproxy);
} else {
  const missing = obstacle() ?? (has(...PEBBLE_PROGRAMS, "haproxy") ? undefined : "haproxy, pebble");
  Deno.test({
    name: `README: what it shows beside HAProxy works as printed [needs ${missing ?? "haproxy, pebble"}]`,
    ignore: missing !== undefined,
    fn: () => runInPrivate(import.meta.url, { KONTENA_TEST_README: "1" }),
  });
  Deno.test("README: the tasks that it shows exist, for the Deno that it names", async () => {
    const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`)) as { tasks: Record<string, string> };
    for (const { line } of commandsOf(await readmeCommands(), "Try it")) {
      const [, version, task = ""] = /^npx -y deno@(\S+) task (\S+)$/.exec(line) ?? [];
      assertEquals(version, Deno.version.deno, line);
      assert(task in tasks, line);
    }
  });
  Deno.test("README: what it shows for containers stands in the compose file, whose lines are run", async () => {
    const [cd, ...lines] = commandsOf(await readmeCommands(), "Run it in containers").map((it) => it.line);
    const compose = await Deno.readTextFile(`${ROOT}compose/haproxy.yml`);
    const printed = [...compose.matchAll(/^# {3}(.+)$/gm)].map(([, line = ""]) => line);
    const last = lines.pop() ?? "";
    assertEquals(cd, "cd compose");
    assertEquals(lines.map(names), printed.map(names));
    assertEquals(last, "docker compose -f haproxy.yml exec sidecar kontena certificate list");
  });
  Deno.test("README: the URL of a Kontena Load Balancer is one", async () => {
    const [{ line } = { line: "" }] = commandsOf(await readmeCommands(), "Run it beside the Kontena Load Balancer");
    const [, name = "", url = ""] = /^export LOAD_BALANCERS='([^=]+)=(.+)'$/.exec(line) ?? [];
    assertEquals([parseKontena(name, url).service, name], ["infra/lb", "infra/lb"]);
  });
  Deno.test("README: there is no command that no test runs", async () => {
    const sections = [
      "Try it",
      "Run it in containers",
      "Run it beside HAProxy",
      "Wire it, and check it",
      "Run it beside the Kontena Load Balancer",
      "Get a certificate",
    ];
    assertEquals([...new Set((await readmeCommands()).map((it) => it.section))].sort(), [...sections].sort());
  });
}

/** The names to get certificates for are an example. */
function names(line: string): string {
  return line.replace(/CERTIFICATES='.*'/, "CERTIFICATES=…");
}

function commandsOf(shown: readonly Shown[], section: string): readonly ShownCommand[] {
  return shown.filter((it) => it.section === section).flatMap((it) => it.commands);
}

async function besideHaproxy(): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const shown = await readmeCommands();
  const folder = parts.use(tempDir()).path;
  await run("ip link set lo up && mount -t tmpfs tmpfs /etc/haproxy && mount -t tmpfs tmpfs /run", folder, {});
  const pebble = parts.use(await startPebble({ httpPort: 80, tlsPort: 443 }));
  const sidecar = parts.use(startSidecar(shown, folder, {
    ACME_DIRECTORY_URL: pebble.directory.href,
    ACME_CA_FILE: pebble.caFile,
    DNS_RESOLVERS: pebble.dns,
  }));
  await until("the sidecar listens", async () => await lookAt("health") === "ok").catch((cause) => {
    throw new Error(sidecar.output(), { cause });
  });
  assertStringIncludes(sidecar.output(), "Permissions: ");

  // What the sidecar has made is all that HAProxy needs to start.
  await Deno.writeTextFile("/etc/haproxy/haproxy.cfg", await configuration());
  const haproxy = parts.use(start("haproxy", { args: ["-db", "-f", "/etc/haproxy/haproxy.cfg"] }));
  await until(`HAProxy answers: ${haproxy.output()}`, async () => {
    const missing = await lookAt("ready");
    return missing.includes("nobody has registered") && !missing.includes("balancer");
  });

  for (const section of ["Wire it, and check it", "Get a certificate"]) {
    for (const { line, output } of commandsOf(shown, section)) {
      const printed = await run(line, folder, { KONTENA_TOKEN: TOKEN });
      if (!line.includes("lb check")) assertLike(printed, output, line);
    }
  }
  const check = await run("haproxy -c -f haproxy.cfg", folder, {});
  assertStringIncludes(check, "valid");
}

/** The block as it is printed; the shell gives way to its last command, so that this is the process to end. */
function startSidecar(shown: readonly Shown[], folder: string, env: Readonly<Record<string, string>>): Running {
  const lines = commandsOf(shown, "Run it beside HAProxy").map((it) => it.line);
  const last = lines.pop() ?? "";
  return start("sh", {
    args: ["-ec", [...lines, `exec ${last}`].join("\n")],
    cwd: ROOT,
    // What is kept is not to lie in the project's own folder.
    env: { PATH: path(), VAULT_URL: `sqlite:${folder}/data/vault.db`, API_TOKEN: TOKEN, LOG_FORMAT: "json", ...env },
  });
}

async function configuration(): Promise<string> {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  const [, printed = ""] = /```haproxy\n([\s\S]*?)```/.exec(readme) ?? [];
  const timeouts = "defaults\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n";
  return `${timeouts}${printed}\nbackend app\n  mode http\n`;
}

/** Types a line into a shell, and `y` where it asks; fails unless it ends with 0. */
async function run(line: string, cwd: string, env: Readonly<Record<string, string>>): Promise<string> {
  const child = new Deno.Command("sh", {
    args: ["-c", `printf 'y\\n' | { ${line}\n}`],
    cwd,
    env: { PATH: path(), DENO: Deno.execPath(), ...env },
  });
  const { code, stdout, stderr } = await child.output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals(code, 0, `${line}\n${out}${err}`);
  return out ?? "";
}

function path(): string {
  return `${ROOT}bin:${Deno.execPath().replace(/\/[^/]*$/, "")}:/usr/sbin:/usr/bin:/sbin:/bin`;
}

async function lookAt(path: string): Promise<string> {
  return await (await fetch(`http://127.0.0.1:9292/${path}`)).text();
}

/** What was printed has the shown lines in it, but for instants and digests. */
function assertLike(printed: string, shown: string, line: string): void {
  const plain = (text: string): string =>
    text.replace(/\d{4}-\d\d-\d\dT[\d:.+]+/g, "TIME").replace(/content: [\w-]{43}$/m, "content: DIGEST").trim();
  assertStringIncludes(plain(printed), plain(shown), line);
}
