import { assertStringIncludes } from "@std/assert";
import { CALL } from "../support/fakes.ts";
import { FILE, issue, NAME, rejection, test, untouched, WITH_OLD } from "../support/haproxy_kit.ts";

test("socket out of reach, F-99: swap() says that the socket's level is too low", WITH_OLD, async (kit) => {
  const lb = kit.other({}, `${kit.haproxy.layout.root}/operator.sock`);
  const error = await rejection(
    () => lb.swap({ file: FILE, bundle: issue(NAME) }, CALL),
    "BALANCER_UNREACHABLE",
    "Permission denied",
  );
  assertStringIncludes(error.todo ?? "", "level admin");
  await untouched(kit);
});
