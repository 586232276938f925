import { explainMove, type Move, type MoveCause, type MovedDecision } from "./moves.ts";
import type { MatrixCell, ReplayReport, ScorerReason } from "./replay-report.ts";

/** What one scorer has said for new picks. */
interface Gain {
  decided: number;
  now: number;
  count: number;
  recorded: number;
  countRecorded: number;
}

/** Requests that go elsewhere: from where, to where, and why. */
export class MoveTally {
  readonly #show: number;
  readonly #cells = new Map<string, { readonly from: string; readonly to: string; count: number }>();
  readonly #causes = new Map<string, { readonly cause: MoveCause; readonly by: string; count: number }>();
  readonly #gains = new Map<string, Gain>();
  readonly #moves: Move[] = [];

  /** @param show moves kept for people. */
  constructor(show: number) {
    this.#show = show;
  }

  add(moved: MovedDecision): void {
    const move = explainMove(moved);
    const { from, to, cause, by, gains } = move;
    count(this.#cells, `${from}\n${to}`, { from, to, count: 0 });
    count(this.#causes, `${cause}\n${by}`, { cause, by, count: 0 });
    for (const { scorer, now, recorded } of gains)
      this.#gain(scorer, now, recorded, cause === "scorer" && by === scorer);
    if (this.#moves.length < this.#show) this.#moves.push(move);
  }

  report(): Pick<ReplayReport, "matrix" | "causes" | "scorers" | "moves"> {
    const matrix: readonly MatrixCell[] = mostFirst(this.#cells.values());
    return { matrix, causes: mostFirst(this.#causes.values()), scorers: this.#scorers(), moves: this.#moves };
  }

  #gain(scorer: string, now: number, recorded: number, hasDecided: boolean): void {
    const gain = this.#gains.get(scorer) ?? { decided: 0, now: 0, count: 0, recorded: 0, countRecorded: 0 };
    this.#gains.set(scorer, gain);
    if (hasDecided) gain.decided += 1;
    if (!Number.isNaN(now)) {
      gain.now += now;
      gain.count += 1;
    }
    if (Number.isNaN(recorded)) return;
    gain.recorded += recorded;
    gain.countRecorded += 1;
  }

  #scorers(): readonly ScorerReason[] {
    return Array.from(this.#gains, ([scorer, { decided, now, count, recorded, countRecorded }]) => ({
      scorer,
      decided,
      gain: count === 0 ? 0 : now / count,
      gainRecorded: countRecorded === 0 ? null : recorded / countRecorded,
    }));
  }
}

function count<T extends { count: number }>(known: Map<string, T>, key: string, fresh: T): void {
  const found = known.get(key) ?? fresh;
  known.set(key, found);
  found.count += 1;
}

function mostFirst<T extends { readonly count: number }>(counted: Iterable<T>): readonly T[] {
  return [...counted].sort((a, b) => b.count - a.count);
}
