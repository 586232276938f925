import { expect, it } from "vitest";
import { decodeSessionToken, encodeSessionToken } from "./session-token.ts";

it("a token is the endpoint's id in base64 of the standard alphabet", () => {
  expect(encodeSessionToken("namespace1/test-pod-name-rank-0")).toBe("bmFtZXNwYWNlMS90ZXN0LXBvZC1uYW1lLXJhbmstMA==");
});

const ids = ["default/vllm-0-rank-0", "a", "10.0.0.1:8000", "default/ü-0", "x".repeat(300)];
for (const id of ids) {
  it(`names ${id.slice(0, 30)} again`, () => expect(decodeSessionToken(encodeSessionToken(id))).toBe(id));
}

const none = [
  { title: "nothing", token: "" },
  { title: "no base64", token: "not a token!" },
  { title: "a truncated one", token: "bmFtZXNwYWNlMS90ZXN0LXBvZC1uYW1lLXJhbmstMA=" },
  { title: "one with something behind it", token: "YQ==YQ==" },
  { title: "one in another alphabet", token: "_-8=" },
  { title: "one with blanks in it", token: "Y Q==" },
  { title: "one that holds no UTF-8", token: Buffer.from([0xff, 0xfe]).toString("base64") },
  { title: "replacement characters", token: "\ufffd\ufffd" },
  { title: "10 kB", token: "QUFB".repeat(2_500) },
];
for (const { title, token } of none) {
  it(`reads no endpoint out of ${title}`, () => expect(decodeSessionToken(token)).toBeUndefined());
}
