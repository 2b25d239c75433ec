import type { Answer } from "./answer.ts";
import { account } from "./endpoints/account.ts";
import { authorization } from "./endpoints/authorization.ts";
import { certificate } from "./endpoints/certificate.ts";
import { challenge } from "./endpoints/challenge.ts";
import { finalize } from "./endpoints/finalize.ts";
import { keyChange } from "./endpoints/key_change.ts";
import { newAccount } from "./endpoints/new_account.ts";
import { newOrder } from "./endpoints/new_order.ts";
import { order } from "./endpoints/order.ts";
import { ordersList } from "./endpoints/orders_list.ts";
import { revoke } from "./endpoints/revoke.ts";
import type { Signed, SignedBy } from "./envelope.ts";
import type { Parts } from "./parts.ts";

/** What the path and query of a request say; the empty text where nothing. */
export interface Params {
  readonly id: string;
  readonly challenge: string;
  readonly alternate: string;
  readonly cursor: string;
}

/** A resource that is asked for by signed POST. */
export interface Route {
  /** In Hono's form. */
  readonly path: string;
  readonly by: SignedBy;
  readonly run: (parts: Parts, signed: Signed, params: Params) => Answer | Promise<Answer>;
}

/** Signed resources by name (RFC 8555 §7.1). */
export const ROUTES = {
  newAccount: { path: "/new-account", by: "jwk", run: newAccount },
  newOrder: { path: "/new-order", by: "kid", run: newOrder },
  revokeCert: { path: "/revoke", by: "either", run: revoke },
  keyChange: { path: "/key-change", by: "kid", run: keyChange },
  account: { path: "/account/:id", by: "kid", run: account },
  orders: { path: "/orders/:id", by: "kid", run: ordersList },
  order: { path: "/order/:id", by: "kid", run: order },
  finalize: { path: "/finalize/:id", by: "kid", run: finalize },
  authorization: { path: "/authorization/:id", by: "kid", run: authorization },
  challenge: { path: "/challenge/:id/:challenge", by: "kid", run: challenge },
  certificate: { path: "/certificate/:id/:alternate?", by: "kid", run: certificate },
} as const satisfies Record<string, Route>;

/** Resources that anybody may GET. */
export const OPEN = {
  directory: "/directory",
  newNonce: "/new-nonce",
  renewalInfo: "/renewal-info/:id",
  terms: "/terms",
} as const satisfies Record<string, string>;

/** Names of all resources, as the log and the faults know them. */
export type EndpointName = keyof typeof ROUTES | keyof typeof OPEN;

const PATHS: readonly (readonly [EndpointName, string])[] = [
  ...Object.entries(OPEN),
  ...Object.entries(ROUTES).map(([name, { path }]) => [name, path] as const),
] as readonly (readonly [EndpointName, string])[];

/** Of all resources. */
export const ENDPOINT_NAMES: readonly string[] = PATHS.map(([name]) => name);

/** The resource of a path; the first part of each is its own. */
export function endpointAt(target: string): EndpointName | undefined {
  const first = (path: string): string => /^\/[^/?]*/.exec(path)?.[0] ?? "";
  return PATHS.find(([, path]) => first(path) === first(target))?.[0];
}
