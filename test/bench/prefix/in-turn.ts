/** CPU of one call of each in µs by the operating system, by window; windows in turn, a first one not counted. */
export function inTurn(
  calls: readonly (() => void)[],
  windows: number,
  seconds: number,
): readonly (readonly number[])[] {
  const all = Array.from({ length: windows + 1 }, () => calls.map((call) => cpuUs(call, seconds))).slice(1);
  return calls.map((_, i) => all.map((window) => window[i]!));
}

function cpuUs(call: () => void, seconds: number): number {
  const end = performance.now() + 1000 * seconds;
  const before = process.cpuUsage();
  let calls = 0;
  while (performance.now() < end) for (let i = 0; i < 20; i++, calls++) call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}
