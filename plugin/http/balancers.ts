import type { Context } from "hono";
import * as v from "valibot";
import { BALANCER, WIRING, WIRING_CHECK } from "./answers.ts";
import { notFound } from "./errors.ts";
import { balancerIn, callOf, type Face, serviceId } from "./face.ts";
import { pathPart, type Route } from "./route.ts";
import { balancerShape, checkShape } from "./shapes.ts";

const tag = "Load balancers";

/** The load balancers: how they are, how they have to be wired, and whether they are. */
export function balancers({ balancers, grid }: Pick<Face, "balancers" | "grid">): readonly Route[] {
  return [
    {
      method: "get",
      path: "/v1/grids/:grid/load_balancers",
      summary: "List the load balancers; each is asked how it is",
      tag,
      answers: { 200: { description: "All", schema: v.strictObject({ load_balancers: v.array(BALANCER) }) } },
      async handle(c): Promise<Response> {
        const all = await balancers.balancers(callOf(c));
        return c.json({ load_balancers: all.map((it) => balancerShape(grid, it)) });
      },
    },
    {
      method: "get",
      path: "/v1/load_balancers/:grid/:balancer",
      summary: "Show a load balancer; its name is percent-encoded, as infra%2Flb",
      tag,
      answers: { 200: { description: "The load balancer", schema: BALANCER } },
      async handle(c): Promise<Response> {
        const found = await balancers.balancer(nameIn(c), callOf(c));
        if (found === undefined) throw notFound();
        return c.json(balancerShape(grid, found));
      },
    },
    {
      method: "get",
      path: "/v1/load_balancers/:grid/:balancer/config",
      summary: "Show the lines that wire a load balancer, for the version that runs",
      tag,
      answers: { 200: { description: "The lines", schema: WIRING } },
      async handle(c): Promise<Response> {
        const name = nameIn(c);
        const config = await balancers.wiring(name, callOf(c));
        if (config === undefined) throw notFound();
        return c.json({ id: serviceId(grid, name), name, config });
      },
    },
    {
      method: "post",
      path: "/v1/load_balancers/:grid/:balancer/check",
      summary: "Try each part of a load balancer's wiring, and leave nothing behind",
      tag,
      answers: { 200: { description: "What became of each part", schema: WIRING_CHECK } },
      async handle(c): Promise<Response> {
        const name = nameIn(c);
        const parts = await balancers.check(name, callOf(c));
        if (parts === undefined) throw notFound();
        return c.json(checkShape(grid, name, parts));
      },
    },
  ];
}

function nameIn(c: Context): string {
  return balancerIn(pathPart(c, "balancer"));
}
