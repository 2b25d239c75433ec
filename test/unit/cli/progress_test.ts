import { assertEquals, assertRejects } from "@std/assert";
import { progress } from "../../../plugin/cli/progress.ts";
import { fakeTerminal } from "../../support/fake_terminal.ts";

Deno.test("progress() is silent in a pipe", async () => {
  const terminal = fakeTerminal();
  assertEquals(await progress(terminal, "Working", () => Promise.resolve(7)), 7);
  assertEquals(terminal.written, { out: "", err: "" });
});

Deno.test("progress() says [done] on a terminal", async () => {
  const terminal = fakeTerminal({ errIsTerminal: true });
  assertEquals(await progress(terminal, "Working", () => Promise.resolve(7)), 7);
  assertEquals(terminal.written.out, "");
  assertEquals(terminal.written.err.split("\r").at(-1)?.replaceAll("\x1b[K", ""), " [done] Working\n");
});

Deno.test("progress() says [fail] and passes the error on", async () => {
  const terminal = fakeTerminal({ errIsTerminal: true, colours: true });
  await assertRejects(() => progress(terminal, "Working", () => Promise.reject(new RangeError("no"))), RangeError);
  assertEquals(
    terminal.written.err.split("\r").at(-1)?.replaceAll("\x1b[K", ""),
    " [\x1b[31mfail\x1b[0m] Working\n",
  );
});
