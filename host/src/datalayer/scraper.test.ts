import { beforeEach, describe, expect, it } from "vitest";
import { createManualClock, type ManualClock } from "../plugins/fixtures/manual-clock.ts";
import type { PageListener } from "./page-connection.ts";
import type { ScrapeFault } from "./scrape-fault.ts";
import { createScraper, type Scraper, type ScrapeTarget } from "./scraper.ts";

const refused: ScrapeFault = { reason: "refused", detail: "ECONNREFUSED" };

/** A server at the other end, answering when told to. */
interface FakeServer {
  readonly address: string;
  /** Times at which it was asked. */
  readonly askedAtMs: number[];
  readonly listener: PageListener;
  connected: boolean;
  closed: number;
  /** Answers on its own, this long behind the question. */
  answerAfterMs: number | undefined;
  answer: Buffer | ScrapeFault;
}

let clock: ManualClock;
let scraper: Scraper;
let servers: Map<string, FakeServer>;
let roundsOver: number[];
let restMs: number;

beforeEach(() => {
  clock = createManualClock();
  servers = new Map();
  roundsOver = [];
  restMs = 0;
  scraper = createScraper({
    clock,
    random: () => 0.5,
    intervalMs: () => 50,
    restMs: () => restMs,
    timeoutMs: 1_000,
    onRoundOver: () => roundsOver.push(clock.elapsedMs()),
    connect(address, listener) {
      const server: FakeServer = {
        address,
        askedAtMs: [],
        listener,
        connected: true,
        closed: 0,
        answerAfterMs: undefined,
        answer: Buffer.from("page"),
      };
      servers.set(address, server);
      return {
        get connected() {
          return server.connected;
        },
        fetch() {
          server.askedAtMs.push(clock.elapsedMs());
          if (server.answerAfterMs !== undefined) clock.after(server.answerAfterMs, () => respond(server));
        },
        close: () => void server.closed++,
      };
    },
  });
});

function respond({ listener, answer }: FakeServer): void {
  if (Buffer.isBuffer(answer)) listener.onPage(answer);
  else listener.onFault(answer);
}

interface Heard extends ScrapeTarget {
  readonly pages: number[];
  readonly faults: ScrapeFault[];
  rounds: number;
}

function add(address: string, setUp: Partial<FakeServer> = {}, wrong?: ScrapeFault): Heard {
  const heard: Heard = {
    address,
    pages: [],
    faults: [],
    rounds: 0,
    onPage: (_page, durationMs) => {
      heard.pages.push(durationMs);
      return wrong;
    },
    onFault: (fault) => void heard.faults.push(fault),
    onRound: () => void heard.rounds++,
  };
  scraper.add(heard);
  Object.assign(servers.get(address)!, setUp);
  return heard;
}

describe("a server that fails", () => {
  it("is asked again at intervals that double, up to one second", () => {
    add("a", { answerAfterMs: 0, answer: refused });
    scraper.start();
    clock.advance(5_000);
    const gaps = servers.get("a")!.askedAtMs.map((time, i, times) => time - (times[i - 1] ?? 0));
    expect(gaps.slice(0, 9)).toEqual([0, 50, 100, 150, 300, 600, 750, 750, 750]);
  });

  it("is asked at each interval again once a page has come", () => {
    add("a", { answerAfterMs: 0, answer: refused });
    scraper.start();
    clock.advance(3_000);
    const server = servers.get("a")!;
    server.answer = Buffer.from("page");
    clock.advance(1_000);
    server.askedAtMs.length = 0;
    clock.advance(500);
    expect(server.askedAtMs).toHaveLength(10);
  });

  it("is slowed down as well where its page is wrong", () => {
    const heard = add("a", { answerAfterMs: 0 }, { reason: "invalid", detail: "HTML" });
    scraper.start();
    clock.advance(1_000);
    expect(heard.faults[0]).toEqual({ reason: "invalid", detail: "HTML" });
    expect(servers.get("a")!.askedAtMs.length).toBeLessThan(7);
  });

  it("that hangs is given up after the time-out, its connection closed", () => {
    const heard = add("a");
    scraper.start();
    clock.advance(999);
    expect(heard.faults).toEqual([]);
    clock.advance(1);
    expect(heard.faults).toEqual([{ reason: "timeout", detail: "no whole page in 1000 ms" }]);
    expect(servers.get("a")).toMatchObject({ closed: 1, askedAtMs: [0] });
    clock.advance(100);
    expect(servers.get("a")!.askedAtMs).toHaveLength(2);
  });

  it("that does not even accept within the time-out has refused", () => {
    const heard = add("a", { connected: false });
    scraper.start();
    clock.advance(1_050);
    expect(heard.faults).toEqual([{ reason: "refused", detail: "no connection in 1000 ms" }]);
  });

  it("is asked once at a time and holds up no other", () => {
    add("slow");
    add("fast", { answerAfterMs: 2 });
    scraper.start();
    clock.advance(949);
    expect(servers.get("slow")!.askedAtMs).toEqual([0]);
    expect(servers.get("fast")!.askedAtMs).toHaveLength(19);
  });
});

describe("a server", () => {
  it("is asked each interval, and what its page took is told", () => {
    const heard = add("a", { answerAfterMs: 3 });
    scraper.start();
    clock.advance(149);
    expect(servers.get("a")!.askedAtMs).toEqual([0, 50, 100]);
    expect(heard.pages).toEqual([3, 3, 3]);
    expect(heard.rounds).toBe(3);
  });

  it("that is added while scraping goes on is asked in the next round", () => {
    scraper.start();
    clock.advance(20);
    add("a", { answerAfterMs: 0 });
    clock.advance(40);
    expect(servers.get("a")!.askedAtMs).toEqual([50]);
  });

  it("that is removed is heard of no more", () => {
    const heard = add("a");
    scraper.start();
    scraper.remove(heard);
    clock.advance(2_000);
    expect(servers.get("a")).toMatchObject({ closed: 1, askedAtMs: [] });
    expect(heard).toMatchObject({ faults: [], rounds: 0 });
  });
});

describe("a server that is to be left alone between pages", () => {
  it("is asked once in that time, newcomers and those that fail sooner", () => {
    restMs = 1_000;
    add("a", { answerAfterMs: 3 });
    add("failing", { answerAfterMs: 0, answer: refused });
    scraper.start();
    clock.advance(499);
    add("new", { answerAfterMs: 3 });
    clock.advance(2_000);
    expect(servers.get("a")!.askedAtMs).toEqual([0, 1_000, 2_000]);
    expect(servers.get("new")!.askedAtMs).toEqual([500, 1_500]);
    expect(servers.get("failing")!.askedAtMs.slice(0, 3)).toEqual([0, 50, 150]);
  });
});

describe("a round", () => {
  it("asks at most ten groups of at least eight, spread over the interval", () => {
    for (let i = 0; i < 100; i++) add(`s${i}`, { answerAfterMs: 0 });
    scraper.start();
    clock.advance(49);
    const times = [...servers.values()].flatMap(({ askedAtMs }) => askedAtMs);
    expect(times).toHaveLength(100);
    expect(new Set(times)).toEqual(new Set([0, 5, 10, 15, 20, 25, 30, 35, 40, 45]));
  });

  it("asks few at once", () => {
    for (let i = 0; i < 8; i++) add(`s${i}`, { answerAfterMs: 0 });
    scraper.start();
    clock.advance(49);
    expect([...servers.values()].flatMap(({ askedAtMs }) => askedAtMs)).toEqual(Array(8).fill(0));
  });

  it("is over as soon as all its pages have come", () => {
    add("a", { answerAfterMs: 3 });
    add("b", { answerAfterMs: 7 });
    scraper.start();
    clock.advance(99);
    expect(roundsOver).toEqual([7, 57]);
  });

  it("is over at a fifth of the interval where a page is late", () => {
    add("a", { answerAfterMs: 3 });
    add("b", { answerAfterMs: 30 });
    scraper.start();
    clock.advance(99);
    expect(roundsOver).toEqual([10, 60]);
  });

  it("does not wait for a server that was asked in an earlier one", () => {
    add("hung");
    add("a", { answerAfterMs: 3 });
    scraper.start();
    clock.advance(149);
    expect(roundsOver).toEqual([10, 53, 103]);
  });

  it("does not wait for a server that was removed", () => {
    add("a", { answerAfterMs: 3 });
    const hung = add("hung");
    scraper.start();
    clock.advance(5);
    scraper.remove(hung);
    expect(roundsOver).toEqual([5]);
  });

  it("is over once for many groups", () => {
    for (let i = 0; i < 40; i++) add(`s${i}`, { answerAfterMs: 1 });
    scraper.start();
    clock.advance(149);
    expect(roundsOver).toHaveLength(3);
  });

  it("follows no stop", () => {
    add("a", { answerAfterMs: 3 });
    scraper.start();
    clock.advance(1);
    scraper.stop();
    expect(servers.get("a")!.closed).toBe(1);
    clock.advance(1_000);
    expect(roundsOver).toEqual([]);
  });
});
