import { type FSWatcher, watch } from "node:fs";
import type { CycleClock } from "@outrider/core";

/** From a change to telling it: the several writes of one change count as one. */
const settleMs = 100;
/** Between two looks where nothing is told: some network disks tell nothing. */
const pollMs = 10_000;

/** Folders under watch. */
export interface FolderWatch {
  close(): void;
}

/**
 * Calls `look` some ms after anything has changed in one of the folders, and every {@link pollMs} anyway; never twice at
 * once. Folders are watched and not files, since a file that is replaced, or a link to it that is swapped as Kubernetes
 * does, is another file.
 * @param look resolves with whether it wants to look again soon.
 */
export function watchFolders(folders: readonly string[], clock: CycleClock, look: () => Promise<boolean>): FolderWatch {
  return new Watch(folders, clock, look);
}

class Watch implements FolderWatch {
  readonly #clock: CycleClock;
  readonly #look: () => Promise<boolean>;
  readonly #watchers = new Map<string, FSWatcher | undefined>();
  #timer: unknown;
  #isLooking = false;
  #changedMeanwhile = false;
  #isClosed = false;

  constructor(folders: readonly string[], clock: CycleClock, look: () => Promise<boolean>) {
    this.#clock = clock;
    this.#look = look;
    for (const folder of folders) this.#watchers.set(folder, undefined);
    this.#watch();
    this.#arm(pollMs);
  }

  close(): void {
    this.#isClosed = true;
    this.#clock.cancel(this.#timer);
    for (const watcher of this.#watchers.values()) watcher?.close();
  }

  /** Watches what is not watched; a folder that cannot be is tried again at the next look. */
  #watch(): void {
    for (const [folder, watcher] of this.#watchers) if (watcher === undefined) this.#watchFolder(folder);
  }

  #watchFolder(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#changed());
      watcher.on("error", () => {
        watcher.close();
        this.#watchers.set(folder, undefined);
      });
      this.#watchers.set(folder, watcher);
    } catch {
      // Looking every now and then has to do.
    }
  }

  #changed(): void {
    if (this.#isLooking) this.#changedMeanwhile = true;
    else this.#arm(settleMs);
  }

  #arm(delayMs: number): void {
    this.#clock.cancel(this.#timer);
    if (!this.#isClosed) this.#timer = this.#clock.after(delayMs, () => void this.#lookAgain());
  }

  async #lookAgain(): Promise<void> {
    this.#watch();
    this.#isLooking = true;
    this.#changedMeanwhile = false;
    const soon = await this.#look();
    this.#isLooking = false;
    this.#arm(soon || this.#changedMeanwhile ? settleMs : pollMs);
  }
}
