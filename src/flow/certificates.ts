import { CHALLENGES } from "../model/challenge_type.ts";
import { type DnsName, nameSet } from "../model/dns_name.ts";
import { InputError, SidecarError } from "../model/errors.ts";
import type { AccountRecord, AuthorizationRecord, CertificateRecord, Intent, OrderRecord } from "../model/records.ts";
import { defaultSecretName } from "../model/secret_name.ts";
import { given } from "../model/shape.ts";
import { accountId } from "../ledger/records.ts";
import { readStoredBundle } from "../vault/certificate_secrets.ts";
import type { Call } from "../ports.ts";
import { readBundle } from "../x509/bundle.ts";
import { type OpenAccount, openAccount, registerAccount } from "./account.ts";
import { type Answers, isOpen } from "./answers.ts";
import { authorize } from "./authorize.ts";
import { deploy } from "./deploy.ts";
import { type Flights, flights } from "./flights.ts";
import { issue, knownRecords, requireRecords, resume } from "./issue.ts";
import type { FlowParts } from "./parts.ts";
import type { Preference, ProofParts } from "./proof.ts";
import type {
  Authorized,
  AuthorizeRequest,
  CertificateService,
  ExportedCertificate,
  HeldCertificate,
  IssueRequest,
  RegisterRequest,
  Registration,
} from "./service.ts";
import { type Turns, turns } from "./turns.ts";

/** An order whose certificate somebody waits for. */
export type Interrupted = OrderRecord & { readonly intent: Intent };

/** The service, and what the keeper needs of it beside. */
export interface Certificates extends CertificateService {
  /** Opens the account, and registers where the terms were agreed to by configuration; sends nothing if it is known. */
  openAccount(call: Call): Promise<void>;
  /** Brings a declared certificate about, with what it takes to prove its names without a person. */
  keep(intent: Intent, call: Call): Promise<HeldCertificate>;
  /** Orders for certificates that are not finished and do not wait for a person. */
  interrupted(call: Call): Promise<readonly Interrupted[]>;
  /** Goes on with such an order; one that is under way is joined. */
  resume(record: Interrupted, call: Call): Promise<HeldCertificate>;
  /** Swaps a held certificate into its balancers again. */
  redeploy(record: CertificateRecord, call: Call): Promise<HeldCertificate>;
  /** Resolves when nothing is under way any more. */
  landed(): Promise<void>;
}

/**
 * The house in action: commands and keeper come in here, and everything that is about the same names happens once and in turn.
 *
 * @param parts The ports and what the operator decided.
 * @param answers The answers to challenges that are up.
 * @param lifetime Ends all work.
 */
export function certificates(parts: FlowParts, answers: Answers, lifetime: AbortSignal): Certificates {
  return new Desk(parts, answers, flights(lifetime), turns());
}

class Desk implements Certificates {
  readonly #parts: FlowParts;
  readonly #answers: Answers;
  readonly #flights: Flights;
  readonly #turns: Turns;

  constructor(parts: FlowParts, answers: Answers, flights: Flights, turns: Turns) {
    this.#parts = parts;
    this.#answers = answers;
    this.#flights = flights;
    this.#turns = turns;
  }

  async registration(call: Call): Promise<Registration> {
    const { authority, records } = this.#parts;
    const account = (await records.accounts.get(accountId(authority.directory), call))?.value;
    return { directory: authority.directory, info: await authority.about(call), ...given("account", account) };
  }

  register(request: RegisterRequest, call: Call): Promise<AccountRecord> {
    return this.#flights.join("register", (own) => registerAccount(this.#parts, request, own), call);
  }

  authorize(request: AuthorizeRequest, call: Call): Promise<Authorized> {
    const { balancer, ...rest } = request;
    const name = this.#balancerFor(request, balancer);
    const resolved = { ...rest, ...given("balancer", name) };
    const flight = `authorize ${request.type} ${name} ${request.domain}`;
    return this.#flights.join(flight, async (own) => {
      await this.#checkBalancers(name === undefined ? [] : [name], own);
      const proof = await this.#proof(own);
      return await this.#turns.take(request.domain, () => authorize(proof, resolved, own), own);
    }, call);
  }

  async authorizations(call: Call): Promise<readonly AuthorizationRecord[]> {
    return (await this.#parts.records.authorizations.list(call)).map((entry) => entry.value);
  }

  get(request: IssueRequest, call: Call): Promise<HeldCertificate> {
    return this.#issue(request, async (proof, own) => {
      await requireRecords(proof, request.domains, own);
      return { links: await this.#links(proof, request.domains, own), first: "record" };
    }, call);
  }

  request(request: IssueRequest, call: Call): Promise<HeldCertificate> {
    return this.#issue(request, async (proof, own) => {
      const known = await knownRecords(proof, request.domains, own);
      const live = known.filter((it) => it.state === "validated" || isOpen(it, this.#parts.clock.now()));
      const links = request.balancers?.map((name) => this.#balancer(name)) ??
        await this.#links(proof, request.domains, own);
      return {
        links: links.length > 0 ? links : this.#onlyBalancer(),
        first: live.length === request.domains.length ? "record" : "automatic",
      };
    }, call);
  }

  async openAccount(call: Call): Promise<void> {
    await this.#account(call);
  }

  keep(intent: Intent, call: Call): Promise<HeldCertificate> {
    return this.#bringAbout(intent, { first: "automatic" }, call);
  }

  async interrupted(call: Call): Promise<readonly Interrupted[]> {
    const all = (await this.#parts.records.orders.list(call)).map((entry) => entry.value);
    return all.flatMap((it) => it.intent === undefined || it.step === "parked" ? [] : [{ ...it, intent: it.intent }]);
  }

  resume(record: Interrupted, call: Call): Promise<HeldCertificate> {
    const { intent } = record;
    return this.#fly(intent, async (own) => {
      const { orders, certificates } = this.#parts.records;
      const now = (await orders.get(record.id, own))?.value;
      const done = now === undefined ? (await certificates.get(intent.secretName, own))?.value : undefined;
      if (done !== undefined) return done; // somebody was faster
      const proof = await this.#proof(own);
      return await resume(proof, { ...now ?? record, intent }, this.#preference(intent, "automatic"), own);
    }, call);
  }

  async redeploy(record: CertificateRecord, call: Call): Promise<HeldCertificate> {
    await deploy(this.#parts, record, call);
    return await this.#held(record, call);
  }

  async certificates(call: Call): Promise<readonly HeldCertificate[]> {
    const all = (await this.#parts.records.certificates.list(call)).map((entry) => entry.value);
    const held = await Promise.all(all.map((record) => this.#held(record, call)));
    return held.sort((a, b) => a.record.intent.names[0] < b.record.intent.names[0] ? -1 : 1);
  }

  async certificate(subject: string, call: Call): Promise<HeldCertificate | undefined> {
    const wanted = subject.toLowerCase();
    const found = (await this.certificates(call)).filter((it) => it.record.intent.names[0] === wanted);
    // Two may have the same subject under different secret names: the newest is the one that is meant.
    return found.sort((a, b) => b.record.storedAt.getTime() - a.record.storedAt.getTime())[0];
  }

  async exportCertificate(subject: string, call: Call): Promise<ExportedCertificate | undefined> {
    const held = await this.certificate(subject, call);
    if (held === undefined) return undefined;
    const stored = await readStoredBundle(this.#parts.vault, held.record.intent.secretName, call);
    if (stored === undefined) return undefined;
    const { certificates: [certificate, ...chain], keyPem } = await readBundle(stored);
    return { subject: held.record.intent.names[0], certificate, chain: chain.join(""), privateKey: keyPem };
  }

  landed(): Promise<void> {
    return this.#flights.landed();
  }

  /** Finds out where the certificate shall be served, then brings it about. */
  async #issue(
    request: IssueRequest,
    decide: (proof: ProofParts, call: Call) => Promise<{ links: readonly string[]; first: Preference["first"] }>,
    call: Call,
  ): Promise<HeldCertificate> {
    const { domains, secretName, certType, keyType } = request;
    const { links, first } = await decide(await this.#proof(call), call);
    await this.#checkBalancers(links, call);
    const intent: Intent = {
      names: domains,
      keyType: keyType ?? this.#parts.settings.keyType,
      secretName: secretName ?? defaultSecretName(domains[0]),
      certType: certType ?? "fullchain",
      balancers: links,
    };
    return await this.#bringAbout(intent, { first }, call);
  }

  #bringAbout(intent: Intent, { first }: Pick<Preference, "first">, call: Call): Promise<HeldCertificate> {
    return this.#fly(intent, async (own) => {
      const proof = await this.#proof(own);
      return await issue(proof, intent, this.#preference(intent, first), own);
    }, call);
  }

  /** One flight an intent; two intents for the same names take turns, as a CA gives both the same order. */
  #fly(intent: Intent, work: (call: Call) => Promise<CertificateRecord>, call: Call): Promise<HeldCertificate> {
    const names = nameSet(intent.names);
    const { keyType, secretName, certType, balancers } = intent;
    const flight = ["issue", names, keyType, secretName, certType, ...balancers].join(" ");
    return this.#flights.join(flight, async (own) => {
      const record = await this.#turns.take(names, () => work(own), own);
      await deploy(this.#parts, record, own);
      return await this.#held(record, own);
    }, call);
  }

  async #proof(call: Call): Promise<ProofParts> {
    return { ...this.#parts, account: await this.#account(call), answers: this.#answers };
  }

  #account(call: Call): Promise<OpenAccount> {
    return this.#flights.join("account", (own) => openAccount(this.#parts, own), call);
  }

  #preference(intent: Intent, first: Preference["first"]): Preference {
    return { types: this.#parts.settings.challenges, ...given("balancer", intent.balancers[0]), first };
  }

  async #held(record: CertificateRecord, call: Call): Promise<HeldCertificate> {
    const { records } = this.#parts;
    const all = (await records.deployments.list(call)).map((entry) => entry.value);
    const known = (await records.authorizations.list(call)).map((entry) => entry.value);
    const provable = (name: DnsName): boolean => known.some((it) => it.name === name && CHALLENGES[it.type].automatic);
    return {
      record,
      deployments: all.filter((it) => it.secretName === record.intent.secretName),
      autoRenewable: record.intent.names.every(provable),
    };
  }

  /** The balancers that the names were authorized with. */
  async #links(proof: ProofParts, names: readonly DnsName[], call: Call): Promise<readonly string[]> {
    const known = await knownRecords(proof, names, call);
    return [...new Set(known.flatMap((record) => record.balancer ?? []))];
  }

  /** The balancer that answers a challenge: named, or the only one, or none where none is needed. */
  #balancerFor({ type }: AuthorizeRequest, named: string | undefined): string | undefined {
    if (named !== undefined) return this.#balancer(named);
    if (!CHALLENGES[type].automatic) return undefined;
    const [only, ...others] = this.#parts.balancers.keys();
    if (only !== undefined && others.length === 0) return only;
    if (only === undefined && !CHALLENGES[type].needsBalancer) return undefined;
    throw new InputError("linked_service", `--linked-service is required with --type=${type}`, this.#listed());
  }

  /** One that is set up wrongly is told before the CA hears of anything; one that is away may be back in time. */
  async #checkBalancers(names: readonly string[], call: Call): Promise<void> {
    const states = await Promise.allSettled(names.map((name) => this.#parts.balancers.get(name)?.state(call)));
    const reasons = states.flatMap((it) => it.status === "rejected" ? [it.reason as unknown] : []);
    const wrong = reasons.find((it) => it instanceof SidecarError && it.code === "BALANCER_CONFIG");
    if (wrong !== undefined) throw wrong;
  }

  #onlyBalancer(): readonly string[] {
    const all = [...this.#parts.balancers.keys()];
    if (all.length < 2) return all;
    throw new InputError("linked_service", "Several load balancers are configured", this.#listed());
  }

  /** A configured balancer by its name; the original wrote a service without a stack as `null/NAME`. */
  #balancer(name: string): string {
    const found = [name, name.replace(/^null\//, ""), `null/${name}`].find((it) => this.#parts.balancers.has(it));
    if (found !== undefined) return found;
    throw new InputError(
      "linked_service",
      `Linked service not found: ${JSON.stringify(name.slice(0, 80))}`,
      this.#listed(),
    );
  }

  #listed(): string {
    const all = [...this.#parts.balancers.keys()];
    return all.length > 0 ? `name one of ${all.join(", ")}` : "configure one with LOAD_BALANCERS";
  }
}
