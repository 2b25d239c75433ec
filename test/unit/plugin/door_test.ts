import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { openDoor } from "../../../plugin/door.ts";
import { InputError } from "../../../src/model/errors.ts";

const ANY = { hostname: "127.0.0.1", port: 0 };

async function ask(port: number, path: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return `${response.status} ${await response.text()}`;
}

Deno.test("openDoor() answers /health from the first moment, and everything else once it leads somewhere", async () => {
  await using door = openDoor("API_LISTEN", ANY);

  const early = ask(door.port, "/ready");
  assertEquals(await ask(door.port, "/health"), "200 ok");
  door.lead((request) => new Response(new URL(request.url).pathname));

  assertEquals(await early, "200 /ready");
  assertEquals(await ask(door.port, "/health"), "200 /health");
});

Deno.test("openDoor() tells who still waits when it is shut", async () => {
  const door = openDoor("API_LISTEN", ANY);
  const early = ask(door.port, "/ready");
  await ask(door.port, "/health");

  await door[Symbol.asyncDispose]();

  assertEquals(await early, '503 {"error":"The sidecar is stopping"}');
});

Deno.test("openDoor() names the variable whose address is taken", async () => {
  await using door = openDoor("API_LISTEN", ANY);

  const error = assertThrows(
    () => openDoor("API_LISTEN", { ...ANY, port: door.port }),
    InputError,
    "API_LISTEN: cannot",
  );

  assertEquals(error.field, "API_LISTEN");
});

Deno.test("openDoor() is shut when it was disposed", async () => {
  const door = openDoor("API_LISTEN", ANY);
  await door[Symbol.asyncDispose]();
  await assertRejects(() => ask(door.port, "/health"), Error);
});
