import { SidecarError } from "../model/errors.ts";
import type { AlpnAnswering, Call, ChallengeAnswer, ChallengeSolver, LoadBalancer, Presented } from "../ports.ts";
import { alpnChallengeCertificate } from "../x509/challenge_certificate.ts";
import { type Link, obstacleFor, unknownBalancer } from "./linked_balancer.ts";
import { cleanUp, presented } from "./presented.ts";

/** What {@linkcode tlsAlpn01Solver} works with. */
export interface TlsAlpn01Parts {
  /** Those that may answer, by name. */
  readonly balancers: ReadonlyMap<string, LoadBalancer>;
  /** Dates the challenge certificate. */
  readonly now: () => Date;
}

/**
 * Answers tls-alpn-01 (RFC 8737): the linked balancer serves a self-signed certificate to clients that offer `acme-tls/1`. It
 * is made anew with each presenting and kept nowhere.
 */
export function tlsAlpn01Solver({ balancers, now }: TlsAlpn01Parts): ChallengeSolver {
  return {
    type: "tls-alpn-01",
    async present(answer: ChallengeAnswer, call: Call): Promise<Presented> {
      const alpn = answering(balancers, answer);
      if (alpn instanceof SidecarError) throw alpn;
      const certificate = await alpnChallengeCertificate(answer.name, answer.keyAuthorization, now());
      const down = (call: Call): Promise<void> => alpn.withdraw(answer.name, call);
      try {
        await alpn.answer(certificate, call);
      } catch (error) {
        await cleanUp(down).catch(() => {}); // an abort may have come when it was up already
        throw error;
      }
      return presented((call) => alpn.prove(certificate, call), down);
    },
    obstacle: (link) => {
      const alpn = answering(balancers, link);
      return alpn instanceof SidecarError ? alpn : undefined;
    },
  };
}

function answering(balancers: ReadonlyMap<string, LoadBalancer>, link: Link): AlpnAnswering | SidecarError {
  const refuse = (found: string, todo: string): SidecarError => obstacleFor("tls-alpn-01", link, found, todo);
  const { balancer } = link;
  if (balancer === undefined) {
    return refuse("no balancer is linked", "name one that has challenges= in LOAD_BALANCERS with --linked-service");
  }
  const linked = balancers.get(balancer);
  if (linked === undefined) {
    return unknownBalancer(
      "tls-alpn-01",
      link,
      balancers,
      "set LOAD_BALANCERS, with challenges= in the balancer's URL",
    );
  }
  if (linked.noAlpn !== undefined) return refuse(linked.noAlpn, "choose another type with --auth-type");
  return linked.alpn ?? refuse(
    `balancer ${balancer} has no acme-tls/1 frontend that is known`,
    "add challenges= with the crt-list of that frontend to its URL in LOAD_BALANCERS",
  );
}
