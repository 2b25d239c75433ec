import { assertEquals, assertRejects } from "@std/assert";
import { abortable, withDeadline } from "../../../plugin/net/deadline.ts";

const CALL = { signal: new AbortController().signal };
const late = (): Error => new RangeError("too late");
const never = ({ signal }: { signal: AbortSignal }): Promise<never> =>
  new Promise((_, reject) =>
    signal.addEventListener("abort", () => reject(new Error("socket closed")), { once: true })
  );

Deno.test("withDeadline() returns what the work returns", async () => {
  assertEquals(await withDeadline(1_000, CALL, late, () => Promise.resolve(7)), 7);
});

Deno.test("withDeadline() rejects with the error of the deadline, not with what it caused", async () => {
  await assertRejects(() => withDeadline(1, CALL, late, never), RangeError, "too late");
});

Deno.test("withDeadline() rejects with the signal's reason", async () => {
  const control = new AbortController();
  const waiting = withDeadline(60_000, control, late, never);
  control.abort(new SyntaxError("stop"));
  await assertRejects(() => waiting, SyntaxError, "stop");
});

Deno.test("withDeadline() passes on the work's own error", async () => {
  await assertRejects(
    () => withDeadline(1_000, CALL, late, () => Promise.reject(new TypeError("no"))),
    TypeError,
    "no",
  );
});

Deno.test("withDeadline() does not begin under a signal that has fired", async () => {
  let begun = false;
  const call = { signal: AbortSignal.abort(new SyntaxError("stop")) };
  await assertRejects(() => withDeadline(1, call, late, () => Promise.resolve(begun = true)), SyntaxError);
  assertEquals(begun, false);
});

Deno.test("abortable() leaves the promise alone and rejects with the signal's reason", async () => {
  const control = new AbortController();
  const { promise, resolve } = Promise.withResolvers<string>();
  const waiting = abortable(promise, control);
  control.abort(new SyntaxError("stop"));
  await assertRejects(() => waiting, SyntaxError, "stop");
  resolve("done");
  assertEquals(await abortable(promise, CALL), "done");
});
