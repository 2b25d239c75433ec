import type { DnsName } from "../model/dns_name.ts";
import type { Authorization, Order } from "../model/order.ts";
import type { Asked } from "../model/rate_scope.ts";
import { given } from "../model/shape.ts";
import type { AccountKey, AuthorityAccount, Call, CertificateAuthority, NewAccount, NewOrder } from "../ports.ts";
import { type LimitedOptions, RateDesk } from "./rate_desk.ts";

export type { LimitedOptions };

/**
 * A CA that is not asked too much: a request that its limits would refuse, or that comes before the time that it asked us to
 * wait for, is refused here, with a `RateLimitedError` that says when to go on. What was taken is written down before the CA is
 * asked and holds over restarts; what the CA says is learned from. One for each CA and ledger is enough, and no more are right.
 *
 * @param authority The CA itself.
 */
export function limitedAuthority(authority: CertificateAuthority, options: LimitedOptions): CertificateAuthority {
  const desk = new RateDesk(authority.directory, options);
  return {
    directory: authority.directory,
    about: (call) => desk.ask({ endpoint: "directory" }, call, () => authority.about(call)),
    register(key: AccountKey, request: NewAccount, call: Call): Promise<URL> {
      const question = { ask: "register", names: [] } as const;
      return desk.take({ endpoint: "newAccount" }, question, call, () => authority.register(key, request, call));
    },
    find: (key, call) => desk.ask({ endpoint: "newAccount" }, call, () => authority.find(key, call)),
    renewalInfo: (certId, call) =>
      desk.ask({ endpoint: "renewalInfo" }, call, () => authority.renewalInfo(certId, call)),
    clockOffsetMs: (call) => desk.ask({ endpoint: "directory" }, call, () => authority.clockOffsetMs(call)),
    as(url: URL, key: AccountKey): AuthorityAccount {
      const account = authority.as(url, key);
      return { ...limitedAccount(desk, account, false), insisting: limitedAccount(desk, account, true) };
    },
  };
}

/** @param insists Limits of our own are passed over; what the CA asked us to wait for is not. */
function limitedAccount(desk: RateDesk, inner: AuthorityAccount, insists: boolean): AuthorityAccount {
  const account = inner.url;
  const about = (endpoint: Asked["endpoint"], names?: readonly DnsName[]): Asked => ({
    endpoint,
    account,
    ...given("names", names),
  });
  return {
    url: account,
    read: (call) => desk.ask(about("account"), call, () => inner.read(call)),
    update: (change, call) => desk.ask(about("account"), call, () => inner.update(change, call)),
    deactivate: (call) => desk.ask(about("account"), call, () => inner.deactivate(call)),
    changeKey: (newKey, call) => desk.ask(about("keyChange"), call, () => inner.changeKey(newKey, call)),
    async newOrder(request: NewOrder, call: Call): Promise<Order> {
      const { names } = request;
      await desk.open(call);
      const renewal = request.replaces !== undefined ? "replaces" : desk.orders.renewalOf(names);
      const question = { ask: "newOrder", account, names, ...given("renewal", renewal) } as const;
      const send = (): Promise<Order> => inner.newOrder(request, call);
      const order = await desk.take(about("newOrder", names), question, call, send, insists);
      if (renewal !== undefined) await desk.orders.noteRenewal(order, renewal, call);
      return order;
    },
    async *orders(call: Call): AsyncIterable<URL> {
      const all = inner.orders(call)[Symbol.asyncIterator]();
      while (true) {
        const next = await desk.ask(about("orders"), call, () => all.next());
        if (next.done) return;
        yield next.value;
      }
    },
    order: (url, call) => desk.ask(about("order"), call, () => inner.order(url, call)),
    async authorization(url: URL, call: Call): Promise<Authorization> {
      const found = await desk.ask(about("authorization"), call, () => inner.authorization(url, call));
      await desk.seen(account, found, call);
      return found;
    },
    respond(challenge: URL, call: Call): ReturnType<AuthorityAccount["respond"]> {
      const question = { ask: "respond", account, names: desk.namesOf(challenge) } as const;
      return desk.take(about("challenge"), question, call, () => inner.respond(challenge, call), insists);
    },
    finalize(order: Order, csr: Uint8Array<ArrayBuffer>, call: Call): Promise<Order> {
      return desk.finalize(
        about("finalize", order.names),
        order,
        call,
        () => inner.finalize(order, csr, call),
        insists,
      );
    },
    certificate: (url, call) => desk.ask(about("certificate"), call, () => inner.certificate(url, call)),
    revoke: (certificate, reason, call) =>
      desk.ask(about("revokeCert"), call, () => inner.revoke(certificate, reason, call)),
  };
}
