/** What doors take at most, so that no client and no gateway can exhaust the host. */
export interface DoorLimits {
  /** Largest body of a request that is held, in bytes; 413 above it. */
  readonly maxBodyBytes: number;
  /** Most that the bodies of all doors may hold together, in bytes; 429 above it. */
  readonly maxHeldBytes: number;
  /** Largest headers of a request, names and values together, in bytes; 431 above it. */
  readonly maxHeaderBytes: number;
  /** Requests that a door has open at once; 429 above it. */
  readonly maxOpenRequests: number;
  /** Connections that a door has open at once; those above it are closed at once. */
  readonly maxConnections: number;
  /** Longest time in which a request has to come in whole, in ms; 408 above it. */
  readonly maxRequestMs: number;
}

/** Generous: they keep the host alive, not the model servers free. */
export const defaultDoorLimits: DoorLimits = {
  maxBodyBytes: 10 * 1024 ** 2,
  maxHeldBytes: 1024 ** 3,
  maxHeaderBytes: 64 * 1024,
  maxOpenRequests: 50_000,
  maxConnections: 10_000,
  maxRequestMs: 600_000,
};
