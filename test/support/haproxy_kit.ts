/**
 * The adapter on a HAProxy of its own, and what is looked at after it was used.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type Bundle, bundlePem } from "../../src/model/certificate.ts";
import { parseDnsName } from "../../src/model/dns_name.ts";
import { type ErrorCode, SidecarError } from "../../src/model/errors.ts";
import type { Call, Event, LoadBalancer } from "../../src/ports.ts";
import { haproxyBalancer } from "../../plugin/haproxy/balancer.ts";
import { parseHaproxy } from "../../plugin/haproxy/url.ts";
import { probe } from "../../plugin/net/tls_probe.ts";
import { fakeClock } from "./fake_clock.ts";
import { CALL } from "./fakes.ts";
import { type HaproxyOptions, startHaproxy, type TestHaproxy } from "./haproxy.ts";
import { type TapAnswer, tapSocket } from "./haproxy_tap.ts";
import { testPki } from "./pki.ts";
import { has } from "./process.ts";

/** Whom the certificates are from. */
export const PKI = testPki();
/** The name that is used where any will do, and the file of its certificate. */
export const NAME = parseDnsName("a.example.com");
export const FILE = "LE_CERTIFICATE_a_example_com.pem";

/** A certificate for the names. */
export const issue = (...names: readonly string[]): Bundle => PKI.issue([names[0] ?? NAME, ...names.slice(1)]);

/** What HAProxy begins with, where it has a certificate for {@linkcode NAME} already. */
export const OLD = issue(NAME);
export const WITH_OLD: HaproxyOptions = { files: { [FILE]: bundlePem(OLD) } };

/** A HAProxy and adapters for it. */
export interface Kit {
  readonly haproxy: TestHaproxy;
  readonly lb: LoadBalancer;
  readonly events: readonly Event[];
  /** Another adapter for the same HAProxy: with changed parameters, or over another socket. */
  other(changes?: Readonly<Record<string, string>>, socket?: string): LoadBalancer;
}

/** A test with a kit of its own. */
export function test(name: string, options: HaproxyOptions, run: (kit: Kit) => Promise<void>): void {
  Deno.test({
    name: `${name} [needs haproxy]`,
    ignore: !has("haproxy"),
    fn: () => withKit(options, run),
  });
}

/** Starts HAProxy for the time of `run`. */
export async function withKit(options: HaproxyOptions, run: (kit: Kit) => Promise<void>): Promise<void> {
  await using haproxy = await startHaproxy(options);
  const events: Event[] = [];
  const clock = {
    ...fakeClock(),
    sleep: (ms: number, _: Call) => new Promise<void>((done) => setTimeout(done, ms)),
  };
  const other: Kit["other"] = (changes = {}, socket = haproxy.socket) => {
    const url = haproxy.url(changes).replace(haproxy.socket, socket);
    return haproxyBalancer(parseHaproxy("lb", url), { clock, events: { emit: (it) => events.push(it) } });
  };
  await run({ haproxy, lb: other(), events, other });
}

/** An adapter whose commands pass a tap. */
export async function tapped(
  { haproxy, other }: Kit,
  before: (command: string) => Promise<TapAnswer> | TapAnswer,
  run: (lb: LoadBalancer) => Promise<void>,
): Promise<readonly string[]> {
  await using tap = tapSocket(`${haproxy.layout.root}/tap.sock`, haproxy.socket, before);
  await run(other({}, tap.path));
  return tap.commands;
}

/** Does something the first time a command begins like that. */
export function once(
  start: string,
  run: () => Promise<TapAnswer | void> | TapAnswer | void,
): (command: string) => Promise<TapAnswer> {
  let done = false;
  return async (command) => {
    if (done || !command.startsWith(start)) return undefined;
    done = true;
    return await run() ?? undefined;
  };
}

/** Which certificate a new connection sees. */
export async function fingerprintOf(haproxy: TestHaproxy, name: string = NAME): Promise<string> {
  return (await probe({ hostname: "127.0.0.1", port: haproxy.httpsPort }, { serverName: name }, CALL)).fingerprint;
}

/** Expects an error of that class with these words, and no PEM in it. */
export async function rejection(run: () => Promise<unknown>, code: ErrorCode, part = ""): Promise<SidecarError> {
  const error = await assertRejects(run, SidecarError, part);
  assertEquals(error.code, code, error.message);
  assertEquals(/[A-Za-z0-9+]{48}/.test(error.message), false, "a PEM is quoted");
  return error;
}

/** A file, or undefined where there is none. */
export function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

/** What lies in a folder. */
export function entries(path: string): readonly string[] {
  try {
    return [...Deno.readDirSync(path)].map((entry) => entry.name);
  } catch {
    return []; // there is no such folder
  }
}

/** Opens a transaction for the file as another client would, and leaves it open. */
export function set(haproxy: TestHaproxy, file: string, bundle: Bundle): Promise<string> {
  return haproxy.ask(`set ssl cert ${haproxy.certs}/${file} <<\n${bundlePem(bundle)}`);
}

/** What must be so after everything: no transaction, nothing staged, a configuration that HAProxy takes. */
export async function atRest(haproxy: TestHaproxy): Promise<void> {
  assertEquals((await haproxy.ask("show ssl cert")).includes("# transaction"), false);
  assertEquals((await haproxy.check()).code, 0);
  for (const folder of [haproxy.certs, haproxy.layout.root]) assertEquals(entries(`${folder}/.staging`), []);
}

/** The former certificate is served and on disk, by the process that was there. */
export async function untouched({ haproxy }: Kit): Promise<void> {
  assertEquals(await fingerprintOf(haproxy), OLD.facts.fingerprint);
  assertEquals(read(`${haproxy.certs}/${FILE}`), bundlePem(OLD));
  assertStringIncludes(await haproxy.ask("show info"), `\nPid: ${haproxy.pid}\n`);
  await atRest(haproxy);
}

/** The bundle is served, alone on disk, and goes on being served after a reload. */
export async function servedForGood({ haproxy }: Kit, bundle: Bundle, file = FILE): Promise<void> {
  assertEquals(await fingerprintOf(haproxy, bundle.facts.subject), bundle.facts.fingerprint);
  assertEquals(read(`${haproxy.certs}/${file}`), bundlePem(bundle));
  await atRest(haproxy);
  await haproxy.reload();
  assertEquals(await fingerprintOf(haproxy, bundle.facts.subject), bundle.facts.fingerprint);
}
