import { assertEquals } from "@std/assert";
import { proxyHeader } from "../../../plugin/net/proxy_header.ts";

Deno.test("proxyHeader() writes version 1 as UNKNOWN", () => {
  assertEquals(new TextDecoder().decode(proxyHeader("v1")), "PROXY UNKNOWN\r\n");
});

Deno.test("proxyHeader() writes version 2 as LOCAL without addresses", () => {
  assertEquals(proxyHeader("v2").toHex(), "0d0a0d0a000d0a515549540a" + "20" + "00" + "0000");
});
