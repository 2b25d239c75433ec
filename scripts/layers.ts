/**
 * Which room may import what, as data, and the judgement over a graph of imports.
 *
 * @module
 */

/** A part of the tree with one rule for its imports. Files of one room may import each other. */
export interface Room {
  /** A file; a folder with all below it (`src/acme/`); or the files of a folder without those below (`plugin/*`). */
  readonly path: string;
  /** Files, and folders that end with `/`, of this project. */
  readonly may: readonly string[];
  /** What `may` would let in and still must not be imported: beginnings of paths. */
  readonly not?: readonly string[];
  /** npm packages and Node's modules (`node:crypto`); a final `*` stands for any ending. */
  readonly packages: readonly string[];
}

/** One import. Paths are relative to the top of the tree; packages are names without version. */
export interface Import {
  readonly from: string;
  readonly to: string;
}

const VALUES = ["src/model/"];
const INNER = [...VALUES, "src/ports.ts"];
const OUTER = [...INNER, "mod.ts"];
const ALL = ["mod.ts", "src/", "plugin/"];
const X509 = ["pkijs", "asn1js", "@peculiar/x509", "reflect-metadata"];
const NODE = ["node:*"];
const ADAPTERS = ["haproxy", "kontena", "sqlite", "etcd", "hashicorp", "dns"];

/** The rooms of the house. A file that is in none of them is refused. */
export const ROOMS: readonly Room[] = [
  { path: "mod.ts", may: ["src/"], packages: [] },
  { path: "src/model/", may: [], packages: [] },
  { path: "src/ports.ts", may: VALUES, packages: [] },
  { path: "src/x509/", may: VALUES, packages: [...X509, "node:crypto"] },
  { path: "src/acme/", may: INNER, packages: ["jose"] },
  // The list of public suffixes: a package of data, updated with it.
  { path: "src/suffixes/", may: VALUES, packages: ["tldts"] },
  { path: "src/challenge/", may: [...INNER, "src/x509/"], packages: [] },
  { path: "src/vault/", may: INNER, packages: [] },
  { path: "src/ledger/", may: INNER, packages: [] },
  {
    path: "src/flow/",
    may: [...INNER, "src/x509/", "src/vault/", "src/ledger/"],
    not: ["src/vault/memory", "src/ledger/memory"],
    packages: [],
  },
  // A balancer's URL is read with the rest of the configuration, and decides what the process may touch.
  {
    path: "plugin/*",
    may: [...OUTER, "plugin/net/", "plugin/certs/", "plugin/haproxy/url.ts", "plugin/kontena/url.ts"],
    packages: NODE,
  },
  { path: "plugin/net/", may: OUTER, packages: NODE },
  // The certificate directory of an HAProxy: the same for all whoever makes it read that again.
  { path: "plugin/certs/", may: [...OUTER, "plugin/net/"], packages: NODE },
  ...ADAPTERS.map((name): Room => ({
    path: `plugin/${name}/`,
    may: [...OUTER, "plugin/net/", "plugin/certs/"],
    packages: NODE,
  })),
  { path: "plugin/http/", may: OUTER, packages: ["hono", "valibot"] },
  // It talks HTTP to the sidecar and must start fast.
  { path: "plugin/cli/", may: VALUES, packages: NODE },
  // The composition root.
  { path: "plugin/sidecar.ts", may: ALL, packages: NODE },
  { path: "plugin/main.ts", may: ALL, packages: NODE },
  { path: "plugin/launch.ts", may: ALL, packages: NODE },
  { path: "scripts/", may: [...ALL, "test/"], packages: ["*"] },
  // The test authority would prove nothing if it were built on what it tests.
  { path: "test/ca/", may: [], packages: [...X509, ...NODE, "jose", "hono"] },
  // Nor would a balancer that is modelled on the code that it is there to try.
  { path: "test/lb/", may: ["test/support/process.ts"], packages: NODE },
  { path: "test/", may: [...ALL, "scripts/", "test/"], packages: ["*"] },
];

/** The room of a file: the closest one. */
export function roomOf(path: string, rooms: readonly Room[] = ROOMS): Room | undefined {
  const parts = path.split("/");
  const folders = parts.map((_, depth) => parts.slice(0, depth).map((part) => `${part}/`).join("")).reverse();
  const keys = [path, `${folders[0]}*`, ...folders];
  return keys.map((key) => rooms.find((room) => room.path === key)).find((room) => room !== undefined);
}

/** Says of every import that the table does not allow what is wrong with it. */
export function violations(imports: readonly Import[], rooms: readonly Room[] = ROOMS): readonly string[] {
  const files = new Set(imports.flatMap(({ from, to }) => isFile(to) ? [from, to] : [from]));
  const homeless = [...files].filter((file) => roomOf(file, rooms) === undefined)
    .map((file) => `${file} is in no room of scripts/layers.ts`);
  const wrong = imports.flatMap(({ from, to }) => {
    const room = roomOf(from, rooms);
    if (room === undefined || allowed(room, to, rooms)) return [];
    const list = [...room.may, ...room.packages];
    return [`${from} imports ${to}, but ${room.path} may import ${list.length === 0 ? "nothing" : list.join(", ")}`];
  });
  return [...new Set([...homeless, ...wrong])].sort();
}

/** Tells whether an import names a file of this project rather than a package. */
export function isFile(to: string): boolean {
  return /\.(ts|tsx|js|mjs|json)$/.test(to) && !/^[a-z]+:/.test(to);
}

function allowed(room: Room, to: string, rooms: readonly Room[]): boolean {
  if (!isFile(to)) return room.packages.some((name) => matches(name, to));
  if (roomOf(to, rooms) === room) return true;
  if (room.not?.some((start) => to.startsWith(start))) return false;
  return room.may.some((path) => to === path || (path.endsWith("/") && to.startsWith(path)));
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
