/** A recording that cannot be made again, or a configuration that it cannot be made again under; for people. */
export class ReplayError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ReplayError";
  }
}
