import { assert, assertEquals } from "@std/assert";
import { parseDnsNames } from "../../src/model/dns_name.ts";
import { CALL } from "../support/fakes.ts";
import { openLibrary } from "../support/library.ts";
import { startPebble } from "../support/pebble.ts";
import { e2e, madeBy } from "../support/stage.ts";

const REQUEST = { domains: parseDnsNames(["a.example.com", "b.example.com", "c.example.com"]) };

e2e(
  "twenty orders in a row come through with half of the nonces refused and half of the authorizations used again",
  async () => {
    await using pebble = await startPebble({ nonceReject: 50, authzReuse: 50 });
    await using library = await openLibrary(pebble);

    const serials = new Set<string>();
    for (let i = 0; i < 20; i++) serials.add((await library.service.request(REQUEST, CALL)).record.facts.serial);

    assertEquals(serials.size, 20);
    assertEquals(await madeBy(pebble), { orders: 20, certificates: 20 });
    const told = library.requests.filter((it) => it.startsWith("POST chalZ 200")).length;
    assert(told > 3 && told < 60, `${told} of 60 authorizations were proven, the others used again`);
    const refused = library.requests.filter((it) => / 400\b/.test(it)).length;
    assert(refused > 50, `${refused} nonces were refused`);
  },
);

e2e("an order comes through with nine of ten nonces refused", async () => {
  await using pebble = await startPebble({ nonceReject: 90 });
  await using library = await openLibrary(pebble);

  await library.service.request(REQUEST, CALL);

  assertEquals(await madeBy(pebble), { orders: 1, certificates: 1 });
  assert(library.requests.filter((it) => / 400\b/.test(it)).length > 20);
});
