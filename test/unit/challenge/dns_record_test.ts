import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { dnsContent, recordName } from "../../../src/challenge/dns_record.ts";

for (const name of ["www.example.com", "*.www.example.com"]) {
  Deno.test(`recordName() of ${name} is that of its base name`, () => {
    assertEquals(recordName(parseDnsName(name)), "_acme-challenge.www.example.com");
  });
}

Deno.test("dnsContent() is the SHA-256 of the key authorization in base64url without padding", async () => {
  const keyAuthorization = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI";
  const content = await dnsContent(keyAuthorization);
  assertEquals(content, createHash("sha256").update(keyAuthorization).digest("base64url"));
  assertEquals(content.length, 43);
});
