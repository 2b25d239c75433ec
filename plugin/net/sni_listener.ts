import { once } from "node:events";
import type { Server, Socket } from "node:net";
import defer * as nodeNet from "node:net";
import type { SecureContext } from "node:tls";
import defer * as nodeTls from "node:tls";
import { describe, SidecarError } from "../../src/model/errors.ts";
import type { DnsName, SniAnswering, SniChallengeCertificate } from "../../mod.ts";
import type { Listen } from "./listen.ts";
import { readServerName } from "./server_name.ts";
import { ALERT, concat } from "./tls_wire.ts";

/** What strangers may use up. */
export interface SniLimits {
  /** Connections that are open at once; one more is closed unheard. */
  readonly connections: number;
  /** How long one may last, in milliseconds, whatever it does. */
  readonly timeoutMs: number;
}

const LIMITS: SniLimits = { connections: 64, timeoutMs: 5_000 };

/** A fatal alert in a record of its own (RFC 8446 §6, RFC 6066 §3). */
const UNRECOGNIZED_NAME = Uint8Array.of(21, 3, 3, 0, 2, 2, ALERT.unrecognizedName);

/** The sidecar's own TLS face. Disposing closes it. */
export type SniListener = SniAnswering & AsyncDisposable;

interface Pending {
  readonly name: DnsName;
  readonly context: SecureContext;
}

/**
 * Answers tls-sni-01 by a listener that is open only while a challenge is pending. It shakes hands under the names of pending
 * challenges and hangs up; every other connection is refused after its hello.
 *
 * The hello is read by us, before any TLS begins: the runtime's TLS server keeps some memory of each connection that the peer
 * drops, so only who knows a pending name, which cannot be guessed, gets that far.
 */
export function sniListener(where: Listen, limits: SniLimits = LIMITS): SniListener {
  const pending = new Map<string, Pending>();
  const open = new Set<Socket>();
  const inOrder = oneAtATime();
  let server: Server | undefined;

  const withdraw = async (name: DnsName): Promise<void> => {
    for (const [serverName, it] of pending) if (it.name === name) pending.delete(serverName);
    if (pending.size > 0 || server === undefined) return;
    const closing = server;
    server = undefined;
    await close(closing, open);
  };

  return {
    answer: (certificate, call) =>
      inOrder(async () => {
        call.signal.throwIfAborted();
        const { name, serverName } = certificate;
        const context = contextOf(certificate);
        const former = [...pending].filter(([, it]) => it.name === name);
        server ??= await listen(where, (socket) => admit(socket, open, limits, (asked) => pending.get(asked)?.context));
        for (const [other] of former) pending.delete(other);
        pending.set(serverName, { name, context });
      }),
    withdraw: (name) => inOrder(() => withdraw(name)),
    [Symbol.asyncDispose]: () =>
      inOrder(async () => {
        for (const { name } of [...pending.values()]) await withdraw(name);
      }),
  };
}

function contextOf({ pem }: SniChallengeCertificate): SecureContext {
  return nodeTls.createSecureContext({ cert: pem, key: pem, minVersion: "TLSv1.2" });
}

async function listen({ hostname, port }: Listen, onConnection: (socket: Socket) => void): Promise<Server> {
  const server = nodeNet.createServer(onConnection);
  try {
    server.listen(port, hostname);
    await once(server, "listening");
    server.on("error", () => {}); // one connection that could not be taken is no reason to end
    return server;
  } catch (cause) {
    const where = `${hostname}:${port}`;
    throw new SidecarError(
      "CHALLENGE_NOT_READY",
      `CHALLENGE_TLS_LISTEN: cannot listen on ${where}: ${describe(cause)}`,
      {
        field: "challenge",
        todo: "end what listens there, or set another address",
        cause,
      },
    );
  }
}

async function close(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  const closed = once(server, "close");
  server.close();
  for (const socket of open) socket.destroy();
  await closed;
}

/** Takes a connection in for a limited time, reads its hello and shakes hands if it asks for a pending name. */
function admit(
  socket: Socket,
  open: Set<Socket>,
  { connections, timeoutMs }: SniLimits,
  contextFor: (asked: string) => SecureContext | undefined,
): void {
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    clearTimeout(timer);
    open.delete(socket);
  });
  const full = open.size >= connections;
  open.add(socket);
  if (full) return void socket.destroy();
  onHello(socket, (asked, hello) => {
    const context = asked === undefined ? undefined : contextFor(asked);
    if (context === undefined) socket.end(UNRECOGNIZED_NAME, () => socket.destroy());
    else shakeHands(socket, hello, context);
  });
}

/** Reads until the hello is whole; what is none is hung up on. */
function onHello(socket: Socket, then: (asked: string | undefined, hello: Uint8Array<ArrayBuffer>) => void): void {
  let received = new Uint8Array();
  const onData = (part: Uint8Array): void => {
    received = concat(received, part);
    try {
      const hello = readServerName(received);
      if (hello === undefined) return;
      socket.off("data", onData);
      socket.pause();
      then(hello.serverName, received);
    } catch {
      socket.destroy();
    }
  };
  socket.on("data", onData);
}

/** A whole handshake and nothing after it. */
function shakeHands(socket: Socket, hello: Uint8Array<ArrayBuffer>, secureContext: SecureContext): void {
  socket.unshift(hello);
  const secure = new nodeTls.TLSSocket(socket, { isServer: true, secureContext });
  secure.on("secure", () => secure.end());
  secure.on("error", () => socket.destroy());
  secure.on("close", () => socket.destroy());
}

/** Opening and closing one port must not overlap. */
function oneAtATime(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  };
}
