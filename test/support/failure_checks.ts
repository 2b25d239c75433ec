/**
 * What holds after every failure case, whatever it was.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { assert, assertEquals } from "@std/assert";
import type { ErrorCode } from "../../src/model/errors.ts";
import { certificateSecrets } from "../../src/model/secret_name.ts";
import type { Candidate, Event, SecretWrite, Vault } from "../../src/ports.ts";
import type { World, WorldOptions } from "./failure_world.ts";
import { CALL } from "./fakes.ts";

/** What has to be true after a failure. */
export interface Expected {
  /** The class that an event tells; none where nothing failed. */
  readonly code?: ErrorCode;
  /** Found in that event's text. */
  readonly says?: RegExp;
}

/** What was played so far. */
export interface Played {
  readonly options: WorldOptions;
  /** Lines of private keys that were written. */
  readonly secrets: readonly string[];
  readonly events: readonly Event[];
  readonly served: Candidate | undefined;
}

/** Key and certificate match, Retry-After was kept, nothing secret is told, and the failure's class is. */
export async function checkAlways(played: Played, world: World, { code, says }: Expected): Promise<void> {
  await checkPairs(played, world);
  checkPatience(world);
  await checkSecrets(played, world);
  const told = world.events.filter(({ level, name }) => level === "error" || name === "certificate.waits");
  if (code === undefined) return assertEquals(told, []);
  const found = told.filter(({ fields }) => fields?.["code"] === code);
  assert(found.length > 0, `no event tells ${code}: ${shownEvents(played)}`);
  if (says !== undefined) assert(found.some(({ text }) => says.test(text)), `${says}: ${shownEvents(played)}`);
}

/** Key and certificate belong together, in the vault and where they are served; the balancer may be a step behind. */
async function checkPairs({ served }: Played, { vault, intent }: World): Promise<void> {
  if (served === undefined) return;
  const names = certificateSecrets(intent.secretName);
  const read = async (name: keyof typeof names): Promise<string> => (await vault.read(names[name], CALL))?.value ?? "";
  const [bundle, key, certificate] = [await read("bundle"), await read("privateKey"), await read("certificate")];
  const { certificates: [leaf], keyPem } = served.bundle; // a balancer that refused has the pair before
  for (const [pem, its] of [[bundle, key], [certificate, key], [leaf, keyPem]] as const) {
    assert(new X509Certificate(pem).checkPrivateKey(createPrivateKey(its)), "key and certificate do not match");
  }
  assert(bundle.includes(key.trim()), "the bundle has another key");
}

/** After 429 and 503 the same is not asked before Retry-After; after other answers a minute is enough. */
function checkPatience({ log }: World): void {
  const until = new Map<string, number>();
  for (const { endpoint = "?", at, retryAfter, status, path } of log()) {
    const binding = status === 429 || status === 503;
    const resource = binding ? endpoint : path;
    const notBefore = Math.max(until.get(endpoint) ?? 0, until.get(path) ?? 0);
    assert(
      at.getTime() >= notBefore,
      `${endpoint} was asked at ${at.toISOString()}, before ${new Date(notBefore).toISOString()}`,
    );
    const seconds = /^\d+$/.test(retryAfter ?? "")
      ? Number(retryAfter)
      : (Date.parse(retryAfter ?? "") - at.getTime()) / 1000;
    const most = binding ? 30 * 86_400 : 60;
    if (seconds > 0) until.set(resource, at.getTime() + Math.min(seconds, most) * 1000 - 1_000); // headers have seconds
  }
}

/** No private key, MAC key or token of the vault in anything that is told. */
async function checkSecrets({ secrets, events, options }: Played, { records, authority }: World): Promise<void> {
  const attempts = (await records.attempts.list(CALL)).map(({ value }) => value);
  const told = JSON.stringify([events, attempts, authority.log]);
  assert(!told.includes("PRIVATE KEY"), "a private key is told");
  const external = await options.settings?.externalAccount?.();
  for (const secret of [...secrets, ...(external === undefined ? [] : [external.hmacKey])]) {
    assert(!told.includes(secret), "a secret is told");
  }
}

/** Remembers what is secret in what is written. */
export function listening(vault: Vault, secrets: string[]): Vault {
  return {
    ...vault,
    write: (writes: readonly SecretWrite[], call) => {
      const keys = writes.flatMap(({ value }) => value.match(/-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]+/g) ?? []);
      // The first two lines of a key have its secret part, the others may have the public one.
      secrets.push(...keys.flatMap((key) => key.split("\n").slice(1, 3)));
      return vault.write(writes, call);
    },
  };
}

/** All events, a line each. */
export function shownEvents({ events }: Played): string {
  return events.map(({ level, name, text, fields }) => `${level} ${name} ${fields?.["code"] ?? ""} ${text}`).join("\n");
}
