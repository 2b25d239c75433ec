import { Problem } from "../problem.ts";
import { TlsError } from "../tls/server_flight.ts";
import { DnsFailure, type Resolver } from "./resolver.ts";

/** One look from one place at one answer. */
export interface Look {
  /** Without `*.`. */
  readonly name: string;
  readonly token: string;
  readonly keyAuthorization: string;
  readonly httpPort: number;
  readonly tlsPort: number;
  readonly resolver: Resolver;
  readonly signal: AbortSignal;
}

/** What was found, and where: `address:port`. */
export interface Found<T> {
  readonly found: T;
  readonly at: string;
}

/** Asks the first IPv6 address, and the first IPv4 address where that one cannot be reached. */
export async function firstReachable<T>(
  { name, resolver, signal }: Pick<Look, "name" | "resolver" | "signal">,
  port: number,
  ask: (address: string) => Promise<T>,
): Promise<Found<T>> {
  const all = await resolver.addresses(name, signal);
  const families = [all.find((it) => it.includes(":")), all.find((it) => !it.includes(":"))];
  const [address, fallback] = families.filter((it) => it !== undefined);
  if (address === undefined) throw new Problem("dns", `No valid IP addresses found for ${name}`);
  const asked = async (at: string): Promise<Found<T>> => ({ found: await ask(at), at: hostPort(at, port) });
  try {
    return await asked(address);
  } catch (error) {
    if (error instanceof Problem || error instanceof TlsError || fallback === undefined) {
      throw failure(error, address, signal);
    }
  }
  return await asked(fallback).catch((error) => {
    throw failure(error, fallback, signal);
  });
}

/** `127.0.0.1:80`, `[::1]:80`. */
export function hostPort(address: string, port: number): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** Whatever went wrong as a problem document's words. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof DnsFailure) return new Problem("dns", error.message);
  if (error instanceof TlsError) return new Problem("tls", `Error getting validation data: ${error.message}`);
  if (error instanceof DOMException) {
    return new Problem("connection", "Timeout during connect (likely firewall problem)");
  }
  return new Problem("connection", `Error getting validation data: ${reason(error)}`);
}

function failure(error: unknown, address: string, signal: AbortSignal): unknown {
  if (error instanceof Problem) return error;
  if (signal.aborted) return new Problem("connection", `${address}: Timeout during connect (likely firewall problem)`);
  if (error instanceof TlsError) return new Problem("tls", `${address}: ${error.message}`);
  return new Problem("connection", `${address}: ${reason(error)}`);
}

function reason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ECONNREFUSED") return "Connection refused";
  if (code === "ECONNRESET") return "Connection reset by peer";
  return error instanceof Error ? error.message : String(error);
}
