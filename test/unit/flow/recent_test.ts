import { assertEquals } from "@std/assert";
import { recent } from "../../../src/flow/recent.ts";

Deno.test("recent() keeps what was put in over one turn, and not over two", () => {
  const seen = recent<string, number>();
  seen.set("a", 1);
  seen.turn();
  assertEquals(seen.get("a"), 1);
  seen.set("b", 2);
  seen.turn();
  assertEquals([seen.get("a"), seen.get("b")], [undefined, 2]);
  seen.turn();
  assertEquals(seen.get("b"), undefined);
});

Deno.test("recent() keeps longer what is put in anew", () => {
  const seen = recent<string, number>();
  seen.set("a", 1);
  seen.turn();
  seen.set("a", 2);
  seen.turn();
  assertEquals(seen.get("a"), 2);
});

Deno.test("recent() forgets at once what is deleted, before and after a turn", () => {
  const seen = recent<string, number>();
  seen.set("a", 1);
  seen.delete("a");
  assertEquals(seen.get("a"), undefined);
  seen.set("a", 2);
  seen.turn();
  seen.delete("a");
  assertEquals(seen.get("a"), undefined);
});
