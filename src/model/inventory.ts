import type { ChallengeType } from "./challenge_type.ts";
import type { DnsName } from "./dns_name.ts";

/** A place between the vault and the client where something can differ from what it should be. */
export type Hop =
  | "vault" // what is kept there cannot be used
  | "balancer" // it does not answer
  | "disk" // the file
  | "memory" // what the balancer has loaded
  | "served"; // what a client gets

/** What a balancer shall be looked through for. */
export interface InventoryQuestion {
  /** Base names of files. */
  readonly files: readonly string[];
  /** Answers to challenges that should be up. */
  readonly answers: readonly PendingAnswer[];
}

/** An answer to a challenge that the CA may still ask for. */
export interface PendingAnswer {
  /** How the name is proven. */
  readonly type: ChallengeType;
  /** The name. */
  readonly name: DnsName;
}

/** What a balancer has of ours at one moment, seen from inside. */
export interface Inventory {
  /** Differs as soon as the balancer was started anew, reloaded or replaced by somebody. */
  readonly sign: string;
  /** By base name; each file that was asked for. */
  readonly files: ReadonlyMap<string, FileHops>;
  /** The answers that are not up. */
  readonly missing: readonly PendingAnswer[];
}

/** One file on its way to the clients. */
export interface FileHops {
  /** SHA-256 of its text, lower-case hexadecimal; absent where it is not on disk, or cannot be read. */
  readonly disk?: string;
  /** Absent where the balancer does not tell. */
  readonly memory?: MemoryHop;
}

/** A certificate in a balancer's memory. */
export interface MemoryHop {
  /** It is there, and in use. */
  readonly loaded: boolean;
  /** SHA-1 of the leaf, lower-case hexadecimal; absent where there is none. */
  readonly sha1?: string;
}
