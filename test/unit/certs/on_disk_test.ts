import { assertEquals } from "@std/assert";
import { bundlePem } from "../../../src/model/certificate.ts";
import { badFile, filesOnDisk, leafOf } from "../../../plugin/certs/on_disk.ts";
import { testPki, withKeyOf } from "../../support/pki.ts";
import { tempDir } from "../../support/process.ts";

const PKI = testPki();
const GOOD = PKI.issue(["a.example.com"]);
const OTHER = PKI.issue(["b.example.com"]);

for (
  const [pem, why] of [
    [bundlePem(GOOD), undefined],
    [GOOD.keyPem + GOOD.certificates.join(""), undefined],
    ["", "holds no certificate"],
    ["readme\n", "holds no certificate"],
    [GOOD.keyPem, "holds no certificate"],
    [GOOD.certificates.join(""), "holds no private key"],
    [bundlePem(withKeyOf(GOOD, OTHER)), "holds a key that is not the certificate's"],
    [
      `${GOOD.certificates[0]}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n`,
      "holds a private key that cannot be read",
    ],
  ] as const
) {
  Deno.test(`badFile() says of a file of ${pem.length} characters: ${why ?? "nothing"}`, async () => {
    using folder = tempDir();
    await Deno.writeTextFile(`${folder.path}/x.pem`, pem);
    assertEquals(await badFile(folder.path), why === undefined ? undefined : { file: "x.pem", why });
  });
}

Deno.test("badFile() passes over what HAProxy does not load", async () => {
  using folder = tempDir();
  await Deno.mkdir(`${folder.path}/.former`);
  for (const name of [".hidden", "x.pem.key", ".former/x.pem"]) await Deno.writeTextFile(`${folder.path}/${name}`, "");
  assertEquals(await badFile(folder.path), undefined);
});

Deno.test("filesOnDisk() finds a certificate by its SHA-1, as HAProxy writes it", async () => {
  using folder = tempDir();
  for (const [i, bundle] of [GOOD, OTHER].entries()) {
    await Deno.writeTextFile(`${folder.path}/${i}.pem`, bundlePem(bundle));
  }
  const sum = leafOf(bundlePem(OTHER))?.fingerprint.replaceAll(":", "").toLowerCase() ?? "";
  assertEquals([...await filesOnDisk(folder.path, new Set([sum]))], [[sum, `${folder.path}/1.pem`]]);
});
