import { assertEquals } from "@std/assert";
import { challengeApp } from "../../../plugin/http/challenge_app.ts";
import { CALL, memoryAnswers } from "../../support/fakes.ts";

const TOKEN = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0";
const KEY_AUTHORIZATION = `${TOKEN}.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI`;

async function ask(
  path: string,
  init: RequestInit = {},
  host = "any.example",
): Promise<[number, string, string | null]> {
  const answers = memoryAnswers();
  await answers.publish(TOKEN, KEY_AUTHORIZATION, CALL);
  const response = await challengeApp(answers).request(`http://${host}${path}`, init);
  return [response.status, await response.text(), response.headers.get("content-type")];
}

for (const host of ["any.example", "127.0.0.1:54321"]) {
  Deno.test(`challengeApp() answers a published token under ${host}`, async () => {
    const expected = [200, KEY_AUTHORIZATION, "application/octet-stream"];
    assertEquals(await ask(`/.well-known/acme-challenge/${TOKEN}`, {}, host), expected as [number, string, string]);
  });
}

Deno.test("challengeApp() answers HEAD without a body", async () => {
  const [status, text] = await ask(`/.well-known/acme-challenge/${TOKEN}`, { method: "HEAD" });
  assertEquals([status, text], [200, ""]);
});

for (
  const [path, why] of [
    [`/.well-known/acme-challenge/${TOKEN.replace("L", "M")}`, "an unknown token"],
    ["/.well-known/acme-challenge/%3Cscript%3E", "what is no token"],
    [`/.well-known/acme-challenge/${"a".repeat(5_000)}`, "a token that is too long"],
    ["/.well-known/acme-challenge/", "no token"],
    [`/.well-known/acme-challenge/${TOKEN}/more`, "a longer path"],
    ["/v1/grids/test/secrets", "the management API"],
    ["/", "anything else"],
  ] as const
) {
  Deno.test(`challengeApp() answers 404 for ${why}, and repeats nothing`, async () => {
    const [status, text] = await ask(path);
    assertEquals([status, text], [404, "Not found\n"]);
  });
}

Deno.test("challengeApp() takes no other method", async () => {
  const [status] = await ask(`/.well-known/acme-challenge/${TOKEN}`, { method: "POST" });
  assertEquals(status, 404);
});

Deno.test("challengeApp() is healthy", async () => {
  const [status, text] = await ask("/health");
  assertEquals([status, text], [200, "ok"]);
});

Deno.test("challengeApp() says without details that the answers are away", async () => {
  const answers = { ...memoryAnswers(), find: () => Promise.reject(new Error("disk on fire")) };
  const response = await challengeApp(answers).request(`/.well-known/acme-challenge/${TOKEN}`);
  assertEquals([response.status, await response.text()], [503, "Unavailable\n"]);
});

for (const token of ["short", "%2E%2E%2Fx", "a".repeat(257), "%00".repeat(30)]) {
  Deno.test(`challengeApp() does not even look up ${token.slice(0, 12)}`, async () => {
    const looked: string[] = [];
    const find = (token: string): Promise<undefined> => Promise.resolve(void looked.push(token));
    const response = await challengeApp({ ...memoryAnswers(), find }).request(`/.well-known/acme-challenge/${token}`);
    assertEquals([response.status, looked], [404, []]);
  });
}
