import { SidecarError } from "../../src/model/errors.ts";
import { given } from "../../src/model/shape.ts";
import type { Clock, Events } from "../../src/ports.ts";
import type { DefaultCertificate } from "../certs/default_certificate.ts";
import type { Prover } from "../certs/prove.ts";
import { filesOnDisk } from "../certs/on_disk.ts";
import type { Endpoint } from "../net/connection.ts";
import type { Etcd } from "./etcd.ts";
import type { KontenaConfig } from "./url.ts";

/** What everything that is done to a Kontena Load Balancer works with. */
export interface Tools {
  readonly config: KontenaConfig;
  readonly etcd: Etcd;
  readonly clock: Clock;
  readonly events: Events;
  /** What becomes of the folder's default certificate. */
  readonly defaults: DefaultCertificate;
  /** How long a small balancer may take to read its directory again, in milliseconds. */
  readonly patienceMs: number;
  /** Where the sidecar listens for http-01. */
  readonly answers?: Endpoint;
}

/** Everything that changes the directory of one balancer, or its keys, happens in turn. */
export function turnOf({ config }: Tools): string {
  return `kontena:${config.certificates.path}`;
}

/** Proves by the balancer's probe address; files are known by what is on disk. */
export function proverOf({ config: { probe, probeProxy, certificates }, clock }: Tools): Prover {
  return {
    probe,
    ...given("probeProxy", probeProxy),
    clock,
    filesBySha1: (wanted) => filesOnDisk(certificates.path, wanted),
  };
}

/** An error in how the balancer is wired. */
export function misconfigured({ config }: Tools, message: string, todo: string): SidecarError {
  return new SidecarError("BALANCER_CONFIG", `Load balancer ${config.name}: ${message}`, {
    field: "load_balancers",
    todo,
  });
}
