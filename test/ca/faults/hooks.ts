import type { Socket } from "node:net";
import type { Random } from "../random.ts";

/** A request that a fault may meet. */
export interface Met {
  /** Name of the resource, as in {@linkcode LogEntry}; `?` at the transport, where nothing is known yet but the path. */
  readonly endpoint: string;
  /** HTTP method. */
  readonly method: string;
  /** Path and query as they were sent. */
  readonly path: string;
  /** Counts the requests of this endpoint from 1; at the transport, all of them. */
  readonly count: number;
  /** The account, once the request was believed. */
  readonly account?: string;
  /** What the request says, once it was believed; the empty text for POST-as-GET. */
  readonly payload?: string;
  /** Chance by the authority's seed. */
  readonly random: Random;
}

/** An answer in place of the authority's own; `reset`: the connection ends without one; {@linkcode Raw}: byte for byte. */
export type Interference = Response | "reset" | Raw;

/** One place where things can go wrong. */
export interface FaultHooks {
  /** Before anything is done; undefined lets it pass. */
  readonly before?: (met: Met) => Interference | undefined | Promise<Interference | undefined>;
  /** After everything was done: what is sent. */
  readonly after?: (response: Response, met: Met) => Interference | Promise<Interference>;
}

/** Where things can go wrong. */
export interface Hooks {
  /** Around all: no request was read yet, no nonce used. */
  readonly transport?: FaultHooks;
  /** Around what a request does: its signature, nonce and URL were good. */
  readonly endpoint?: FaultHooks;
}

/** Thrown through the layers where a connection shall be reset. */
export class Reset extends Error {
  override readonly name = "Reset";
}

/** An answer that no HTTP server would give: it is written to the socket, which ends after it. */
export class Raw extends Reset {
  readonly send: (socket: Socket) => Promise<void>;

  constructor(send: (socket: Socket) => Promise<void>) {
    super("The answer is written by hand");
    this.send = send;
  }
}

/** Several as one: the first that interferes before is heard, all are heard after. */
export function joined(...all: readonly (FaultHooks | undefined)[]): FaultHooks {
  return {
    async before(met): Promise<Interference | undefined> {
      for (const hooks of all) {
        const instead = await hooks?.before?.(met);
        if (instead !== undefined) return instead;
      }
      return undefined;
    },
    async after(response, met): Promise<Interference> {
      let last: Interference = response;
      for (const hooks of all) {
        if (last instanceof Response) last = await hooks?.after?.(last, met) ?? last;
      }
      return last;
    },
  };
}

/** Does the work between the hooks. */
export async function between(
  hooks: FaultHooks | undefined,
  met: Met,
  work: () => Promise<Response>,
): Promise<Response> {
  const instead = await hooks?.before?.(met);
  if (instead !== undefined) return passed(instead);
  const response = await work();
  return hooks?.after === undefined ? response : passed(await hooks.after(response, met));
}

function passed(interference: Interference): Response {
  if (interference === "reset") throw new Reset("The connection shall end without an answer");
  if (interference instanceof Raw) throw interference;
  return interference;
}
