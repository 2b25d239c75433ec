import type { ChallengeType } from "../model/challenge_type.ts";
import type { KeyType } from "../model/key_type.ts";
import type { Records } from "../ledger/records.ts";
import type { CertificateAuthority, ChallengeSolver, Clock, Events, LoadBalancer, Vault } from "../ports.ts";

/** What the operator decided once for all certificates. */
export interface FlowSettings {
  readonly keyType: KeyType;
  /** Automatic challenges in order of preference. */
  readonly challenges: readonly ChallengeType[];
  readonly profile?: string;
  /** Common name of the issuer that the chain shall end with. */
  readonly preferredChain?: string;
  readonly email?: string;
  /** The CA's terms may be agreed to without asking a person. */
  readonly agreeTos: boolean;
  /** Looked up when an account is made; secret. */
  readonly externalAccount?: () => Promise<{ readonly kid: string; readonly hmacKey: string } | undefined>;
}

/** Everything that the flow works with. */
export interface FlowParts {
  readonly authority: CertificateAuthority;
  readonly vault: Vault;
  readonly records: Records;
  readonly solvers: ReadonlyMap<ChallengeType, ChallengeSolver>;
  readonly balancers: ReadonlyMap<string, LoadBalancer>;
  readonly clock: Clock;
  readonly events: Events;
  readonly settings: FlowSettings;
}
