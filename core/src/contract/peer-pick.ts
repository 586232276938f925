/** What an earlier profile of the same request picked. */
export interface PeerPick {
  /** Name of the profile, such as `prefill`. */
  readonly profile: string;
  /** Endpoint it picked. */
  readonly slot: number;
}
