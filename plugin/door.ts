import { InputError } from "../src/model/errors.ts";
import type { Listen } from "./net/listen.ts";

/** Answers requests. */
export type Handler = (request: Request) => Response | Promise<Response>;

/**
 * A listener that is open before the house behind it stands: it answers `/health` from the first moment; everything else waits
 * until it leads somewhere. Disposing it lets answers that are under way end, for two seconds.
 */
export interface Door extends AsyncDisposable {
  readonly port: number;
  /** From now on requests are answered by the handler. */
  lead(handler: Handler): void;
}

/** A client that never reads its answer cannot hold up the end. */
const LAST_ANSWERS_MS = 2_000;

/**
 * Opens the door.
 *
 * @param variable Where the address was configured, for the error.
 * @throws {InputError} If the address is taken or not ours.
 */
export function openDoor(variable: string, { hostname, port }: Listen): Door {
  const { promise: led, resolve: lead } = Promise.withResolvers<Handler>();
  let behind: Handler = async (request) => isHealth(request) ? new Response("ok") : await (await led)(request);
  const server = serve(variable, hostname, port, (request) => behind(request));
  return {
    port: server.addr.port,
    lead(handler: Handler): void {
      behind = handler;
      lead(handler);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      lead(ending); // for who still waits
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, LAST_ANSWERS_MS);
      await Promise.race([server.shutdown(), late]);
      clearTimeout(timer);
    },
  };
}

function isHealth(request: Request): boolean {
  return new URL(request.url).pathname === "/health";
}

function ending(): Response {
  return Response.json({ error: "The sidecar is stopping" }, { status: 503 });
}

function serve(variable: string, hostname: string, port: number, handler: Handler): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ hostname, port, onListen: () => {} }, handler);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const found = `${variable}: cannot listen on ${hostname}:${port}: ${why}`;
    throw new InputError(variable, found, "set another address", { cause });
  }
}
