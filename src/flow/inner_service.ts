import type { Target } from "../model/balancer_plan.ts";
import type { CertificateRecord, DeploymentRecord, Intent, OrderRecord } from "../model/records.ts";
import type { SecretName } from "../model/secret_name.ts";
import type { Call } from "../ports.ts";
import type { CertificateService, HeldCertificate } from "./service.ts";

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
  /**
   * Takes out of one balancer what is not held any more, or has gone over to others; nothing happens where it is wanted there
   * after all.
   */
  withdraw(at: Place, call: Call): Promise<void>;
  /**
   * Brings what is written down of a certificate in line with the bundle that the vault holds.
   *
   * @returns False where something is under way for its names, which writes both itself; nothing was looked at then.
   */
  follow(secretName: SecretName, call: Call): Promise<boolean>;
  /** Resolves when nothing is under way any more. */
  landed(): Promise<void>;
}
