import type { ProblemDocument } from "../problem.ts";
import { type AuthorizationStatus, authorizationStatus, type OrderStatus, orderStatus } from "./machine.ts";
import type { Account, Authorization, Certificate, ChallengeState, Order } from "./types.ts";

/** All that the authority knows; gone with it. */
export interface Store {
  readonly accounts: ReadonlyMap<string, Account>;
  readonly authorizations: ReadonlyMap<string, Authorization>;
  readonly orders: ReadonlyMap<string, Order>;
  readonly certificates: ReadonlyMap<string, Certificate>;
  /** External account keys that have an account. */
  readonly boundAccounts: Set<string>;
  /** Keys that were compromised, as SubjectPublicKeyInfo. */
  readonly blockedKeys: Set<string>;
  /** Renewal information that somebody set, by certID. */
  readonly renewals: Map<string, string>;
  put(record: Kept): void;
  /** As if there had never been an account, an authorization or an order. */
  forgetAll(): void;
  /** The account of a key, in whatever state it is. */
  accountOf(thumbprint: string): Account | undefined;
  certificateOf(certId: string): Certificate | undefined;
  authorizationsOf(order: Order): readonly Authorization[];
  authorizationStatus(authorization: Authorization): AuthorizationStatus;
  orderStatus(order: Order): OrderStatus;
  /** Moves a challenge on. Nothing happens once its authorization is decided. */
  decide(authorization: string, challenge: string, state: ChallengeState): void;
  /** Why the order's authorizations failed; the first of them by name. */
  failureOf(order: Order): ProblemDocument | undefined;
}

/** What is kept, and in which drawer. */
export type Kept =
  | { readonly account: Account }
  | { readonly authorization: Authorization }
  | { readonly order: Order }
  | { readonly certificate: Certificate };

/** An empty store. */
export function makeStore(now: () => Date): Store {
  const accounts = new Map<string, Account>();
  const authorizations = new Map<string, Authorization>();
  const orders = new Map<string, Order>();
  const certificates = new Map<string, Certificate>();
  const find = (order: Order): readonly Authorization[] =>
    order.authorizations.map((id) => authorizations.get(id)).filter((it) => it !== undefined);
  return {
    accounts,
    authorizations,
    orders,
    certificates,
    boundAccounts: new Set(),
    blockedKeys: new Set(),
    renewals: new Map(),
    put(record): void {
      if ("account" in record) accounts.set(record.account.id, record.account);
      else if ("authorization" in record) authorizations.set(record.authorization.id, record.authorization);
      else if ("order" in record) orders.set(record.order.id, record.order);
      else certificates.set(record.certificate.id, record.certificate);
    },
    forgetAll: () => [accounts, authorizations, orders].forEach((it) => it.clear()),
    accountOf: (thumbprint) => accounts.values().find(({ key }) => key.thumbprint === thumbprint),
    certificateOf: (certId) => certificates.values().find((it) => it.certId === certId),
    authorizationsOf: find,
    authorizationStatus: (authorization) => authorizationStatus(authorization, now()),
    orderStatus: (order) => orderStatus(order, find(order), now()),
    decide(id, challenge, state): void {
      const authorization = authorizations.get(id);
      if (authorization === undefined || authorizationStatus(authorization, now()) !== "pending") return;
      const challenges = authorization.challenges.map((it) => it.id === challenge ? { ...it, state } : it);
      authorizations.set(id, { ...authorization, challenges });
    },
    failureOf: (order) =>
      find(order).flatMap(({ challenges }) => challenges)
        .flatMap(({ state }) => state.status === "invalid" ? [state.error] : [])[0],
  };
}
