import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { SidecarError } from "../../../src/model/errors.ts";
import type { Event } from "../../../src/ports.ts";
import { type Needs, PLACEHOLDER, preparePlaces } from "../../../plugin/certs/placeholder.ts";
import { fakeClock } from "../../support/fake_clock.ts";
import { tempDir } from "../../support/process.ts";

/** Prepares, and returns the paths that were made, as the events tell them. */
async function prepare(needs: Needs, leaving?: string): Promise<readonly unknown[]> {
  const events: Event[] = [];
  await preparePlaces(needs, { clock: fakeClock(), events: { emit: (it) => events.push(it) } }, leaving);
  return events.map((it) => it.fields?.["path"]);
}

Deno.test("preparePlaces() puts a certificate of ten years into an empty directory, and an empty challenge list beside", async () => {
  using folder = tempDir();
  const [certs, challenges] = [`${folder.path}/certs`, `${folder.path}/challenges.list`];
  await Deno.mkdir(certs);
  const needs: Needs = { name: "lb", certificates: { kind: "directory", path: certs }, challenges };
  assertEquals(await prepare(needs), [challenges, `${certs}/${PLACEHOLDER}`]);
  assertEquals(await Deno.readTextFile(challenges), "");
  const pem = await Deno.readTextFile(`${certs}/${PLACEHOLDER}`);
  const leaf = new X509Certificate(pem);
  const key = createPrivateKey(pem.slice(pem.indexOf("-----BEGIN PRIVATE")));
  assertEquals([leaf.subjectAltName, leaf.subject, leaf.checkPrivateKey(key)], [
    "DNS:placeholder.invalid",
    "O=Placeholder",
    true,
  ]);
  const days = (Date.parse(leaf.validTo) - fakeClock().now().getTime()) / 86_400_000;
  assertEquals(days, 3_650);
  assertEquals(await prepare(needs), [], "a second time nothing is done");
  assertEquals(await Deno.readTextFile(`${certs}/${PLACEHOLDER}`), pem);
});

Deno.test("preparePlaces() leaves a directory alone that has a file, and sees one that is about to go", async () => {
  using folder = tempDir();
  const needs: Needs = { name: "lb", certificates: { kind: "directory", path: folder.path } };
  await Deno.writeTextFile(`${folder.path}/site.pem`, "anything");
  assertEquals(await prepare(needs), []);
  assertEquals(await prepare(needs, "site.pem"), [`${folder.path}/${PLACEHOLDER}`]);
});

Deno.test("preparePlaces() gives the placeholder the name of the default certificate", async () => {
  using folder = tempDir();
  const needs: Needs = {
    name: "lb",
    certificates: { kind: "directory", path: folder.path },
    defaultFile: "10-site.pem",
  };
  assertEquals(await prepare(needs), [`${folder.path}/10-site.pem`]);
});

Deno.test("preparePlaces() gives a missing crt-list its first line, as the balancer sees the path", async () => {
  using folder = tempDir();
  const store = `${folder.path}/store`;
  await Deno.mkdir(store);
  const list = `${folder.path}/certs.list`;
  const needs: Needs = { name: "lb", certificates: { kind: "crt-list", path: list, store }, lbRoot: "/etc/haproxy" };
  assertEquals(await prepare(needs), [`${store}/${PLACEHOLDER}`, list]);
  assertEquals(await Deno.readTextFile(list), `/etc/haproxy/store/${PLACEHOLDER}\n`);
  assertEquals(await prepare(needs), []);
});

Deno.test("preparePlaces() says which directory is not there", async () => {
  const needs: Needs = { name: "lb", certificates: { kind: "directory", path: "/nonexistent/certs" } };
  const error = await assertRejects(() => prepare(needs), SidecarError);
  assertEquals(error.code, "BALANCER_CONFIG");
  assertMatch(error.message, /^Load balancer lb: its certificate directory \/nonexistent\/certs does not exist$/);
});
