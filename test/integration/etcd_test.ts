import { assertEquals, assertRejects } from "@std/assert";
import { startEtcd } from "../support/etcd.ts";
import { has } from "../support/process.ts";

const ignore = !has("etcd");

Deno.test({ name: "etcd keeps its keys over a restart [needs etcd]", ignore }, async () => {
  await using etcd = await startEtcd();
  await etcd.put("/a/b c/x", "one\n=&ä");
  await etcd.put("/a/y", "");
  await etcd.stop();
  await assertRejects(() => etcd.get("/a/y"), TypeError);
  await etcd.restart();
  assertEquals(await etcd.keys("/a"), ["/a/b c/x", "/a/y"]);
  assertEquals([await etcd.get("/a/b c/x"), await etcd.get("/a/y")], ["one\n=&ä", ""]);
  assertEquals([await etcd.get("/a"), await etcd.get("/none")], [undefined, undefined]);
});

Deno.test({ name: "etcd removes a key, a directory, and what is not there [needs etcd]", ignore }, async () => {
  await using etcd = await startEtcd();
  for (const key of ["/a/b/x", "/a/b/y", "/a/z"]) await etcd.put(key, "1");
  await etcd.remove("/a/z");
  assertEquals(await etcd.keys("/a"), ["/a/b/x", "/a/b/y"]);
  await etcd.remove("/a/b");
  await etcd.remove("/none");
  assertEquals([await etcd.keys("/a"), await etcd.keys("/none")], [[], []]);
});

Deno.test({ name: "etcd has no v2 keys unless it is told to [needs etcd]", ignore }, async () => {
  await using etcd = await startEtcd({ v2: false });
  const response = await fetch(`${etcd.url}/v2/keys/`);
  assertEquals([response.status, await response.text()], [404, "404 page not found\n"]);
});
