/**
 * An ACME client on a warm account, whoever made it, and the CA that it is measured at.
 *
 * @module
 */

/** What one certificate cost. */
export interface Cost {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** A client that is ready to issue. */
export interface Client extends AsyncDisposable {
  /** Gets a certificate and keeps it; rejects if it did not. */
  issue(names: readonly string[]): Promise<Cost>;
  /** Its memory between two certificates, where it stays. */
  rssMb?(): number;
}

/** Where a client finds its CA. */
export interface Place {
  readonly directory: URL;
  /** A file with the root of the CA's own HTTPS. */
  readonly caFile: string;
  /** `ip:port` of the DNS. */
  readonly dns: string;
  /** Where the CA looks for http-01 answers. */
  readonly httpPort: number;
}

/** A kind of client; `open` makes it known to the CA. */
export interface ClientKind {
  readonly name: string;
  readonly open: (place: Place) => Promise<Client>;
}
