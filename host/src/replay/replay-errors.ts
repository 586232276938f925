/** A file that is no recording, or is broken, with the place. */
export class RecordingError extends Error {
  constructor(path: string, offset: number, what: string, options?: ErrorOptions) {
    super(`${path}, byte ${offset}: ${what}`, options);
    this.name = "RecordingError";
  }
}

/** A plugin that is to answer a recording and does not run. */
export class CastError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CastError";
  }
}
