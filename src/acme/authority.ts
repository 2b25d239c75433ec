import { clockOffsetMs } from "../model/clock_offset.ts";
import { AcmeProblemError } from "../model/errors.ts";
import { isProblem } from "../model/problem.ts";
import type { AccountKey, AuthorityInfo, Call, CertificateAuthority, Clock, NewAccount } from "../ports.ts";
import { authorityAccount, type Wire } from "./account.ts";
import { directorySource } from "./directory.ts";
import { bindExternalAccount, type Payload } from "./jws.ts";
import { nonceSource } from "./new_nonce.ts";
import { noncePool } from "./nonces.ts";
import { askRenewalInfo } from "./renewal_info.ts";
import { deactivated, readLocation, usable } from "./read_account.ts";
import { signedPost } from "./signed.ts";
import { type AnswerNote, transport } from "./transport.ts";
import { urlPolicy } from "./url_policy.ts";

export type { AnswerNote };

/** What {@linkcode acmeAuthority} is made of. */
export interface AcmeAuthorityOptions {
  /** The CA's directory; also its name in the ledger. https, or http on loopback. */
  readonly directory: URL;
  /** Further hosts that the CA's URLs may name, `name` or `name:port` (`ACME_HOSTS`). */
  readonly hosts?: readonly string[];
  /** For a client that trusts a private root, or to count requests. */
  readonly fetch?: typeof fetch;
  /** Times nonces, waits and Retry-After. */
  readonly clock: Clock;
  /** Product and version, as RFC 8555 §6.1 demands. */
  readonly userAgent: string;
  /** Hears of every answer of the CA. Must not throw. */
  readonly onAnswer?: (note: AnswerNote) => void;
  /** Makes the signal that cuts one request off after so many milliseconds; `AbortSignal.timeout` unless told. */
  readonly deadline?: (ms: number) => AbortSignal;
}

/**
 * One ACME CA (RFC 8555) over HTTP. Sends nothing before it is asked to; the directory and the nonces are shared by all that
 * goes through it, so one is enough for a process.
 *
 * @throws {InputError} If the directory URL is not https and not on loopback.
 * @example
 * ```ts ignore
 * const authority = acmeAuthority({ directory: new URL("https://ca.example/directory"), clock, userAgent: "example/1.0" });
 * const account = authority.as(await authority.register(key, { contact: [], termsOfServiceAgreed: true }, call), key);
 * const order = await account.newOrder({ names: [parseDnsName("www.example.com")] }, call);
 * ```
 */
export function acmeAuthority(options: AcmeAuthorityOptions): CertificateAuthority {
  const wire = connect(options);
  return {
    directory: options.directory,
    about: async (call): Promise<AuthorityInfo> => (await wire.directory.get(call)).info,
    register: (key, request, call) => register(wire, key, request, call),
    find: (key, call) => find(wire, key, call),
    renewalInfo: (certId, call) => askRenewalInfo(wire, certId, call),
    async clockOffsetMs(call): Promise<number | undefined> {
      const answer = await wire.send({ method: "GET", url: options.directory, doing: "ask the CA for the time" }, call);
      return clockOffsetMs(answer.headers, answer.at);
    },
    as: (account, key) => authorityAccount(wire, account, key),
  };
}

function connect(options: AcmeAuthorityOptions): Wire {
  const { clock, fetch: given = fetch, deadline = (ms): AbortSignal => AbortSignal.timeout(ms) } = options;
  const urls = urlPolicy(options.directory, options.hosts);
  const send = transport({ ...options, fetch: given, deadline });
  const directory = directorySource({ url: options.directory, send, urls, clock });
  const nonces = noncePool(nonceSource(send, directory, clock), clock);
  return { send, post: signedPost({ send, nonces, directory, clock }), directory, urls };
}

async function register(wire: Wire, key: AccountKey, request: NewAccount, call: Call): Promise<URL> {
  const { contact, termsOfServiceAgreed, externalAccount } = request;
  const { resources: { newAccount } } = await wire.directory.get(call);
  return await ask(wire, key, "register with the CA", {
    ...(contact.length === 0 ? {} : { contact }),
    ...(termsOfServiceAgreed ? { termsOfServiceAgreed } : {}),
    ...(externalAccount === undefined
      ? {}
      : { externalAccountBinding: await bindExternalAccount(key, externalAccount, newAccount) }),
  }, call);
}

async function find(wire: Wire, key: AccountKey, call: Call): Promise<URL | undefined> {
  const { resources: { newAccount } } = await wire.directory.get(call);
  try {
    return await ask(wire, key, "look up the account", { onlyReturnExisting: true }, call);
  } catch (error) {
    if (!(error instanceof AcmeProblemError)) throw error;
    if (isProblem(error.problem, "accountDoesNotExist")) return undefined;
    // The request brought its own key and asked for nothing: Boulder so refuses an account that is deactivated.
    throw isProblem(error.problem, "unauthorized") ? deactivated(newAccount, error) : error;
  }
}

/** newAccount answers 201 or 200, both with the account's URL (RFC 8555 §7.3, §7.3.1). */
async function ask(wire: Wire, key: AccountKey, doing: string, payload: Payload, call: Call): Promise<URL> {
  const { resources: { newAccount } } = await wire.directory.get(call);
  const request = { url: newAccount, doing, signer: { key }, payload };
  return await wire.post(request, (answer) => readLocation(usable(answer), doing, wire.urls), call);
}
