import { type DecisionRecord, encodeSessionToken, type Sessions } from "@outrider/core";

/** A token that a response carries. */
export interface ResponseToken {
  readonly header: string;
  /** @param slot of the endpoint that answers. */
  tokenOf(slot: number): string;
}

const none: readonly ResponseToken[] = [];

/** Slot that a profile picked, empty = the destination; -1 = it has picked none. */
export function pickedIn({ profiles, destination }: DecisionRecord, profile: string): number {
  const picked = profile === "" ? destination : profiles.find(({ name }) => name === profile)?.picked;
  return picked?.[0] ?? -1;
}

/**
 * Tokens of the endpoints that a decision chose, none of a profile that has picked none. Names are taken at once, since
 * an endpoint may have left, and its slot be another's, when the response comes.
 * @param slots of the destinations.
 */
export function tokensOf(
  sessions: Sessions | undefined,
  made: DecisionRecord,
  slots: readonly number[],
): readonly ResponseToken[] {
  if (sessions === undefined || sessions.tokenHeaders.length === 0) return none;
  const idOf = (slot: number) => made.snapshot.at(slot)?.id ?? "";
  return sessions.tokenHeaders.flatMap(({ header, profile }): readonly ResponseToken[] => {
    if (profile === "" || profile === made.primary) {
      const ids = slots.map(idOf);
      return [{ header, tokenOf: (slot) => encodeSessionToken(ids[Math.max(0, slots.indexOf(slot))] ?? "") }];
    }
    const slot = pickedIn(made, profile);
    if (slot < 0) return none;
    const token = encodeSessionToken(idOf(slot));
    return [{ header, tokenOf: () => token }];
  });
}
