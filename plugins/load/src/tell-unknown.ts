/** Why candidates were left without a score; nothing where none was. */
export function tellUnknown(what: string, known: number, total: number): string | undefined {
  return known === total ? undefined : `${what} unknown at ${total - known} of ${total}`;
}
