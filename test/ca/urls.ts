/** Where everything is. */
export interface Urls {
  readonly origin: string;
  readonly directory: string;
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  readonly revokeCert: string;
  readonly keyChange: string;
  readonly renewalInfo: string;
  readonly terms: string;
  account(id: string): string;
  orders(account: string, cursor?: string): string;
  order(id: string): string;
  finalize(order: string): string;
  authorization(id: string): string;
  challenge(authorization: string, id: string): string;
  certificate(id: string, alternate?: number): string;
}

/** All URLs below an origin such as `http://127.0.0.1:14000`. */
export function urlsBelow(origin: string): Urls {
  return {
    origin,
    directory: `${origin}/directory`,
    newNonce: `${origin}/new-nonce`,
    newAccount: `${origin}/new-account`,
    newOrder: `${origin}/new-order`,
    revokeCert: `${origin}/revoke`,
    keyChange: `${origin}/key-change`,
    renewalInfo: `${origin}/renewal-info`,
    terms: `${origin}/terms`,
    account: (id) => `${origin}/account/${id}`,
    orders: (account, cursor) => `${origin}/orders/${account}${cursor === undefined ? "" : `?cursor=${cursor}`}`,
    order: (id) => `${origin}/order/${id}`,
    finalize: (order) => `${origin}/finalize/${order}`,
    authorization: (id) => `${origin}/authorization/${id}`,
    challenge: (authorization, id) => `${origin}/challenge/${authorization}/${id}`,
    certificate: (id, alternate = 0) => `${origin}/certificate/${id}${alternate === 0 ? "" : `/${alternate}`}`,
  };
}
