import { expect, it } from "vitest";
import { parseTarget, withoutQuery } from "./request-target.ts";

const targets = [
  { url: "/v1/models?a=1", want: { path: "/v1/models?a=1", authority: undefined } },
  { url: "//double", want: { path: "//double", authority: undefined } },
  { url: "http://a.b:80/v1/models?a=1", want: { path: "/v1/models?a=1", authority: "a.b:80" } },
  { url: "HTTPS://[::1]:8080/x", want: { path: "/x", authority: "[::1]:8080" } },
  { url: "http://a.b", want: { path: "/", authority: "a.b" } },
  { url: "http://a.b?q", want: { path: "/?q", authority: "a.b" } },
  { url: "http://user@a.b/", want: undefined },
  { url: "http:///x", want: undefined },
  { url: "ftp://a.b/x", want: undefined },
  { url: "*", want: undefined },
  { url: "", want: undefined },
];
for (const { url, want } of targets)
  it(`reads the target ${JSON.stringify(url)}`, () => expect(parseTarget(url)).toEqual(want));

it("cuts a query off", () => expect(["/a?b?c", "/a"].map(withoutQuery)).toEqual(["/a", "/a"]));
