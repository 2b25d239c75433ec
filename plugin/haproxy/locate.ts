import type { Call } from "../../src/ports.ts";
import { baseName, parent } from "../certs/paths.ts";
import { checkPlace, lbPath } from "../certs/place.ts";
import { type LoadedCertificate, readCertificate, readFiles, readLists } from "./replies.ts";
import { misconfigured, refused, show, type Tools } from "./tools.ts";

/** Where a certificate is in a balancer's memory, in HAProxy's own spelling. */
export interface Location {
  readonly name: string;
  readonly status: LoadedCertificate["status"] | "absent";
  readonly sha1?: string;
  /** The crt-list or directory that new entries go to; absent where the file is loaded by a line of its own (`crt FILE`). */
  readonly list?: string;
}

/**
 * Finds a file of ours in the balancer's memory, or the name under which it can be added. Names are taken from HAProxy: it
 * knows a file only by the path that its configuration spells.
 *
 * @throws {SidecarError} `BALANCER_CONFIG` if HAProxy does not load our directory or crt-list, or they are not on disk.
 */
export async function locate(tools: Tools, file: string, call: Call): Promise<Location> {
  const { certificates: place } = tools.config;
  await checkPlace(tools.config.name, tools.config.certificates);
  const list = await findList(tools, place.path, call);
  const folder = place.kind === "directory"
    ? list ?? lbPath(tools.config, place.path)
    : lbPath(tools.config, place.store);
  const name = `${folder}/${file}`;
  const found = await look(tools, name, call);
  if (found !== undefined) return located(name, found, list);
  const elsewhere = list === undefined || place.kind === "crt-list" ? await byBaseName(tools, file, call) : undefined;
  if (elsewhere !== undefined) return { ...elsewhere, ...list === undefined ? {} : { list } };
  if (list === undefined) throw await unknownList(tools, place.path, call);
  return { name, status: "absent", list };
}

/** The name under which HAProxy knows a crt-list or directory; undefined where it knows none of that kind. */
export async function findList(tools: Tools, path: string, call: Call): Promise<string | undefined> {
  const known = await lists(tools, call);
  const { lbRoot } = tools.config;
  // lb-root is read as the folder of `certs`, and where that is not known, as `certs` itself.
  const exact = [lbPath(tools.config, path), path, ...lbRoot === undefined ? [] : [lbRoot]].find((it) =>
    known.includes(it)
  );
  if (exact !== undefined) return exact;
  const [alike, ...others] = known.filter((it) => baseName(it) === baseName(path));
  return others.length === 0 ? alike : undefined;
}

/** The error for a crt-list or directory that HAProxy does not load. */
export async function unknownList(tools: Tools, path: string, call: Call): Promise<Error> {
  const known = await lists(tools, call);
  return misconfigured(
    tools,
    `HAProxy does not load ${lbPath(tools.config, path)}; it loads ${
      known.length === 0 ? "no list" : known.join(", ")
    }`,
    "name it in a bind line of haproxy.cfg (crt DIR/ or crt-list FILE), or set lb-root= to where the balancer sees it",
  );
}

/**
 * Checks what can be known before there is a certificate.
 *
 * @throws {SidecarError} `BALANCER_CONFIG` if our directory, crt-list or store is not on disk, or they or the challenges' list
 * are not loaded.
 */
export async function checkPlaces(tools: Tools, call: Call): Promise<void> {
  const { name, certificates: place, challenges } = tools.config;
  await checkPlace(name, place);
  for (const path of [place.path, ...challenges === undefined ? [] : [challenges]]) {
    if (await findList(tools, path, call) !== undefined) continue;
    if (path === place.path && await loadsFilesOf(tools, call)) continue; // by lines of their own: crt FILE
    throw await unknownList(tools, path, call);
  }
}

async function loadsFilesOf(tools: Tools, call: Call): Promise<boolean> {
  const { certificates: place } = tools.config;
  const folder = lbPath(tools.config, place.kind === "directory" ? place.path : place.store);
  return (await loadedFiles(tools, call)).some((it) => parent(it) === folder);
}

/** What is loaded under that very name. */
export async function look(tools: Tools, name: string, call: Call): Promise<LoadedCertificate | undefined> {
  return readCertificate(await show(tools, `show ssl cert ${name}`, call), name);
}

/** The names of all loaded files. */
export async function loadedFiles(tools: Tools, call: Call): Promise<readonly string[]> {
  const reply = await show(tools, "show ssl cert", call, { mayBeEmpty: true });
  const files = reply.trim() === "" ? [] : readFiles(reply);
  if (files === undefined) throw refused("show ssl cert", reply);
  return files;
}

async function byBaseName(tools: Tools, file: string, call: Call): Promise<Location | undefined> {
  const [name, ...others] = (await loadedFiles(tools, call)).filter((it) => baseName(it) === file);
  if (name === undefined) return undefined;
  if (others.length > 0) {
    const all = [name, ...others].join(", ");
    throw misconfigured(
      tools,
      `HAProxy loads several files named ${file}: ${all}`,
      "set lb-root= to say which one is meant",
    );
  }
  const found = await look(tools, name, call);
  return found === undefined ? undefined : located(name, found);
}

function located(name: string, { status, sha1 }: LoadedCertificate, list?: string): Location {
  return { name, status, ...sha1 === undefined ? {} : { sha1 }, ...list === undefined ? {} : { list } };
}

async function lists(tools: Tools, call: Call): Promise<readonly string[]> {
  return readLists(await show(tools, "show ssl crt-list", call, { mayBeEmpty: true }));
}
