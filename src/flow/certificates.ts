import type { Target } from "../model/balancer_plan.ts";
import { answered, byHand } from "../model/by_hand.ts";
import { CHALLENGES } from "../model/challenge_type.ts";
import { type DnsName, nameSet } from "../model/dns_name.ts";
import { OrderParkedError } from "../model/errors.ts";
import type {
  AccountRecord,
  AuthorizationRecord,
  CertificateRecord,
  DeploymentRecord,
  Intent,
  OrderRecord,
} from "../model/records.ts";
import { nextRenewal } from "../model/plan.ts";
import { drawOf, type RenewalRecord } from "../model/renewal_record.ts";
import type { RevocationReason } from "../model/revocation.ts";
import { certificateSecrets, defaultSecretName, type SecretName } from "../model/secret_name.ts";
import { given } from "../model/shape.ts";
import { twinFor } from "../model/twins.ts";
import { accountId, deploymentId } from "../ledger/records.ts";
import { readStoredBundle } from "../vault/certificate_secrets.ts";
import type { Call } from "../ports.ts";
import { readBundle } from "../x509/bundle.ts";
import { forgetLostAccount, type OpenAccount } from "./account.ts";
import { type AccountDesk, accountDesk } from "./account_desk.ts";
import { type Answers, isOpen } from "./answers.ts";
import { acceptAside, asideOf, clearAside } from "./aside.ts";
import { authorize } from "./authorize.ts";
import { authorizationsByName, claimAwaited, putAnswered, recordsSeen, tellSeen, wish } from "./by_hand.ts";
import { closureOf } from "./closure.ts";
import { balancerFor, balancersNamed, checkBalancers, onlyBalancer } from "./choose_balancer.ts";
import { deploy } from "./deploy.ts";
import { restore } from "./restore.ts";
import { explainCertificate } from "./explain.ts";
import { type Flights, flights } from "./flights.ts";
import { type ForeignCertificate, judgeForeign, readForeign, storeForeign } from "./import.ts";
import { issue, knownRecords, requireRecords, resume } from "./issue.ts";
import type { FlowParts } from "./parts.ts";
import type { Preference, ProofParts } from "./proof.ts";
import { releaseNames } from "./quarantine.ts";
import { removeAuthorization, removeCertificates, takeOutOf } from "./remove.ts";
import { resting } from "./resting.ts";
import { checkRevocable, isRevocable, revokeCertificate } from "./revoke.ts";
import type {
  AccountStatus,
  Authorized,
  AuthorizeRequest,
  CertificateService,
  ExplainedCertificate,
  ExportedCertificate,
  HeldCertificate,
  HeldRenewal,
  ImportRequest,
  IssueRequest,
  RegisterRequest,
  Registration,
} from "./service.ts";
import { deployStandIn } from "./stand_in.ts";
import { type Turns, turns } from "./turns.ts";
import { checkTwin, noteTwinFailure, twinStates, waitingTwin } from "./twins.ts";

/** An order whose certificate somebody waits for. */
export type Interrupted = OrderRecord & { readonly intent: Intent };

/** A certificate at a balancer. */
export interface Place {
  /** The balancer's name. */
  readonly balancer: string;
  /** The base of the certificate's secrets. */
  readonly secretName: SecretName;
}

/** The service, and what the keeper needs of it beside. */
export interface Certificates extends CertificateService {
  /** Opens the account, and registers where the terms were agreed to by configuration; sends nothing if it is known. */
  openAccount(call: Call): Promise<void>;
  /**
   * Brings a declared certificate about, with what it takes to prove its names without a person. Where it `insists`, limits that
   * we count ourselves are passed over: what serves now is revoked.
   */
  keep(intent: Intent, call: Call, manner?: { readonly insists: boolean }): Promise<HeldCertificate>;
  /**
   * Gets a certificate in the place of the person who has authorized its names, once DNS shows all records; the CA hears of
   * nothing before. The person's own `get` is then answered with it.
   *
   * @returns Undefined where records are missing.
   */
  finish(intent: Intent, call: Call): Promise<HeldCertificate | undefined>;
  /** Orders for certificates that are not finished and do not wait for a person. */
  interrupted(call: Call): Promise<readonly Interrupted[]>;
  /** Goes on with such an order; one that is under way is joined. */
  resume(record: Interrupted, call: Call): Promise<HeldCertificate>;
  /** Swaps a held certificate into its balancers again. */
  redeploy(record: CertificateRecord, call: Call): Promise<HeldCertificate>;
  /** Removes a second kind that nobody wants any more, from the balancers first. */
  endTwin(record: CertificateRecord, call: Call): Promise<void>;
  /**
   * Swaps what is held now into one balancer, in turn with all else that is done to the certificate there.
   *
   * @param since What was swapped in since then is left alone.
   * @returns What the balancer does with it; undefined where nothing is held for it any more.
   */
  serve(at: Place, since: Date, call: Call): Promise<DeploymentRecord | undefined>;
  /** Swaps an earlier version into one balancer that has refused the newest, in the same turn; that stays held. */
  serveStandIn(balancer: string, target: Target, call: Call): Promise<DeploymentRecord | undefined>;
  /**
   * Puts back into one balancer what it has served before, where it has the ability.
   *
   * @returns What is in its place again, and still to be proven; all else is left to `serve`.
   */
  restore(balancer: string, targets: readonly Target[], call: Call): Promise<ReadonlySet<SecretName>>;
  /** Takes out of one balancer what is not held any more; nothing happens where it is held after all. */
  withdraw(at: Place, call: Call): Promise<void>;
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
  /** The account, for work that nobody waits for. */
  readonly #unattended: (call: Call) => Promise<OpenAccount>;
  readonly #desk: AccountDesk;

  constructor(parts: FlowParts, answers: Answers, flights: Flights, turns: Turns) {
    this.#parts = parts;
    this.#answers = answers;
    this.#flights = flights;
    this.#turns = turns;
    this.#unattended = resting(parts.clock, (call) => this.#account(call));
    this.#desk = accountDesk(parts, answers, turns);
  }

  async registration(call: Call): Promise<Registration> {
    const { authority, records } = this.#parts;
    const account = (await records.accounts.get(accountId(authority.directory), call))?.value;
    const closure = await closureOf(this.#parts, call);
    const info = await authority.about(call);
    return { directory: authority.directory, info, ...given("account", account), ...given("closure", closure) };
  }

  register(request: RegisterRequest, call: Call): Promise<AccountRecord> {
    return this.#flights.join("register", (own) => this.#desk.register(request, own), call);
  }

  account(call: Call): Promise<AccountStatus> {
    return this.#desk.status(call);
  }

  updateAccount(email: string, call: Call): Promise<AccountStatus> {
    return this.#flights.join(`account update ${email}`, (own) => this.#desk.update(email, own), call);
  }

  rollOverAccount(call: Call): Promise<AccountStatus> {
    return this.#flights.join("account rollover", (own) => this.#desk.rollOver(own), call);
  }

  deactivateAccount(call: Call): Promise<AccountStatus> {
    return this.#flights.join("account deactivate", (own) => this.#desk.deactivate(own), call);
  }

  authorize(request: AuthorizeRequest, call: Call): Promise<Authorized> {
    const { domain, type } = request;
    const name = balancerFor(this.#parts, request);
    const resolved = { domain, type, ...given("balancer", name) };
    const flight = `authorize ${request.type} ${name} ${request.domain}`;
    return this.#flights.join(flight, async (own) => {
      await checkBalancers(this.#parts, name === undefined ? [] : [name], own);
      await releaseNames(this.#parts, [domain], BY_COMMAND, own);
      // The turn comes first, as everywhere: one who has the account must not wait for one who waits for it.
      const work = (): Promise<Authorized> => this.#working((proof) => authorize(proof, resolved, own), own);
      return await this.#turns.take(request.domain, work, own);
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
      const links = this.#named(request) ?? await this.#links(proof, request.domains, own);
      return {
        links: links.length > 0 ? links : onlyBalancer(this.#parts),
        first: live.length === request.domains.length ? "record" : "automatic",
      };
    }, call);
  }

  async openAccount(call: Call): Promise<void> {
    await this.#unattended(call);
  }

  async keep(intent: Intent, call: Call, { insists } = { insists: false }): Promise<HeldCertificate> {
    await this.#unattended(call);
    return await this.#bringAbout(answered(intent), { first: "automatic", insists }, call);
  }

  async finish(intent: Intent, call: Call): Promise<HeldCertificate | undefined> {
    const proof = { ...this.#parts, account: await this.#unattended(call), answers: this.#answers };
    const before = await this.#fingerprint(intent, call);
    if (!await recordsSeen(proof, intent, call)) return undefined;
    tellSeen(this.#parts, intent);
    const { balancers } = intent;
    const links = balancers.length > 0 ? balancers : await this.#links(proof, intent.names, call);
    const theirs: Intent = { ...intent, balancers: links.filter((it) => this.#parts.balancers.has(it)), awaited: true };
    return await this.#fly(theirs, async (own) => {
      const now = (await this.#parts.records.certificates.get(intent.secretName, own))?.value;
      if (now !== undefined && now.facts.fingerprint !== before) return now; // the person was faster
      return await this.#working((proof) => issue(proof, theirs, this.#preference(theirs, "record"), own), own);
    }, call);
  }

  async interrupted(call: Call): Promise<readonly Interrupted[]> {
    const all = (await this.#parts.records.orders.list(call)).map((entry) => entry.value);
    return all.flatMap((it) => it.intent === undefined || it.step === "parked" ? [] : [{ ...it, intent: it.intent }]);
  }

  async resume(record: Interrupted, call: Call): Promise<HeldCertificate> {
    const { intent } = record;
    await this.#unattended(call);
    return await this.#fly(intent, async (own) => {
      const { orders, certificates } = this.#parts.records;
      const now = (await orders.get(record.id, own))?.value;
      const done = now === undefined ? (await certificates.get(intent.secretName, own))?.value : undefined;
      if (done !== undefined) return done; // somebody was faster
      const order = { ...now ?? record, intent };
      const first = intent.awaited === true ? "record" : "automatic";
      return await this.#working((proof) => resume(proof, order, this.#preference(intent, first), own), own);
    }, call);
  }

  redeploy(record: CertificateRecord, call: Call): Promise<HeldCertificate> {
    return this.#deployed(record.intent.secretName, record, call);
  }

  serve({ balancer, secretName }: Place, since: Date, call: Call): Promise<DeploymentRecord | undefined> {
    return this.#turns.take(swapTurn(secretName, balancer), async () => {
      const { certificates, deployments } = this.#parts.records;
      const record = (await certificates.get(secretName, call))?.value;
      if (record?.intent.balancers.includes(balancer) !== true) return undefined;
      const known = (await deployments.get(deploymentId(balancer, secretName), call))?.value;
      return known !== undefined && known.at > since ? known : await deploy(this.#parts, record, balancer, call);
    }, call);
  }

  serveStandIn(balancer: string, target: Target, call: Call): Promise<DeploymentRecord | undefined> {
    const turn = swapTurn(target.secretName, balancer);
    return this.#turns.take(turn, () => deployStandIn(this.#parts, balancer, target, call), call);
  }

  restore(balancer: string, targets: readonly Target[], call: Call): Promise<ReadonlySet<SecretName>> {
    const turns = targets.map((it) => swapTurn(it.secretName, balancer));
    return this.#inTurns(turns, () => restore(this.#parts, balancer, targets, call), call);
  }

  withdraw({ balancer, secretName }: Place, call: Call): Promise<void> {
    return this.#turns.take(swapTurn(secretName, balancer), async () => {
      const { vault, records } = this.#parts;
      const record = await records.certificates.get(secretName, call);
      const kept = record !== undefined && await vault.read(certificateSecrets(secretName).bundle, call) !== undefined;
      const linked = this.#parts.balancers.get(balancer);
      if (!kept && linked !== undefined) await takeOutOf(this.#parts, linked, secretName, call);
    }, call);
  }

  async certificates(call: Call): Promise<readonly HeldCertificate[]> {
    const all = (await this.#parts.records.certificates.list(call)).map((entry) => entry.value);
    const view = await this.#viewer(call);
    return all.map(view).sort((a, b) => a.record.intent.names[0] < b.record.intent.names[0] ? -1 : 1);
  }

  async certificate(subject: string, call: Call): Promise<HeldCertificate | undefined> {
    const wanted = subject.toLowerCase();
    const found = (await this.certificates(call)).filter(({ record: { intent } }) =>
      intent.names[0] === wanted && intent.twinOf === undefined
    );
    // Two may have the same subject under different secret names: the newest is the one that is meant.
    return found.sort((a, b) => b.record.storedAt.getTime() - a.record.storedAt.getTime())[0];
  }

  async explainCertificate(subject: string, call: Call): Promise<ExplainedCertificate | undefined> {
    return await explainCertificate(this.#parts, subject, await this.certificate(subject, call), call);
  }

  async exportCertificate(subject: string, call: Call): Promise<ExportedCertificate | undefined> {
    const held = await this.certificate(subject, call);
    if (held === undefined) return undefined;
    const stored = await readStoredBundle(this.#parts.vault, held.record.intent.secretName, call);
    if (stored === undefined) return undefined;
    const { certificates: [certificate, ...chain], keyPem } = await readBundle(stored);
    return { subject: held.record.intent.names[0], certificate, chain: chain.join(""), privateKey: keyPem };
  }

  async importCertificate(request: ImportRequest, call: Call): Promise<HeldCertificate> {
    const foreign = await readForeign(request, this.#parts.clock.now());
    const intent = await this.#intentFor(foreign, request, call);
    await checkBalancers(this.#parts, intent.balancers, call);
    const { bundle } = foreign;
    const flight = ["import", intent.secretName, bundle.facts.fingerprint, ...intent.balancers].join(" ");
    return await this.#flights.join(flight, async (own) => {
      const store = async (): Promise<CertificateRecord> => {
        const warnings = await judgeForeign(this.#parts, intent, bundle, request, own);
        return await storeForeign(this.#parts, intent, bundle, warnings, own);
      };
      const record = await this.#turns.take(nameSet(intent.names), store, own);
      return await this.#deployed(intent.secretName, record, own);
    }, call);
  }

  async removeCertificate(subject: string, options: { readonly force: boolean }, call: Call): Promise<boolean> {
    const found = (await this.certificate(subject, call))?.record;
    if (found === undefined) return await this.#dropAside(subject, call);
    const { secretName } = found.intent;
    return await this.#flights.join(`remove ${secretName} ${options.force}`, async (own) => {
      // After what is under way for its names, and while no swap of it is: else it would be back.
      await this.#turns.take(nameSet(found.intent.names), async () => {
        await this.#remove([...await this.#twinsOf(found, own), found], options, own);
      }, own);
      return true;
    }, call);
  }

  endTwin(record: CertificateRecord, call: Call): Promise<void> {
    return this.#flights.join(`end ${record.intent.secretName}`, (own) => {
      const end = (): Promise<void> => this.#remove([record], { force: true }, own);
      return this.#turns.take(nameSet(record.intent.names), end, own);
    }, call);
  }

  async revokeCertificate(subject: string, reason: RevocationReason, call: Call): Promise<HeldCertificate | undefined> {
    const found = (await this.certificate(subject, call))?.record;
    if (found === undefined) return undefined;
    checkRevocable(this.#parts, found);
    const twins = (await this.#twinsOf(found, call)).filter((it) => isRevocable(this.#parts, it));
    // Where one is left, the command is repeated for that one; where none is, the CA says so.
    const left = [found, ...twins].filter((it) => it.revoked === undefined);
    return await this.#flights.join(`revoke ${found.facts.fingerprint} ${reason}`, async (own) => {
      for (const it of left.length > 0 ? left : [found]) {
        await this.#working(({ account }) => revokeCertificate(this.#parts, account, it, reason, own), own);
      }
      const now = (await this.#parts.records.certificates.get(found.intent.secretName, own))?.value;
      return await this.#held(now ?? found, own);
    }, call);
  }

  async acceptCertificate(subject: string, call: Call): Promise<HeldCertificate | undefined> {
    const found = await asideOf(this.#parts, subject, call);
    if (found === undefined) return undefined;
    const { names, secretName, balancers } = found.intent;
    await checkBalancers(this.#parts, balancers, call);
    return await this.#flights.join(`accept ${secretName}`, async (own) => {
      const accept = async (): Promise<CertificateRecord | undefined> => {
        const now = (await this.#parts.records.asides.get(secretName, own))?.value; // a better one may have come
        return now === undefined ? undefined : await acceptAside(this.#parts, now, own);
      };
      const record = await this.#turns.take(nameSet(names), accept, own);
      return record === undefined ? undefined : await this.#deployed(secretName, record, own);
    }, call);
  }

  removeAuthorization(domain: DnsName, call: Call): Promise<boolean> {
    return this.#flights.join(`forget ${domain}`, (own) => {
      return this.#turns.take(domain, () => removeAuthorization(this.#parts, this.#answers, domain, own), own);
    }, call);
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
    const { domains, secretName, certType, keyType, now = false } = request;
    const { links, first } = await decide(await this.#proof(call), call);
    await checkBalancers(this.#parts, links, call);
    await releaseNames(this.#parts, domains, BY_COMMAND, call);
    const intent: Intent = {
      names: domains,
      keyType: keyType ?? this.#parts.settings.keyTypes[0],
      secretName: secretName ?? defaultSecretName(domains[0]),
      certType: certType ?? "fullchain",
      balancers: links,
    };
    const manner: Manner = { first, person: { now } };
    const waiting = await waitingTwin(this.#parts, intent, call);
    if (waiting !== undefined) {
      await this.#bringAbout(waiting.twin, manner, call);
      await this.#parts.records.attempts.remove(waiting.twin.secretName, call);
      return await this.#held(waiting.first, call);
    }
    const begun = this.#parts.clock.now();
    const { record } = await this.#bringAbout(intent, manner, call);
    // Where the first was there already, for a person who comes late, so may be the second.
    await this.#bringTwinAbout(intent, manner, record.storedAt < begun, call);
    const held = await this.#held(record, call);
    return held.record.intent.awaited === true ? await this.#answered(held, call) : held;
  }

  /** The second kind comes after the first, in an order of its own; its failure takes nothing back. */
  async #bringTwinAbout(intent: Intent, manner: Manner, onlyMissing: boolean, call: Call): Promise<void> {
    const twin = twinFor(intent, this.#parts.settings.keyTypes);
    if (twin === undefined) return;
    if (onlyMissing && await this.#current(twin.secretName, call) !== undefined) return;
    try {
      await this.#bringAbout(twin, manner, call);
      await this.#parts.records.attempts.remove(twin.secretName, call);
    } catch (error) {
      call.signal.throwIfAborted();
      await noteTwinFailure(this.#parts, twin, error, call);
    }
  }

  /** Who joined the keeper on its way has the answer. */
  #answered(held: HeldCertificate, call: Call): Promise<HeldCertificate> {
    const { intent, facts } = held.record;
    return this.#turns.take(nameSet(intent.names), async () => {
      const same = await this.#fingerprint(intent, call) === facts.fingerprint;
      return same ? { ...held, record: await putAnswered(this.#parts, held.record, call) } : held;
    }, call);
  }

  #bringAbout(intent: Intent, manner: Manner, call: Call): Promise<HeldCertificate> {
    const { first, person, insists = person?.now } = manner;
    const preference = this.#preference(intent, first);
    const work = async (given: ProofParts, own: Call): Promise<CertificateRecord> => {
      await checkTwin(this.#parts, intent, own);
      const proof = insists === true ? insisting(given) : given;
      return person === undefined
        ? await issue(proof, intent, preference, own)
        : await this.#issueFor(proof, intent, preference, own);
    };
    return this.#fly(intent, (own) => this.#working((proof) => work(proof, own), own), call, insists);
  }

  /** A person may come late, when the keeper has done it, or early, when records are missing. */
  async #issueFor(proof: ProofParts, intent: Intent, preference: Preference, call: Call): Promise<CertificateRecord> {
    try {
      return await claimAwaited(proof, intent, call) ?? await issue(proof, intent, preference, call);
    } catch (error) {
      if (error instanceof OrderParkedError) await wish(proof, intent, call);
      throw error;
    }
  }

  /** One flight an intent; two intents for the same names take turns, as a CA gives both the same order. */
  #fly(
    intent: Intent,
    work: (call: Call) => Promise<CertificateRecord>,
    call: Call,
    now = false,
  ): Promise<HeldCertificate> {
    const names = nameSet(intent.names);
    const { keyType, secretName, certType, balancers } = intent;
    const flight = [now ? "issue now" : "issue", names, keyType, secretName, certType, ...balancers].join(" ");
    return this.#flights.join(flight, async (own) => {
      const record = await this.#turns.take(names, () => work(own), own).catch(async (error: unknown) => {
        await forgetLostAccount(this.#parts, error, own);
        throw error;
      });
      return await this.#deployed(secretName, record, own);
    }, call);
  }

  /** Swaps in what is held now, into each balancer in its own turn: one that hangs holds up no other. */
  async #deployed(secretName: SecretName, record: CertificateRecord, call: Call): Promise<HeldCertificate> {
    const { balancers } = (await this.#current(secretName, call) ?? record).intent;
    await Promise.all(balancers.map((name) =>
      this.#turns.take(swapTurn(secretName, name), async () => {
        const now = await this.#current(secretName, call); // it may have been replaced or removed meanwhile
        if (now !== undefined) await deploy(this.#parts, now, name, call);
      }, call)
    ));
    return await this.#held(await this.#current(secretName, call) ?? record, call);
  }

  async #current(secretName: SecretName, call: Call): Promise<CertificateRecord | undefined> {
    return (await this.#parts.records.certificates.get(secretName, call))?.value;
  }

  /** Works while no balancer's swap of any of the certificates is under way. */
  #whileUnswapped<T>(secretNames: readonly SecretName[], work: () => Promise<T>, call: Call): Promise<T> {
    const balancers = [...this.#parts.balancers.keys()];
    return this.#inTurns(secretNames.flatMap((it) => balancers.map((name) => swapTurn(it, name))), work, call);
  }

  /** Takes the turns one after the other. */
  #inTurns<T>(turns: readonly string[], work: () => Promise<T>, call: Call): Promise<T> {
    return turns.reduceRight<() => Promise<T>>((inner, turn) => () => this.#turns.take(turn, inner, call), work)();
  }

  #remove(pair: readonly CertificateRecord[], options: { readonly force: boolean }, call: Call): Promise<void> {
    const remove = (): Promise<void> => removeCertificates(this.#parts, pair, options, call);
    return this.#whileUnswapped(pair.map(({ intent }) => intent.secretName), remove, call);
  }

  /** Also one that is not wanted any more. */
  async #twinsOf({ intent }: CertificateRecord, call: Call): Promise<readonly CertificateRecord[]> {
    const all = (await this.#parts.records.certificates.list(call)).map((entry) => entry.value);
    return all.filter((it) => it.intent.twinOf === intent.secretName);
  }

  /** Where the only certificate of a subject was kept aside, that is what there is to remove. */
  async #dropAside(subject: string, call: Call): Promise<boolean> {
    const aside = await asideOf(this.#parts, subject, call);
    if (aside === undefined) return false;
    await clearAside(this.#parts, aside.intent.secretName, call);
    return true;
  }

  /** An imported certificate takes the place of the one of the same subject, its secrets' names and its balancers. */
  async #intentFor(
    { names, keyType }: ForeignCertificate,
    request: ImportRequest,
    call: Call,
  ): Promise<Intent> {
    const former = (await this.certificate(names[0], call))?.record.intent;
    const known = (await this.authorizations(call)).filter((it) => names.includes(it.name));
    const links = [...new Set([...former?.balancers ?? [], ...known.flatMap((it) => it.balancer ?? [])])]
      .filter((name) => this.#parts.balancers.has(name));
    return {
      names,
      keyType,
      secretName: former?.secretName ?? defaultSecretName(names[0]),
      certType: former?.certType ?? "fullchain",
      balancers: this.#named(request) ?? (links.length > 0 ? links : onlyBalancer(this.#parts)),
    };
  }

  /** The balancers that a request names; undefined where it leaves the choice to us. */
  #named({ balancers }: Pick<IssueRequest, "balancers">): readonly string[] | undefined {
    return balancers === undefined ? undefined : balancersNamed(this.#parts, balancers);
  }

  async #proof(call: Call): Promise<ProofParts> {
    return { ...this.#parts, account: await this.#account(call), answers: this.#answers };
  }

  #account(call: Call): Promise<OpenAccount> {
    return this.#flights.join("account", (own) => this.#desk.open(own), call);
  }

  /** Works with the account while nothing about it is changed. */
  #working<T>(work: (proof: ProofParts) => Promise<T>, call: Call): Promise<T> {
    return this.#desk.work((account) => work({ ...this.#parts, account, answers: this.#answers }), call);
  }

  #preference(intent: Intent, first: Preference["first"]): Preference {
    return { types: this.#parts.settings.challenges, ...given("balancer", intent.balancers[0]), first };
  }

  async #fingerprint({ secretName }: Intent, call: Call): Promise<string | undefined> {
    return (await this.#parts.records.certificates.get(secretName, call))?.value.facts.fingerprint;
  }

  async #held(record: CertificateRecord, call: Call): Promise<HeldCertificate> {
    return (await this.#viewer(call))(record);
  }

  /** Reads once what is shown of every certificate: there may be thousands. */
  async #viewer(call: Call): Promise<(record: CertificateRecord) => HeldCertificate> {
    const { certificates, deployments, attempts, authorizations, renewals, asides } = this.#parts.records;
    const served = (await deployments.list(call)).map((entry) => entry.value);
    const byName = Map.groupBy(served, (it) => it.secretName);
    const known = (await authorizations.list(call)).map((entry) => entry.value);
    const provable = new Set(known.filter((it) => CHALLENGES[it.type].automatic).map((it) => it.name));
    const asked = new Map((await renewals.list(call)).map((entry) => [entry.id, entry.value]));
    const aside = new Map((await asides.list(call)).map((entry) => [entry.id, entry.value]));
    const { clock, settings: { keyTypes } } = this.#parts;
    const hands = {
      known: await authorizationsByName(this.#parts, call),
      keyType: keyTypes[0],
      now: clock.now(),
    };
    const view = (record: CertificateRecord): HeldCertificate => {
      const autoRenewable = record.intent.names.every((name) => provable.has(name));
      const renewal = heldRenewal(record, asked.get(record.intent.secretName));
      return {
        record,
        deployments: byName.get(record.intent.secretName) ?? [],
        autoRenewable,
        ...given("byHand", autoRenewable || renewal === undefined ? undefined : byHand(record, renewal, hands)),
        ...given("renewal", renewal),
        ...given("aside", aside.get(record.intent.secretName)),
      };
    };
    const all = (await certificates.list(call)).map((entry) => entry.value);
    const tried = new Map((await attempts.list(call)).map((entry) => [entry.id as SecretName, entry.value]));
    const twins = twinStates({ all, attempts: tried, keyTypes, view });
    return (record) => ({ ...view(record), ...given("twin", twins(record)) });
  }

  /** The balancers that the names were authorized with. */
  async #links(proof: ProofParts, names: readonly DnsName[], call: Call): Promise<readonly string[]> {
    const known = await knownRecords(proof, names, call);
    return [...new Set(known.flatMap((record) => record.balancer ?? []))];
  }
}

/** Why a name is tried although it failed: a person knows better. */
const BY_COMMAND = "it is asked for by command";

/** How a certificate is brought about. */
interface Manner extends Pick<Preference, "first"> {
  /** Somebody asked for it, perhaps at once. */
  readonly person?: Required<Pick<IssueRequest, "now">>;
  /** Limits of our own are passed over; unless told, where a person wants it at once. */
  readonly insists?: boolean;
}

/** The same with an account that no limit of our own holds back. */
function insisting(proof: ProofParts): ProofParts {
  const { authority } = proof.account;
  return { ...proof, account: { ...proof.account, authority: authority.insisting ?? authority } };
}

function heldRenewal(record: CertificateRecord, known: RenewalRecord | undefined): HeldRenewal | undefined {
  const date = nextRenewal(record, known);
  if (date === undefined) return undefined;
  return { ...date, ...given("explanationUrl", drawOf(record, known)?.explanationUrl) };
}

/** Swaps of a certificate into a balancer and its removal from there happen in turn. */
function swapTurn(secretName: SecretName, balancer: string): string {
  return `swap ${secretName} ${balancer}`;
}
