import type { Kit } from "./kit.ts";
import type { Link } from "./link.ts";
import { SessionLink } from "./session-link.ts";
import { type Chunk, toDeltaStep } from "./state-steps.ts";
import { expectAllSame, type TestAnswer } from "./test-answer.ts";
import type { TestCall } from "./test-call.ts";
import type { World } from "./world.ts";

interface Noted {
  readonly world: World;
  readonly answers: readonly TestAnswer[];
  readonly when: string;
}

/**
 * Compares answers on a connection that came by steps with those of fresh connections that are given the same tables
 * whole. The fresh ones come last: a plugin of unary calls keeps one table.
 */
export class Comparison {
  readonly #kit: Kit;
  readonly #noted: Noted[] = [];

  constructor(kit: Kit) {
    this.#kit = kit;
  }

  /** Asks over some of the endpoints and over all, and keeps what is answered. */
  async ask(link: Link, when: string): Promise<void> {
    const world = link.world!;
    this.#noted.push({ world, answers: await link.ask(this.#questions(world)), when });
  }

  /** Asks at the table before in the middle of a step, and at the one after right behind it. */
  async askThrough(link: Link, before: World, after: World): Promise<void> {
    const chunks = splitStep(toDeltaStep(before, after, link.view));
    const [early, late] = [this.#questions(before), this.#questions(after)];
    if (link instanceof SessionLink) {
      link.send({ case: "state", value: chunks[0]! });
      link.putCalls(early);
      for (const chunk of chunks.slice(1)) link.send({ case: "state", value: chunk });
      link.world = after;
      link.putCalls(late);
      await link.answered([...early, ...late]);
      link.world = before;
      this.#noted.push({
        world: before,
        answers: early.map((call) => link.answerTo(call)),
        when: "in the middle of a step",
      });
      link.world = after;
      this.#noted.push({ world: after, answers: late.map((call) => link.answerTo(call)), when: "right behind a step" });
      return;
    }
    await link.push(chunks.slice(0, 1));
    this.#noted.push({ world: before, answers: await link.ask(early), when: "in the middle of a step" });
    await link.push(chunks.slice(1));
    link.world = after;
    this.#noted.push({ world: after, answers: await link.ask(late), when: "right behind a step" });
  }

  /** @throws {RuleFailure} where an answer differs. */
  async settle(): Promise<void> {
    for (const { world, answers, when } of this.#noted) {
      const link = await this.#kit.ready(world);
      const wanted = await link.ask(answers.map(({ call }) => this.#kit.calls.again(call)));
      expectAllSame(answers, wanted, `the answer on a fresh full table, ${when}`);
      link.close();
    }
  }

  #questions(world: World): readonly TestCall[] {
    const { asked, calls } = this.#kit;
    return asked.flatMap((instance) => [
      calls.create(instance, world),
      calls.create(instance, world, calls.someSlots(world)),
    ]);
  }
}

/** A step in two chunks at least. */
function splitStep(chunks: readonly Chunk[]): readonly Chunk[] {
  if (chunks.length > 1) return chunks;
  const [whole] = chunks;
  return [
    { ...whole!, columns: [], more: true },
    { ...whole!, removedSlots: [], upserts: [] },
  ];
}
