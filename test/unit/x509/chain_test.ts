import { assertEquals, assertThrows } from "@std/assert";
import { SidecarError } from "../../../src/model/errors.ts";
import { readChain } from "../../../src/x509/chain.ts";
import { testAuthority } from "../../support/test_chain.ts";

const ROOT = await testAuthority("Root");
const CA = await testAuthority("CA", ROOT);

Deno.test("readChain() gives the certificates in their order, each with its DER and facts", () => {
  const { certificates } = readChain(CA.pem + ROOT.pem);
  assertEquals(certificates.map((it) => it.facts.subject), ["CA", "Root"]);
  assertEquals(certificates.map((it) => it.der), [CA.der, ROOT.der]);
});

Deno.test("readChain() refuses what is not a chain with a name for it", () => {
  const { code, message } = assertThrows(() => readChain("garbage"), SidecarError);
  assertEquals(code, "CERTIFICATE_REJECTED");
  assertEquals(
    message,
    "Cannot use the certificate that the CA sent: its answer cannot be read: there is something other than PEM before block 1",
  );
});
