import { describe, expect, it } from "vitest";
import { rules } from "./catalogue.ts";

const ids = rules.map(({ id }) => id);

describe("the rules", () => {
  it("have ids of their own, in order", () => {
    expect(ids).toEqual(Array.from(ids, (_, i) => `C${i + 1}`));
  });

  it("build on rules that there are, and not on each other", () => {
    const reachable = (id: string): readonly string[] => {
      const { after } = rules.find((rule) => rule.id === id)!;
      return [...after, ...after.flatMap(reachable)];
    };
    for (const { id, after } of rules) {
      expect(after.filter((other) => !ids.includes(other))).toEqual([]);
      expect(reachable(id)).not.toContain(id);
    }
  });

  it("each have a level, and say what they check and what to do", () => {
    for (const { title, levels, checks, source, remedy } of rules) {
      expect(levels.length).toBeGreaterThan(0);
      expect(title).not.toMatch(/\.$/);
      for (const sentence of [checks, remedy]) expect(sentence).toMatch(/^[A-Z].*\.$/s);
      expect(source).not.toBe("");
    }
  });
});
