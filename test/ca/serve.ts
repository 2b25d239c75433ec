import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Raw, Reset } from "./faults/hooks.ts";

/** A request byte for byte. */
export interface RawRequest {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly target: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Where to listen. */
export interface ListenOptions {
  readonly hostname: string;
  readonly port: number;
  /** PEM; without it plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** A server that listens. Disposing ends its connections. */
export interface Listening extends AsyncDisposable {
  readonly port: number;
}

/** Serves requests; a handler that throws {@linkcode Reset} ends the connection without an answer. */
export async function serve(
  { hostname, port, tls }: ListenOptions,
  handle: (request: RawRequest) => Promise<Response>,
): Promise<Listening> {
  const listener = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    answer(incoming, outgoing, handle).catch(async (error: unknown) => {
      if (error instanceof Raw) await error.send(incoming.socket);
      else if (!(error instanceof Reset)) console.error(error);
      incoming.socket.destroy();
    });
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  handle: (request: RawRequest) => Promise<Response>,
): Promise<void> {
  const { method = "GET", url: target = "/" } = incoming;
  const headers = new Headers();
  for (let i = 0; i + 1 < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i] ?? "", incoming.rawHeaders[i + 1] ?? "");
  }
  const body = await bodyOf(incoming).catch(() => {
    throw new Reset("The client went away");
  });
  const response = await handle({ method, target, headers, body });
  const content = new Uint8Array(await response.arrayBuffer());
  if (content.length > 0) outgoing.setHeader("content-length", content.length);
  for (const [name, value] of response.headers) outgoing.setHeader(name, name === "link" ? linesOf(value) : value);
  outgoing.writeHead(response.status);
  outgoing.end(method === "HEAD" ? undefined : content);
}

/** Each link on a line of its own, as CAs send them. */
function linesOf(links: string): string[] {
  return links.split(/, (?=<)/);
}

async function bodyOf(incoming: IncomingMessage): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  for await (const part of incoming) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}
