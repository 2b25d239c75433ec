import type { FileHops, Inventory, InventoryQuestion, MemoryHop, PendingAnswer } from "../../src/model/inventory.ts";
import { given } from "../../src/model/shape.ts";
import type { Call } from "../../src/ports.ts";
import { configSum } from "../certs/balancer_url.ts";
import type { Digests } from "../certs/digests.ts";
import { baseName, parent } from "../certs/paths.ts";
import { fileIn, lbPath } from "../certs/place.ts";
import { sniFile } from "../certs/sni_file.ts";
import { challengeFile } from "./alpn.ts";
import { loadedFiles } from "./locate.ts";
import { type LoadedCertificate, readCertificates } from "./replies.ts";
import { show, type Tools } from "./tools.ts";

/** The longest line of commands that is sent: half of what HAProxy takes (tune.bufsize, 16,384). */
const MAX_LINE = 8_000;

/**
 * The worker that answers, and how it is configured here: another one may have the same pid in a new container, but not the
 * same start, and what was refused because of a wrong address is not refused for the right one.
 */
export async function signOf({ runtime, config }: Tools, call: Call): Promise<string> {
  const { pid, startedAt, version } = await runtime.info(call);
  return [version.text, pid, startedAt ?? "", configSum(config)].join("/");
}

/**
 * Looks at the files in one go: their sums on disk, the list of what is loaded, and what HAProxy has under each name, as many
 * of them with one connection as fit. A thousand take some 40 ms.
 */
export async function inventory(
  tools: Tools,
  digests: Digests,
  { files, answers }: InventoryQuestion,
  call: Call,
): Promise<Inventory> {
  const { config } = tools;
  const sign = await signOf(tools, call);
  const all = await loadedFiles(tools, call);
  const names = ourNames(tools, files, all);
  const details = await lookAll(tools, [...names.values()], call);
  const onDisk = await digests.of(files.map((file) => fileIn(config.certificates, file)));

  const hopsOf = (file: string): FileHops => ({
    ...given("disk", onDisk.get(fileIn(config.certificates, file))),
    memory: memoryOf(details.get(names.get(file) ?? "")),
  });
  return {
    sign,
    files: new Map(files.map((file) => [file, hopsOf(file)])),
    missing: answers.filter((answer) => isMissing(answer, new Set(all.map(baseName)))),
  };
}

/** By base name, the name under which HAProxy has loaded a file: of several, the one in our folder. */
export function ourNames(
  { config }: Tools,
  files: readonly string[],
  loaded: readonly string[],
): ReadonlyMap<string, string> {
  const { certificates: place } = config;
  const folder = lbPath(config, place.kind === "directory" ? place.path : place.store);
  const byBase = Map.groupBy(loaded, baseName);
  return new Map(files.flatMap((file) => {
    const names = byBase.get(file) ?? [];
    const name = names.find((it) => parent(it) === folder) ?? names[0];
    return name === undefined ? [] : [[file, name] as const];
  }));
}

function memoryOf(found: LoadedCertificate | undefined): MemoryHop {
  return { loaded: found?.status === "used", ...given("sha1", found?.sha1) };
}

/** Only these two live in memory alone, so that a new worker does not have them. */
function isMissing({ type, name }: PendingAnswer, loaded: ReadonlySet<string>): boolean {
  if (type === "tls-alpn-01") return !loaded.has(challengeFile(name));
  return type === "tls-sni-01" && !loaded.has(sniFile(name));
}

async function lookAll(
  tools: Tools,
  names: readonly string[],
  call: Call,
): Promise<ReadonlyMap<string, LoadedCertificate>> {
  const found = new Map<string, LoadedCertificate>();
  const commands = names.map((name) => `show ssl cert ${name}`);
  for (let i = 0; i < commands.length;) {
    let line = commands[i++] ?? "";
    while (i < commands.length && line.length + 2 + (commands[i] ?? "").length < MAX_LINE) line += `; ${commands[i++]}`;
    const replies = readCertificates(await show(tools, line, call));
    for (const [name, certificate] of replies) found.set(name, certificate);
  }
  return found;
}
