/**
 * An ACME client by hand: requests are signed with node:crypto, byte for byte as the test wants them, and nothing of the
 * product or of jose takes part.
 *
 * @module
 */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** Makes a key for requests. */
export const MAKE_KEY = {
  ES256: (): KeyObject => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
  ES384: (): KeyObject => generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey,
  RS256: (): KeyObject => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
} as const;

/** JWS algorithms. */
export type Alg = keyof typeof MAKE_KEY;

/** What is wrong on purpose. */
export interface Odd {
  /** The protected header in place of the right one. */
  readonly header?: (right: Record<string, unknown>) => Record<string, unknown>;
  /** The body in place of the right one. */
  readonly body?: (right: Record<string, string>) => unknown;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  /** Signs in place of the account's key. */
  readonly key?: KeyObject;
}

/** An answer. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  /** Text, as it came. */
  readonly text: string;
  /** Parsed; an empty object where it is not JSON. */
  // deno-lint-ignore no-explicit-any -- a test looks into it as it likes
  readonly json: any;
  /** The last part of the problem's type. */
  readonly problem: string;
}

/** A client of one CA with one key. */
export interface ByHand {
  readonly key: KeyObject;
  readonly directory: Record<string, string>;
  /** Set by {@linkcode ByHand.register}. */
  readonly account: string;
  nonce(): Promise<string>;
  /** A signed POST; undefined as payload is POST-as-GET. */
  post(url: string, payload?: unknown, odd?: Odd): Promise<Reply>;
  register(payload?: Record<string, unknown>, odd?: Odd): Promise<Reply>;
}

/** Makes a client; it asks for the directory. */
export async function byHand(directory: URL, options: { alg?: Alg; fetch?: typeof fetch } = {}): Promise<ByHand> {
  const { alg = "ES256", fetch: send = fetch } = options;
  const key = MAKE_KEY[alg]();
  const resources = await (await send(directory)).json() as Record<string, string>;
  let account = "";
  const nonce = async (): Promise<string> => {
    const response = await send(resources.newNonce!, { method: "HEAD" });
    await response.body?.cancel();
    return response.headers.get("replay-nonce")!;
  };
  const post = async (url: string, payload?: unknown, odd: Odd = {}): Promise<Reply> => {
    const by = account === "" ? { jwk: jwkOf(key) } : { kid: account };
    const right = { alg, nonce: await nonce(), url, ...by };
    const { header = (it: Record<string, unknown>) => it, body = (it: Record<string, string>) => it } = odd;
    const jws = signed(odd.key ?? key, header(right), payload === undefined ? "" : JSON.stringify(payload));
    const sent = body(jws);
    return await read(
      await send(url, {
        method: odd.method ?? "POST",
        headers: { "content-type": odd.contentType ?? "application/jose+json", ...odd.headers },
        body: typeof sent === "string" ? sent : JSON.stringify(sent),
      }),
    );
  };
  return {
    key,
    directory: resources,
    get account(): string {
      return account;
    },
    nonce,
    post,
    async register(payload = { termsOfServiceAgreed: true }, odd = {}): Promise<Reply> {
      const reply = await post(resources.newAccount!, payload, odd);
      if (reply.status < 300) account = reply.headers.get("location")!;
      return reply;
    },
  };
}

/** A flattened JWS (RFC 7515 §7.2.2). */
export function signed(key: KeyObject, header: Record<string, unknown>, payload: string): Record<string, string> {
  const parts = { protected: base64url(JSON.stringify(header)), payload: base64url(payload) };
  const hash = header.alg === "ES384" ? "sha384" : "sha256";
  const input = new TextEncoder().encode(`${parts.protected}.${parts.payload}`);
  const signature = sign(hash, input, { key, dsaEncoding: "ieee-p1363" });
  return { ...parts, signature: base64url(signature) };
}

/** The public key with the members in their own order. */
export function jwkOf(key: KeyObject): Record<string, string> {
  const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...jwk } = key.export({ format: "jwk" });
  return jwk as Record<string, string>;
}

/** Without padding. */
export function base64url(data: string | Uint8Array): string {
  return Buffer.from(data).toString("base64url");
}

async function read(response: Response): Promise<Reply> {
  const text = await response.text();
  const { status, headers } = response;
  const isJson = headers.get("content-type")?.includes("json") ?? false;
  const json = isJson && text !== "" ? JSON.parse(text) : {};
  return { status, headers, text, json, problem: String(json.type ?? "").split(":").at(-1)! };
}
