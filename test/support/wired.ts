/**
 * A HAProxy on exactly the lines that are printed for it, and the service that prints and checks them.
 *
 * @module
 */
import type { ChallengeType } from "../../src/model/challenge_type.ts";
import { type BalancerService, balancerService } from "../../src/flow/balancers.ts";
import { http01Solver } from "../../src/challenge/http01.ts";
import { tlsAlpn01Solver } from "../../src/challenge/tls_alpn01.ts";
import { memoryLedger } from "../../src/ledger/memory_ledger.ts";
import { publishedAnswers } from "../../src/ledger/published_answers.ts";
import { recordsOf } from "../../src/ledger/records.ts";
import type { Clock, Event, Ledger, LoadBalancer, WiringPart } from "../../src/ports.ts";
import { preparePlaces } from "../../plugin/certs/placeholder.ts";
import { systemClock } from "../../plugin/clock.ts";
import { haproxyBalancer } from "../../plugin/haproxy/balancer.ts";
import { type HaproxyConfig, parseHaproxy } from "../../plugin/haproxy/url.ts";
import { challengeApp } from "../../plugin/http/challenge_app.ts";
import type { Endpoint } from "../../plugin/net/connection.ts";
import { CALL } from "./fakes.ts";
import { askSocket } from "./haproxy.ts";
import { freePort, listening, start, tempDir, until } from "./process.ts";

/** A service over balancers, with a face that answers http-01. */
export interface Checking extends AsyncDisposable {
  readonly service: BalancerService;
  readonly ledger: Ledger;
  /** Puts another adapter in the place of the one of the same name. */
  use(balancer: LoadBalancer): void;
}

/** Makes a {@linkcode Checking}. */
export function checking(
  balancers: readonly LoadBalancer[],
  answers: Endpoint,
  options: { readonly challenges?: readonly ChallengeType[]; readonly clock?: Clock } = {},
): Checking {
  const { challenges = ["tls-alpn-01", "http-01"], clock = systemClock } = options;
  const parts = new AsyncDisposableStack();
  const ledger = parts.use(memoryLedger(systemClock));
  const published = publishedAnswers(ledger);
  const server = parts.adopt(
    Deno.serve({ ...answers, onListen(): void {} }, challengeApp(published).fetch),
    (it) => it.shutdown(),
  );
  server.unref();
  const named = new Map<string, LoadBalancer>(balancers.map((it) => [it.name, it]));
  const solvers = new Map([
    http01Solver({ answers: published, balancers: named, clock }),
    tlsAlpn01Solver({ balancers: named, now: () => systemClock.now() }),
  ].map((it) => [it.type, it]));
  const settings = { keyTypes: ["ec-256"], challenges, agreeTos: true } as const;
  const records = recordsOf(ledger);
  const control = new AbortController();
  const service = balancerService({ balancers: named, records, solvers, settings, answers: published }, control.signal);
  const use = (it: LoadBalancer): void => void named.set(it.name, it);
  return { service, ledger, use, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** What {@linkcode wiredHaproxy} can be told. */
export interface WiredOptions {
  readonly mode: "directory" | "crt-list";
  /** With a frontend for tls-alpn-01; true unless told. */
  readonly alpn?: boolean;
  /** Further parameters of the URL. */
  readonly more?: (root: string) => Readonly<Record<string, string>>;
  /** What is done to the lines before HAProxy gets them. */
  readonly edit?: (lines: string) => string;
  /** Parameters of the URL that are replaced or added, after HAProxy was started on the lines of the right ones. */
  readonly changes?: (root: string) => Readonly<Record<string, string>>;
}

/** A HAProxy on its lines. */
export interface Wired extends AsyncDisposable {
  readonly root: string;
  readonly lines: string;
  /** What `haproxy -c` said of them. */
  readonly output: string;
  readonly config: HaproxyConfig;
  readonly url: string;
  check(): Promise<readonly WiringPart[]>;
  readonly events: readonly Event[];
  /** All that a check could leave behind, as one text. */
  traces(): Promise<string>;
}

/** Prints the lines, has HAProxy test them, and starts it on them. */
export async function wiredHaproxy(options: WiredOptions): Promise<Wired> {
  await using parts = new AsyncDisposableStack();
  const root = parts.use(tempDir()).path;
  const [tls, http, answers] = [freePort(), freePort(), { hostname: "127.0.0.1", port: freePort() }];
  const url = urlOf(root, options, { tls, http });
  const name = `test/${tls}`; // of its own: abstract sockets are shared by all
  const events: Event[] = [];
  const emit = { emit: (it: Event) => void events.push(it) };
  const config = parseHaproxy(name, url);
  const tools = { clock: systemClock, events: emit, answers };
  await Deno.mkdir(`${root}/certs`);
  await preparePlaces(config, tools);
  const over = parts.use(checking([haproxyBalancer(config, tools)], answers));
  const lines = await over.service.wiring(name, CALL) ?? "";
  const used = options.edit?.(lines) ?? lines;
  await Deno.writeTextFile(`${root}/haproxy.cfg`, used);
  const output = await tested(`${root}/haproxy.cfg`);
  const process = parts.use(start("haproxy", { args: ["-db", "-f", `${root}/haproxy.cfg`] }));
  await Promise.race([
    until("HAProxy", async () => (await listening(tls) || await listening(http)) && await socketIsUp(config, used)),
    process.exit.then((code) => Promise.reject(new Error(`HAProxy ended with ${code}: ${process.output()}`))),
  ]);
  const changed = withParameters(url, options.changes?.(root) ?? {});
  over.use(haproxyBalancer(parseHaproxy(name, changed), tools));
  const owned = parts.move();
  return {
    root,
    lines,
    output,
    config,
    url: changed,
    events,
    check: async () => await over.service.check(name, CALL) ?? [],
    traces: () => tracesOf(root, over.ledger),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** HAProxy opens its sockets after its ports. */
async function socketIsUp({ socket }: HaproxyConfig, lines: string): Promise<boolean> {
  if (!lines.includes("stats socket") || socket.transport !== "unix") return true;
  return (await askSocket(socket.path, "show info")).includes("\nPid: ");
}

/** What `haproxy -c` says of a file that it takes. */
export async function tested(file: string): Promise<string> {
  await using process = start("haproxy", { args: ["-c", "-f", file] });
  const code = await process.exit;
  if (code !== 0) throw new Error(`HAProxy refuses ${file}: ${process.output()}\n${await Deno.readTextFile(file)}`);
  return process.output();
}

/** The URL with other parameters. */
export function withParameters(url: string, changes: Readonly<Record<string, string>>): string {
  const [where, query] = url.split("?");
  const parameters = new URLSearchParams(query);
  for (const [key, value] of Object.entries(changes)) parameters.set(key, value);
  return `${where}?${parameters}`;
}

/** The lines without those under the headings that name the part. */
export function withoutPart(lines: string, part: string): string {
  const sections = lines.split(/^(?=# --- )/m);
  const left = sections.filter((it) => !partsIn(it).includes(part));
  if (left.length === sections.length) throw new Error(`there is no part ${part} in:\n${lines}`);
  return left.join("");
}

/** The parts that the headings name, in order. */
export function partsIn(lines: string): readonly string[] {
  return [...lines.matchAll(/^# --- (.+) ---$/gm)].flatMap(([, names = ""]) => names.split(", "));
}

function urlOf(
  root: string,
  { mode, alpn = true, more }: WiredOptions,
  { tls, http }: { readonly tls: number; readonly http: number },
): string {
  const query = new URLSearchParams({
    ...mode === "directory" ? { certs: `${root}/certs` } : { certs: `${root}/certs.list`, store: `${root}/certs` },
    ...alpn ? { challenges: `${root}/challenges.list` } : {},
    probe: `127.0.0.1:${tls}`,
    http: `127.0.0.1:${http}`,
    ...more?.(root),
  });
  return `haproxy+unix://${root}/admin.sock?${query}`;
}

/** Files with mode and text, what HAProxy has in memory, and the ledger. */
async function tracesOf(root: string, ledger: Ledger): Promise<string> {
  const memory: string[] = [];
  for (const command of ["show ssl cert", "show ssl crt-list"]) memory.push(await ask(`${root}/admin.sock`, command));
  for (const list of ["certs", "certs.list", "challenges.list"]) {
    memory.push(await ask(`${root}/admin.sock`, `show ssl crt-list -n ${root}/${list}`));
  }
  const entries = await ledger.list("", CALL);
  return JSON.stringify([filesIn(root), memory, entries.map((it) => it.key)], undefined, 1);
}

/** All files of a folder and below it, with mode, owner and text. */
export function filesIn(folder: string): readonly string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory, isFile }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return filesIn(path);
    const { mode, uid } = Deno.statSync(path);
    return [`${path} ${mode?.toString(8)} ${uid} ${isFile ? Deno.readTextFileSync(path) : ""}`];
  }).sort();
}

async function ask(path: string, command: string): Promise<string> {
  try {
    using connection = await Deno.connect({ transport: "unix", path });
    await connection.write(new TextEncoder().encode(`${command}\n`));
    return await new Response(connection.readable).text();
  } catch {
    return "no answer";
  }
}
