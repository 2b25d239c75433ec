import type { ChallengeType } from "../model/challenge_type.ts";
import type { KeyTypes } from "../model/key_type.ts";
import type { Intent } from "../model/records.ts";
import type { Records } from "../ledger/records.ts";
import type { CertificateAuthority, ChallengeSolver, Clock, Events, LoadBalancer, Vault } from "../ports.ts";
import type { Answers } from "./answers.ts";

/** What the operator decided once for all certificates. */
export interface FlowSettings {
  /** Kind of the private keys, where a request does not say; a second one comes beside the first. */
  readonly keyTypes: KeyTypes;
  /** Automatic challenges in order of preference. */
  readonly challenges: readonly ChallengeType[];
  /** Profile that orders are placed with. */
  readonly profile?: string;
  /** Certificates that are wanted by configuration. */
  readonly declared?: readonly Intent[];
  /** Common name of the issuer that the chain shall end with. */
  readonly preferredChain?: string;
  /** Contact address for a registration that nobody typed. */
  readonly email?: string;
  /** The CA's terms may be agreed to without asking a person. */
  readonly agreeTos: boolean;
  /** Looked up when an account is made; secret. */
  readonly externalAccount?: () => Promise<{ readonly kid: string; readonly hmacKey: string } | undefined>;
}

/** Everything that the flow works with. */
export interface FlowParts {
  /** The CA. */
  readonly authority: CertificateAuthority;
  /** Secrets. */
  readonly vault: Vault;
  /** What is recorded. */
  readonly records: Records;
  /** One solver a challenge type. */
  readonly solvers: ReadonlyMap<ChallengeType, ChallengeSolver>;
  /** Those that are configured, by name. */
  readonly balancers: ReadonlyMap<string, LoadBalancer>;
  /** Time and chance. */
  readonly clock: Clock;
  /** Takes what is worth telling. */
  readonly events: Events;
  /** What the operator decided. */
  readonly settings: FlowSettings;
}

/** What changes of the account need beside: answers to challenges are made with its key. */
export interface AccountParts extends FlowParts {
  /** Those that are up. */
  readonly answers: Answers;
}
