/**
 * Has this process end when what started it over a channel is gone: a launcher waits for its child, so it was killed,
 * and this process ends as if killed too. Without such a channel nothing happens.
 */
export function endWithLauncher(): void {
  process.once("disconnect", () => process.exit(1));
  process.channel?.unref();
}
