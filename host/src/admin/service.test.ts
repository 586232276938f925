import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { openAdmin } from "./fixtures/open-admin.ts";

describe("the admin interface, asked about decisions,", () => {
  const questions = [
    { title: "the latest decision where none is named", which: {}, want: ["d3"] },
    { title: "the latest so many, newest first", which: { case: "latest", value: 2 }, want: ["d3", "d2"] },
    { title: "a decision by its id", which: { case: "decisionId", value: "d2" }, want: ["d2"] },
    {
      title: "a decision by the id of its request",
      which: { case: "requestId", value: "request-of-d1" },
      want: ["d1"],
    },
  ] as const;
  for (const { title, which, want } of questions) {
    it(`gives ${title}`, async () => {
      const { client } = await openAdmin({ decisions: 3 });
      const { decisions, columns } = await client.getDecision({ which: "case" in which ? which : { case: undefined } });
      expect(decisions.map(({ decision }) => decision?.decisionId)).toEqual(want);
      expect(decisions[0]?.endpoints.map(({ id, slot }) => [slot, id])).toEqual([
        [0, "default/a"],
        [1, "default/b"],
      ]);
      expect(decisions[0]?.decision?.door).toBe("gateway");
      expect(columns.map(({ key }) => key)).toContain("data.uncached_tokens");
    });
  }

  it("has no decision before the first one", async () => {
    const { client } = await openAdmin();
    expect((await client.getDecision({})).decisions).toEqual([]);
  });

  const refusals = [
    { title: "an id that it holds no more", which: { case: "decisionId", value: "d9" }, want: Code.NotFound },
    { title: "no id", which: { case: "requestId", value: "" }, want: Code.InvalidArgument },
    { title: "none of the latest", which: { case: "latest", value: 0 }, want: Code.InvalidArgument },
    { title: "too many", which: { case: "latest", value: 1_001 }, want: Code.InvalidArgument },
  ] as const;
  for (const { title, which, want } of refusals) {
    it(`refuses to give ${title}`, async () => {
      const { client } = await openAdmin({ decisions: 1 });
      const error = await client.getDecision({ which }).catch((cause: unknown) => ConnectError.from(cause));
      expect((error as ConnectError).code).toBe(want);
    });
  }
});
