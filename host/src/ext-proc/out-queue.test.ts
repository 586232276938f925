import { describe, expect, it } from "vitest";
import { OutQueue } from "./out-queue.ts";

const bytes = (length: number, fill: number) => Buffer.alloc(length, fill);
const taken = (queue: OutQueue) => Buffer.concat(queue.take());

describe("what is queued", () => {
  it("comes out in order and once", () => {
    const queue = new OutQueue();
    const sent = [bytes(10, 1), bytes(20_000, 2), bytes(0, 0), bytes(100, 3), bytes(8_192, 4), bytes(1, 5)];
    for (const piece of sent) queue.keep(piece);
    expect(taken(queue)).toEqual(Buffer.concat(sent));
    expect(queue.isEmpty).toBe(true);
    expect(queue.take()).toEqual([]);
  });

  it("is one piece where it is small", () => {
    const queue = new OutQueue();
    for (let i = 0; i < 5; i++) queue.copy(bytes(100, i));
    expect(queue.take()).toHaveLength(1);
  });

  it("is not copied where it is large", () => {
    const queue = new OutQueue();
    const large = bytes(20_000, 1);
    queue.copy(bytes(10, 0));
    queue.keep(large);
    expect(queue.take()[1]).toBe(large);
  });

  it("stays as it was when it was copied", () => {
    const queue = new OutQueue();
    const reused = bytes(10, 1);
    queue.copy(reused);
    reused.fill(2);
    expect(taken(queue)).toEqual(bytes(10, 1));
  });

  it("stays apart from what other queues are given in between, across any amount of memory", () => {
    const queues = Array.from({ length: 7 }, () => new OutQueue());
    for (let i = 0; i < 400; i++) for (const [q, queue] of queues.entries()) queue.copy(bytes(37 * (q + 1), q));
    for (const [q, queue] of queues.entries()) expect(taken(queue)).toEqual(bytes(400 * 37 * (q + 1), q));
  });

  it("may be larger than the memory it is copied into", () => {
    const queue = new OutQueue();
    queue.copy(bytes(200_000, 1));
    queue.copy(bytes(10, 2));
    expect(taken(queue)).toEqual(Buffer.concat([bytes(200_000, 1), bytes(10, 2)]));
  });
});
