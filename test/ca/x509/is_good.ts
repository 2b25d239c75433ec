/** Whether a check passes; a signature that cannot even be read does not. */
export function isGood(check: () => boolean): boolean {
  try {
    return check();
  } catch {
    return false;
  }
}
