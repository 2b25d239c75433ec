/**
 * The two things that the demo reads off the sidecar's API, since no command prints them.
 *
 * @module
 */
import { object, text } from "../../src/model/shape.ts";
import type { Call } from "../../src/ports.ts";
import type { Stage } from "./stage.ts";

/** What the CA will ask for, and what it has to get. */
export interface HttpAnswer {
  readonly path: string;
  readonly content: string;
}

/** The answer to the http-01 challenge of a name (RFC 8555 §8.3). */
export async function httpAnswer(stage: Stage, name: string, call: Call): Promise<HttpAnswer> {
  const answer = await read(stage, `v1/domain_authorizations/default/${name}`, call);
  const challenge = object(object(await answer.json(), "authorization")["challenge_opts"], "challenge_opts");
  const token = text(challenge, "token");
  return { path: `/.well-known/acme-challenge/${token}`, content: text(challenge, "content") };
}

/** How many answers the CA gave, by status. */
export async function acmeAnswers(stage: Stage, call: Call): Promise<ReadonlyMap<number, number>> {
  const metrics = await (await read(stage, "metrics", call)).text();
  const found = metrics.matchAll(/^kontena_acme_answers_total\{status="(\d+)"\} (\d+)$/gm);
  return new Map(Array.from(found, ([, status, count]) => [Number(status), Number(count)]));
}

async function read({ sidecar, environment }: Stage, path: string, { signal }: Call): Promise<Response> {
  const token = (await Deno.readTextFile(`${sidecar.folder}/data/token`)).trim();
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${environment["KONTENA_URL"]}/${path}`, { headers, signal });
  if (response.ok) return response;
  await response.body?.cancel();
  throw new Error(`the API answered ${response.status} to GET /${path}`);
}
