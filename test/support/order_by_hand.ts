import { assertEquals } from "@std/assert";
import type { AuthorityOptions } from "../ca/mod.ts";
import { type ByHand, byHand, type Reply } from "./by_hand.ts";
import { type CsrByHand, csrPayload } from "./csr_by_hand.ts";
import { until } from "./process.ts";

/** Options of an authority that believes every challenge. */
export const BELIEVING: AuthorityOptions = { alwaysValid: true };

/** A client that has an account. */
export async function registered(directory: URL, options: Parameters<typeof byHand>[1] = {}): Promise<ByHand> {
  const client = await byHand(directory, options);
  assertEquals((await client.register()).status, 201);
  return client;
}

/** Asks for an order. */
export async function order(client: ByHand, names: readonly string[], more: object = {}): Promise<Reply> {
  const identifiers = names.map((value) => ({ type: "dns", value }));
  return await client.post(client.directory.newOrder!, { identifiers, ...more });
}

/** Tells the CA about the first challenge of the type in each authorization, and waits until the order is decided. */
export async function authorize(client: ByHand, made: Reply, type?: string): Promise<Reply> {
  for (const url of made.json.authorizations) {
    const { json } = await client.post(url);
    const challenge = json.challenges.find((it: { type: string }) => type === undefined || it.type === type);
    if (json.status === "pending") assertEquals((await client.post(challenge.url, {})).status, 200);
  }
  const url = made.headers.get("location")!;
  return await until("the order is decided", async () => {
    const reply = await client.post(url);
    return reply.json.status !== "pending" && reply;
  });
}

/** From nothing to a certificate of a believing authority: the order as it is at the end. */
export async function certified(
  client: ByHand,
  names: readonly string[],
  more: object = {},
  odd: CsrByHand = {},
): Promise<Reply> {
  const made = await order(client, names, more);
  assertEquals(made.status, 201, made.text);
  await authorize(client, made);
  const finalized = await client.post(made.json.finalize, await csrPayload(names, odd));
  assertEquals(finalized.status, 200, finalized.text);
  return await until("the certificate is there", async () => {
    const reply = await client.post(made.headers.get("location")!);
    return reply.json.status !== "processing" && reply;
  });
}
