import { assertEquals, assertMatch } from "@std/assert";
import { makeMetrics } from "../../plugin/metrics.ts";
import { bundleFile } from "../../src/model/secret_name.ts";
import { inWorld, type World } from "../support/failure_world.ts";
import { CALL } from "../support/fakes.ts";
import { until } from "../support/process.ts";
import { ROOT, startSidecarProcess } from "../support/sidecar.ts";

/** What a careless line does. */
function stumble(): never {
  throw new TypeError("Cannot read properties of undefined (reading 'length')");
}

/** The failure is told as a fault of ours in the metrics, and by what is explained. */
async function checkTold(world: World, counter: string): Promise<void> {
  const metrics = makeMetrics();
  for (const event of world.events) metrics.emit(event);
  const exposition = await metrics.exposition(world.service, world.records, CALL);
  assertMatch(exposition, new RegExp(`^${counter}\\{.*code="INTERNAL"\\} 1$`, "m"));
}

Deno.test("F-115: a fault of ours in one certificate's task holds up no other, has a class, and is tried again", async () => {
  let careless = false;
  await inWorld({
    names: ["a.example.com"],
    others: [["b.example.com"]],
    beforePresent: (name) => careless && name === "a.example.com" ? stumble() : undefined,
  }, async (world) => {
    await world.strike();
    careless = true;
    await world.look();

    assertEquals(world.made().certificates, 1, "the other one is there");
    await world.check({ code: "INTERNAL", says: /a\.example\.com.*reading 'length'/ });
    await checkTold(world, "kontena_certificate_failed_total");
    const { failed } = (await world.service.explainCertificate("a.example.com", CALL))!;
    assertEquals(failed?.code, "INTERNAL");
    assertMatch(failed?.text ?? "", /because of a fault in the sidecar/);

    careless = false;
    await world.lookUntilRenewed();
    assertEquals(world.made().certificates, 2);
    await world.checkRenewed({ code: "INTERNAL" });
  });
});

Deno.test("F-115: a fault of ours at the balancer leaves it what it has, and the swap is tried again", async () => {
  let careless = "";
  await inWorld({
    names: ["a.example.com"],
    others: [["b.example.com"]],
    beforeSwap: (file) => file === careless ? stumble() : undefined,
  }, async (world) => {
    await world.strike();
    const before = world.serials();
    careless = bundleFile(world.intent.secretName);
    await world.look();

    const after = world.serials();
    assertEquals(
      [...after].filter(([file, serial]) => before.get(file) !== serial).length,
      1,
      "the other one is served",
    );
    await world.check({ code: "INTERNAL", says: /lb does not serve LE_CERTIFICATE_a_example_com/ });
    await checkTold(world, "kontena_swap_failed_total");

    careless = "";
    await world.lookUntilRenewed();
    assertEquals(world.made().certificates, 2, "it was not ordered again");
    await world.checkRenewed({ code: "INTERNAL" });
  });
});

Deno.test("F-115: a rejection that nobody handles is told with its class, and the sidecar goes on", async () => {
  await using sidecar = await startSidecarProcess({
    program: `${ROOT}test/support/careless_sidecar.ts`,
    env: {
      ACME_DIRECTORY_URL: "http://127.0.0.1:1/directory", // nobody is there: it is about what happens in here
      ACME_AGREE_TOS: "true",
      CERTIFICATES: "a.example.com",
      LOAD_BALANCERS: "",
    },
  });
  const told = await until(
    "it is told",
    () => sidecar.events().find((it) => it["event"] === "sidecar.fault"),
  );
  assertEquals([told["level"], told["code"]], ["error", "INTERNAL"]);
  await until("a later attempt is written down", () => sidecar.events().some((it) => it["code"] === "CA_TRANSPORT"));
  assertEquals((await sidecar.ask("/health")).status, 200);
  assertEquals(await sidecar.stop(), 0);
});
