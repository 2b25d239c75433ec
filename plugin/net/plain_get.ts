import { once } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";
import { describe, SidecarError } from "../../src/model/errors.ts";
import type { Call } from "../../src/ports.ts";
import { type Endpoint, ONE_ADDRESS } from "./connection.ts";
import { withDeadline } from "./deadline.ts";

/** What came back. */
export interface PlainAnswer {
  readonly status: number;
  readonly body: string;
}

/** More than any key authorization, and than most error pages. */
const MAX_BODY = 64 * 1024;

/**
 * GETs `path` over plain HTTP at an address of our choice, under the `Host` that a client of `host` would send; `fetch`
 * does not let it be chosen. Redirects are returned, not followed.
 *
 * @throws {SidecarError} `BALANCER_UNREACHABLE` if no whole answer of at most 64 KiB came in time.
 */
export async function plainGet(
  { hostname, port }: Endpoint,
  host: string,
  path: string,
  call: Call,
  timeoutMs = 5_000,
): Promise<PlainAnswer> {
  const where = `${hostname}:${port}`;
  const failed = (why: string, cause?: unknown): SidecarError =>
    new SidecarError("BALANCER_UNREACHABLE", `Cannot GET http://${host}${path} from ${where}: ${why}`, {
      field: "load_balancer",
      todo: "check that http= names the address on which the balancer serves plain HTTP",
      cause,
    });
  const { request } = await import("node:http");
  return await withDeadline(timeoutMs, call, () => failed(`no answer within ${timeoutMs} ms`), async ({ signal }) => {
    const to = { host: hostname, port, ...ONE_ADDRESS };
    const sent = request({ ...to, path, headers: { host, connection: "close" }, agent: false });
    try {
      return await answerTo(sent, signal);
    } catch (error) {
      throw failed(describe(error), error);
    } finally {
      sent.on("error", () => {}); // destroying it may report the end that we made
      sent.destroy();
    }
  });
}

async function answerTo(sent: ClientRequest, signal: AbortSignal): Promise<PlainAnswer> {
  sent.end();
  const [response] = await once(sent, "response", { signal }) as [IncomingMessage];
  const onAbort = (): void => void response.destroy();
  signal.addEventListener("abort", onAbort, { once: true });
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const part of response as AsyncIterable<Uint8Array>) {
      size += part.length;
      if (size > MAX_BODY) throw new RangeError(`the answer is longer than ${MAX_BODY} bytes`);
      parts.push(part);
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
  signal.throwIfAborted();
  return { status: response.statusCode ?? 0, body: await new Blob(parts as Uint8Array<ArrayBuffer>[]).text() };
}
