import { assertEquals } from "@std/assert";
import { parse } from "valibot";
import { certificateText } from "../../../plugin/cli/format.ts";
import { readCertificate } from "../../../plugin/cli/certificate_wire.ts";
import { CERTIFICATE } from "../../../plugin/http/answers.ts";
import { certificateShape } from "../../../plugin/http/shapes.ts";
import type { HeldCertificate } from "../../../src/flow/service.ts";
import { heldCertificate } from "../../support/fake_service.ts";

const AT = new Date("2027-01-02T03:04:05.678Z");
const PAGE = new URL("https://ca.example/why");

/** The lines of `certificate show` that are about renewal. */
function shown(changes: Partial<HeldCertificate>): readonly string[] {
  const shape = certificateShape("test", { ...heldCertificate(), ...changes });
  return certificateText("test", readCertificate(shape)).split("\n").filter((line) => line.includes("renewal"));
}

for (
  const [why, words] of [
    ["window", "window of the CA"],
    ["recalled", "the CA wants it replaced at once"],
    ["emergency", "little of its lifetime is left"],
    ["lifetime", "its lifetime"],
  ] as const
) {
  Deno.test(`certificate show says when it is renewed, and that it is by ${why}`, () => {
    assertEquals(shown({ renewal: { at: AT, why } }), [`  renewal: 2027-01-02T03:04:05Z (${words})`]);
  });
}

Deno.test("certificate show names the page where the CA explains its window", () => {
  const renewal = { at: AT, why: "window", explanationUrl: PAGE } as const;
  assertEquals(shown({ renewal }), [
    "  renewal: 2027-01-02T03:04:05Z (window of the CA)",
    "  renewal explained at: https://ca.example/why",
  ]);
});

Deno.test("certificate show promises no renewal of what a person has to prove", () => {
  assertEquals(shown({ renewal: { at: AT, why: "lifetime" }, autoRenewable: false }), []);
});

Deno.test("certificate show says what a person has to do, from when on, and until when", () => {
  const byHand = {
    from: AT,
    until: new Date(AT.getTime() + 86_400_000),
    due: false,
    command: "kontena certificate get www.example.com",
    todo: "run kontena certificate get www.example.com",
  };
  const held = { renewal: { at: AT, why: "lifetime" }, autoRenewable: false, byHand } as const;
  assertEquals(shown(held), [
    "  renewal by hand: from 2027-01-02T03:04:05Z until 2027-01-03T03:04:05Z: run kontena certificate get www.example.com",
  ]);
  parse(CERTIFICATE, certificateShape("test", { ...heldCertificate(), ...held }));
});
