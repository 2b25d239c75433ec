import type { Parts } from "../parts.ts";
import type { EndpointName } from "../routes.ts";
import type { IssueRequest } from "../x509/issuer.ts";
import type { Interference, Met } from "./hooks.ts";
import type { OptionReader } from "./options.ts";

/** Where a fault strikes: a resource, the making of a certificate, or any request. */
export type Place = EndpointName | "issuance" | "any";

/** A request that a fault of the catalogue meets. */
export interface Scene extends Met {
  readonly parts: Parts;
}

type Maybe<T> = T | undefined | Promise<T | undefined>;

/** What a fault does, and when; each step may be left out. */
export interface Strike {
  /** Before the request is read: no nonce is used, nothing happened. */
  readonly arrive?: (scene: Scene) => Maybe<Interference>;
  /** The request was believed, and nothing done yet. */
  readonly before?: (scene: Scene) => Maybe<Interference>;
  /** It was done: this is what would be said of it. */
  readonly after?: (response: Response, scene: Scene) => Interference | Promise<Interference>;
  /** The answer goes out. */
  readonly leave?: (response: Response, scene: Scene) => Interference | Promise<Interference>;
  /** Another certificate than was asked for. */
  readonly issue?: (request: IssueRequest, parts: Parts) => IssueRequest | Promise<IssueRequest>;
}

/** One entry of the catalogue. */
export interface FaultKind {
  /** What goes wrong, a sentence without a period. */
  readonly about: string;
  /** Where it strikes unless told. */
  readonly at: readonly Place[];
  /** Its own options, and what they mean. */
  readonly options: Readonly<Record<string, string>>;
  /** Makes one; it may keep what it saw. */
  readonly make: (options: OptionReader) => Strike;
}
