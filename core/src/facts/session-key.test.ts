import { expect, it } from "vitest";
import { defaultSessionSources, maxSessionKeyLength, readSessionKey } from "./session-key.ts";

function keyOf(headers: Readonly<Record<string, string>>, sources = defaultSessionSources): string {
  return readSessionKey((name) => headers[name], sources);
}

const cases = [
  { title: "is empty without a header", headers: {}, want: "" },
  { title: "is the session's id first", headers: { session_id: "b", "x-session-id": "a" }, want: "a" },
  { title: "is an agent's id next", headers: { session_id: "b", "x-claude-code-session-id": "a" }, want: "a" },
  { title: "passes over an empty header", headers: { "x-session-id": "", session_id: "b" }, want: "b" },
];
for (const { title, headers, want } of cases) it(`the key ${title}`, () => expect(keyOf(headers)).toBe(want));

it("reads the headers it is told", () => expect(keyOf({ "x-user": "u", "x-session-id": "s" }, ["x-user"])).toBe("u"));

it("cuts a key of 10 kB, and tells it from others with the same beginning", () => {
  const long = "k".repeat(10_000);
  const keys = [`${long}1`, `${long}2`].map((id) => keyOf({ "x-session-id": id }));
  expect(keys[0]).toHaveLength(maxSessionKeyLength);
  expect(keys[0]).not.toBe(keys[1]);
  expect(keyOf({ "x-session-id": `${long}1` })).toBe(keys[0]);
});
