import { type Context, Hono } from "hono";
import { type Answer, refuse, respond } from "./answer.ts";
import { directory } from "./endpoints/directory.ts";
import { renewalInfo } from "./endpoints/renewal_info.ts";
import { openEnvelope } from "./envelope.ts";
import type { Struck } from "./faults/board.ts";
import { between, joined, type Met, Reset } from "./faults/hooks.ts";
import type { Note } from "./log.ts";
import type { Parts } from "./parts.ts";
import { Problem } from "./problem.ts";
import { type EndpointName, OPEN, type Params, type Route, ROUTES } from "./routes.ts";

/** What comes along with a request. */
export interface Bindings {
  /** Path and query byte for byte: a `Request` would tidy them up. */
  readonly target: string;
  /** Hears what is learned about the request. */
  readonly note: (note: Note) => void;
  /** The faults that strike it. */
  readonly struck: Struck;
  /** The connection shall end in another way than by an answer; Hono lets no error out that could say so. */
  readonly reset: (how: Reset) => void;
}

type App = Hono<{ Bindings: Bindings }>;
type Asked = Context<{ Bindings: Bindings }>;

/** No request of a client is longer. */
const LONGEST_BODY = 128 * 1024;

/** The resources over HTTP. */
export function makeApp(parts: Parts): App {
  const app: App = new Hono<{ Bindings: Bindings }>();
  // RFC 8555 §6.1: a client MUST say what it is.
  app.use((asked, next) => {
    if ((asked.req.header("user-agent") ?? "") !== "") return next();
    throw new Problem("malformed", "User-Agent header is required");
  });
  const open = (name: EndpointName, path: string, run: (asked: Asked) => Answer): void =>
    addOpen(app, parts, { name, path, run, count: counter() });
  open("directory", OPEN.directory, () => directory(parts));
  open("newNonce", OPEN.newNonce, ({ req }) => ({ status: req.method === "HEAD" ? 200 : 204 }));
  open("renewalInfo", OPEN.renewalInfo, ({ req }) => renewalInfo(parts, req.param("id") ?? ""));
  open("terms", OPEN.terms, () => ({ body: "Do what you like with it.\n", type: "text/plain" }));
  for (const [name, route] of Object.entries(ROUTES) as [EndpointName, Route][]) {
    addSigned(app, parts, name, route, counter());
  }
  app.notFound((asked) => refused(parts, asked, new Problem("malformed", "Page not found", { status: 404 })));
  app.onError((error, asked) => {
    if (error instanceof Reset) {
      asked.env.reset(error);
      return new Response();
    }
    return refused(parts, asked, toProblem(error));
  });
  return app;
}

interface Open {
  readonly name: EndpointName;
  readonly path: string;
  readonly run: (asked: Asked) => Answer;
  readonly count: () => number;
}

/** A resource that anybody may GET. */
function addOpen(app: App, parts: Parts, { name, path, run, count }: Open): void {
  app.get(path, (asked) => {
    const meeting = met(parts, asked, name, count());
    return between(hooksOf(parts, asked), meeting, () => answered(parts, asked, () => run(asked)));
  });
  app.all(path, () => wrongMethod("GET, HEAD"));
}

function addSigned(app: App, parts: Parts, name: EndpointName, route: Route, count: () => number): void {
  app.post(route.path, async (asked) => {
    const signed = await openEnvelope(parts, await readPost(parts, asked), route.by);
    const whose = signed.account === undefined ? {} : { account: signed.account.id };
    asked.env.note(whose);
    const meeting = { ...met(parts, asked, name, count()), ...whose, payload: signed.payload };
    return await between(
      hooksOf(parts, asked),
      meeting,
      () => answered(parts, asked, () => route.run(parts, signed, paramsOf(asked))),
    );
  });
  app.all(route.path, () => wrongMethod("POST"));
}

function hooksOf({ settings }: Parts, { env }: Asked): ReturnType<typeof joined> {
  return joined(settings.hooks.endpoint, env.struck.endpoint);
}

/** Faults shall meet refusals as well. */
async function answered(parts: Parts, asked: Asked, run: () => Answer | Promise<Answer>): Promise<Response> {
  try {
    return respond(parts, await run());
  } catch (error) {
    return refused(parts, asked, toProblem(error));
  }
}

function toProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem("serverInternal", String(error));
}

/** RFC 8555 §6.3: nothing that is signed can be had by GET. */
function wrongMethod(allow: string): never {
  throw new Problem("malformed", "Method not allowed", { status: 405, headers: { allow } });
}

async function readPost({ urls }: Parts, { req, env }: Asked): Promise<Parameters<typeof openEnvelope>[1]> {
  const body = await req.text();
  if (body.length > LONGEST_BODY) throw new Problem("malformed", "Request body is too long", { status: 413 });
  // §6.5.1: a nonce belongs into the JWS.
  if (req.header("replay-nonce") !== undefined) {
    throw new Problem("malformed", "HTTP requests should NOT contain Replay-Nonce header. Use JWS nonce field");
  }
  return { url: `${urls.origin}${env.target}`, contentType: req.header("content-type"), body };
}

function paramsOf({ req }: Asked): Params {
  const { id = "", challenge = "", alternate = "" } = req.param() as Partial<Params>;
  return { id, challenge, alternate, cursor: req.query("cursor") ?? "" };
}

function refused(parts: Parts, { env }: Asked, problem: Problem): Response {
  env.note({ problem: problem.type, detail: problem.message });
  return refuse(parts, problem);
}

function met({ chance }: Parts, { req, env }: Asked, endpoint: string, count: number): Met {
  return { endpoint, method: req.method, path: env.target, count, random: chance.faults };
}

function counter(): () => number {
  let count = 0;
  return () => ++count;
}
