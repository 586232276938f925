import { expect, it } from "vitest";
import { defaultSessionSources, maxSessionKeyLength, readSessionKey, toSessionKey } from "./session-key.ts";

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

it("reads the headers it is told", () => {
  const headers = { "x-user": "u", "x-session-id": "s" };
  expect(keyOf(headers, [{ kind: "header", name: "x-user" }])).toBe("u");
});

const cookies = [
  { title: "of the name", cookie: "a=1; sid=s-1; b=2", want: "s-1" },
  { title: "of the name alone", cookie: "xsid=1; sidx=2; sid=s", want: "s" },
  { title: "without its quotes", cookie: 'sid="s 1"', want: "s 1" },
  { title: "with an equals sign in it", cookie: "sid=a=b", want: "a=b" },
  { title: "not there", cookie: "a=1", want: "next" },
  { title: "without a value", cookie: "sid; a=1", want: "next" },
  { title: "that is empty", cookie: "sid=; a=1", want: "next" },
  { title: "of no cookies", cookie: "", want: "next" },
  { title: "of what is no list of cookies", cookie: ";;;=;sid", want: "next" },
];
for (const { title, cookie, want } of cookies) {
  it(`reads a cookie ${title}`, () => {
    const sources = [{ kind: "cookie", name: "sid" } as const, { kind: "header", name: "next" } as const];
    expect(keyOf({ cookie, next: "next" }, sources)).toBe(want);
  });
}

it("passes over blanks, and takes a key without those around it", () => {
  expect(keyOf({ "x-session-id": "  ", session_id: " b " })).toBe("b");
});

it("makes Unicode of what is none, so that every placement sees the same key", () => {
  expect(toSessionKey("a\ud800")).toBe("a\ufffd");
  const cut = toSessionKey("\u{1f600}".repeat(1_000));
  expect(cut.isWellFormed()).toBe(true);
  expect(Buffer.from(cut).toString()).toBe(cut);
});

it("cuts a key of 10 kB, and tells it from others with the same beginning", () => {
  const long = "k".repeat(10_000);
  const keys = [`${long}1`, `${long}2`].map((id) => keyOf({ "x-session-id": id }));
  expect(keys[0]).toHaveLength(maxSessionKeyLength);
  expect(keys[0]).not.toBe(keys[1]);
  expect(keyOf({ "x-session-id": `${long}1` })).toBe(keys[0]);
});
