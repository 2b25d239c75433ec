import { assertEquals, assertRejects } from "@std/assert";
import { outboxFolder } from "../../../plugin/outbox.ts";
import { SidecarError } from "../../../src/model/errors.ts";
import { CALL } from "../../support/fakes.ts";
import { tempDir } from "../../support/process.ts";

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

Deno.test("outboxFolder() keeps entries in files that only this user can read, and gives them back in order", async () => {
  using temp = tempDir();
  const outbox = outboxFolder(`${temp.path}/outbox`);
  assertEquals(await outbox.list(CALL), []);
  await outbox.put({ id: "000000000002", sealed: bytes("two") }, CALL);
  await outbox.put({ id: "000000000001", sealed: bytes("one") }, CALL);
  assertEquals((await Deno.stat(`${temp.path}/outbox`)).mode! & 0o777, 0o700);
  assertEquals((await Deno.stat(`${temp.path}/outbox/000000000001.sealed`)).mode! & 0o777, 0o600);
  assertEquals((await outbox.list(CALL)).map(({ sealed }) => new TextDecoder().decode(sealed)), ["one", "two"]);
  await outbox.remove("000000000001", CALL);
  await outbox.remove("000000000001", CALL);
  assertEquals((await outbox.list(CALL)).map(({ id }) => id), ["000000000002"]);
});

Deno.test("outboxFolder() passes over what a crash left half written, and other people's files", async () => {
  using temp = tempDir();
  await Deno.writeFile(`${temp.path}/000000000001.sealed.part`, bytes("hal"));
  await Deno.writeTextFile(`${temp.path}/README`, "");
  assertEquals(await outboxFolder(temp.path).list(CALL), []);
});

Deno.test("outboxFolder() says what is wrong with its folder", async () => {
  using temp = tempDir();
  await Deno.writeTextFile(`${temp.path}/outbox`, "a file");
  const put = outboxFolder(`${temp.path}/outbox`).put({ id: "1", sealed: bytes("") }, CALL);
  const error = await assertRejects(() => put, SidecarError, `Cannot use the outbox ${temp.path}/outbox`);
  assertEquals([error.code, error.field], ["VAULT_UNAVAILABLE", "VAULT_OUTBOX"]);
});
