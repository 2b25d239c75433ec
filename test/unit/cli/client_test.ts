import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ApiError, explain, path, readAnswer, Unreachable } from "../../../plugin/cli/client.ts";
import { InputError } from "../../../src/model/errors.ts";

const TARGET = new URL("http://127.0.0.1:9292/v1/x");

Deno.test("path`` writes each value as one segment", () => {
  assertEquals(path`v1/a/${"b/c"}/${"*.ü?#"}`, "v1/a/b%2Fc/*.%C3%BC%3F%23");
});

for (const value of ["", ".", "..", "-----BEGIN PRIVATE KEY-----"]) {
  Deno.test(`path\`\` refuses ${JSON.stringify(value)} as a segment`, () => {
    assertThrows(() => path`v1/${value}/x`, InputError);
  });
}

Deno.test("readAnswer() gives the JSON of a success", () => {
  assertEquals(readAnswer(new Response(null, { status: 200 }), '{"a":1}', TARGET), { a: 1 });
});

for (const [text, body] of [['{"error":"x"}', { error: "x" }], ["<html>", undefined], ["", undefined]] as const) {
  Deno.test(`readAnswer() throws what is refused with ${JSON.stringify(text)}`, () => {
    const error = assertThrows(() => readAnswer(new Response(null, { status: 422 }), text, TARGET), ApiError);
    assertEquals([error.status, error.body], [422, body]);
  });
}

Deno.test("readAnswer() notices that somebody else listens", () => {
  assertThrows(() => readAnswer(new Response(null, { status: 200 }), "<html>", TARGET), Unreachable, "KONTENA_URL");
});

for (const [status, hints] of [[404, ["look"]], [422, []]] as const) {
  Deno.test(`explain() adds a hint to 404 alone: ${status}`, async () => {
    const work = Promise.reject(new ApiError(status, undefined));
    assertEquals((await assertRejects(() => explain(404, "look", work), ApiError)).hints, hints);
  });
}
