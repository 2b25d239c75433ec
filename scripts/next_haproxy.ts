/**
 * `deno task test:next`: the tests of everything that stands on HAProxy, with the HAProxy of Debian testing. It is unpacked
 * beside the one of this machine, with all that it is linked with, and nothing is installed. Files or folders among the
 * arguments are run in place of those that name HAProxy.
 *
 * @module
 */
import { lastLines, openly, quietly, ROOT } from "./command.ts";

/** A private world of apt's: its lists and packages, and a system on which nothing is installed. */
interface Folders {
  readonly apt: string;
  readonly root: string;
  /** Where the program is to be found. */
  readonly bin: string;
}

/** Where Debian keeps the sources of packages, in either of its two forms (sources.list(5)). */
const SOURCES = ["/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources"];

/** The mirror that this machine uses, read off its sources. */
export function mirrorOf(sources: readonly string[]): string | undefined {
  const found = sources.map((text) =>
    /^(?:deb(?: \[[^\]]*\])?|URIs:)\s+(https?:\S+\/debian)\/?(?:\s|$)/m.exec(text)?.[1]
  );
  return found.find((it) => it !== undefined);
}

async function sourceLine(): Promise<string> {
  const texts = await Promise.all(SOURCES.map((path) => Deno.readTextFile(path).catch(() => "")));
  const mirror = mirrorOf(texts);
  if (mirror === undefined) throw new Error(`No Debian mirror is named in ${SOURCES.join(" or ")}`);
  return `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} testing main\n`;
}

/** Brings the newest HAProxy of Debian testing; the folder can be kept for the next time. */
export async function bringNext(home: string): Promise<Folders> {
  const folders: Folders = { apt: `${home}/apt`, root: `${home}/root`, bin: `${home}/bin` };
  const archives = await download(folders.apt);
  await Deno.remove(folders.root, { recursive: true }).catch(() => {});
  await Deno.mkdir(folders.root, { recursive: true });
  for (const archive of archives) await must("dpkg-deb", "-x", archive, folders.root);
  await Deno.mkdir(folders.bin, { recursive: true });
  await Deno.writeTextFile(`${folders.bin}/haproxy`, launcher(folders.root), { mode: 0o755 });
  return folders;
}

/**
 * Its own loader and libraries, as it was linked with a newer C library than this machine's. It is started under the name of
 * this script, which its master starts again at a reload.
 */
export function launcher(root: string): string {
  const libraries = `${root}/usr/lib/$(uname -m)-linux-gnu`;
  return [
    "#!/bin/sh",
    `for loader in '${root}'/usr/lib*/ld-linux-*.so.*; do :; done`,
    `exec "$loader" --argv0 "$0" --library-path "${libraries}:${root}/usr/lib" '${root}/usr/sbin/haproxy' "$@"`,
    "",
  ].join("\n");
}

async function download(apt: string): Promise<readonly string[]> {
  for (const folder of ["state/lists/partial", "cache/archives/partial"]) {
    await Deno.mkdir(`${apt}/${folder}`, { recursive: true });
  }
  await Deno.writeTextFile(`${apt}/status`, ""); // nothing is installed, so all that it needs is brought
  await Deno.writeTextFile(`${apt}/sources.list`, await sourceLine());
  const options = [
    `Dir::Etc::SourceList=${apt}/sources.list`,
    "Dir::Etc::SourceParts=/dev/null",
    `Dir::State=${apt}/state`,
    `Dir::State::Status=${apt}/status`,
    `Dir::Cache=${apt}/cache`,
    "Acquire::Languages=none",
    "Acquire::Retries=3",
  ].flatMap((option) => ["-o", option]);
  await must("apt-get", "-q", ...options, "update");
  await must("apt-get", "-q", ...options, "clean");
  await must("apt-get", "-q", ...options, "install", "--download-only", "--yes", "--no-install-recommends", "haproxy");
  const names = await Array.fromAsync(Deno.readDir(`${apt}/cache/archives`), ({ name }) => name);
  return names.filter((name) => name.endsWith(".deb")).map((name) => `${apt}/cache/archives/${name}`);
}

async function must(program: string, ...args: readonly string[]): Promise<void> {
  const { code, output } = await quietly(program, args, { env: { LC_ALL: "C" } });
  if (code !== 0) throw new Error(`${program} ${args.at(-1)} ended with ${code}:\n${lastLines(output, 8)}`);
}

/** Test files that need HAProxy: their titles say so, or what they are made with. */
async function testsOfHaproxy(): Promise<readonly string[]> {
  const found: string[] = [];
  for (const folder of ["test/integration", "test/hazards", "test/e2e"]) {
    const names = await Array.fromAsync(Deno.readDir(`${ROOT}/${folder}`), ({ name }) => name).catch(() => []);
    for (const name of names) {
      const path = `${folder}/${name}`;
      if (!name.endsWith("_test.ts")) continue;
      if (/needs haproxy|e2e\(|haproxy_kit|startHaproxy/.test(await Deno.readTextFile(`${ROOT}/${path}`))) {
        found.push(path);
      }
    }
  }
  return found.sort();
}

if (import.meta.main) {
  const home = `${
    Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "/tmp"}/.cache`
  }/kontena-certificates/next`;
  console.error("Downloading HAProxy of Debian testing by apt-get, with what it is linked with; nothing is installed.");
  const { bin } = await bringNext(home);
  if (await openly(`${bin}/haproxy`, ["-v"]) !== 0) Deno.exit(1);
  const paths = Deno.args.length > 0 ? Deno.args : await testsOfHaproxy();
  const env = { KONTENA_TEST_PROGRAMS: bin };
  Deno.exit(await openly(Deno.execPath(), ["run", "-A", "scripts/run_tests.ts", ...paths], { env }));
}
