/** Failure cases that have no test yet, and what they wait for. A case that gets one is to be taken out here. */
export const UNPROVEN: Readonly<Record<string, string>> = {
  "F-25": "the sidecar has no setting for an HTTP proxy",
};

/** Parts of cases that have a test which leaves them out. */
export const PARTLY: Readonly<Record<string, string>> = {
  "F-18": "a class of its own for TLS (it is CA_TRANSPORT)",
  "F-24": "SERVFAIL, and an IPv6 address that is dead: the system's resolver decides",
  "F-41": "limits of profiles and IP addresses are not known locally; the CA's words are told",
  "F-45": "the challenge is asked for again by the next attempt, ten minutes later, not within one",
  "F-51": "no doctor's findings are attached",
  "F-55": "there is no policy to insist on the profile (require): it is left out",
  "F-58a": "must-staple cannot be asked for, so it cannot be dropped",
  "F-81": "a leaf alone is taken unless the one in use has intermediates, as a root may sign leaves; none is fetched",
  "F-85": "a lost usage or a shorter life is not warned of; the schedule follows",
  "F-88": "certID is tested where it is made",
  "F-95": "no earlier account key is brought back: it may be another account's",
  "F-96": "a balancer's files are synced before and after their rename, but no test reorders those",
  "F-114": "what the CA was told to validate while SIGTERM came may fail: one order more, a minute later",
  "F-123": "no second CA by policy: only one is used",
  "F-130": "no second CA by policy: only one is used",
};
