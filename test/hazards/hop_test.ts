import { assertEquals } from "@std/assert";
import { CALL } from "../support/fakes.ts";
import { startHaproxy } from "../support/haproxy.ts";
import { FILE, issue, NAME, rejection, test, untouched, WITH_OLD } from "../support/haproxy_kit.ts";

test(
  "another hop answers, F-104: swap() puts the former certificate back if another balancer answers the probe",
  WITH_OLD,
  async (kit) => {
    await using elsewhere = await startHaproxy();
    const lb = kit.other({ probe: `127.0.0.1:${elsewhere.httpsPort}` });
    await rejection(
      () => lb.swap({ file: FILE, bundle: issue(NAME) }, CALL),
      "SWAP_REJECTED",
      "is answered by another certificate",
    );
    assertEquals(kit.events.map((it) => [it.level, it.name]), [["warn", "balancer.put_back"]]);
    await untouched(kit);
  },
);
