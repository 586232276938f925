import { describe, expect, it } from "vitest";
import { joinAnswer, splitCall } from "./json-body.ts";

const split = (message: unknown) => {
  const { body, message: rest } = splitCall(Buffer.from(JSON.stringify(message))) ?? {};
  return [body && Buffer.from(body).toString(), rest && JSON.parse(Buffer.from(rest).toString())];
};

describe("a call in JSON is left as it is", () => {
  const cases = [
    { title: "that is none", call: "{" },
    { title: "that is no object", call: "null" },
    { title: "without a body", call: '{"model":"m"}' },
    { title: "whose body is no string", call: '{"body":7}' },
    { title: "whose body is no Base64", call: '{"body":"a b"}' },
    { title: "whose body ends within a byte", call: '{"body":"YWJjZ"}' },
    { title: "that has facts too", call: '{"body":"YQ==","facts":{}}' },
  ];
  for (const { title, call } of cases) it(title, () => expect(splitCall(Buffer.from(call))).toBeUndefined());
});

describe("a call in JSON", () => {
  const bodies = [
    { title: "Base64", body: "Pz8_Pg==".replace("_", "/") },
    { title: "Base64 for URLs", body: "Pz8_Pg==" },
    { title: "Base64 without padding", body: "Pz8_Pg" },
  ];
  for (const { title, body } of bodies) {
    it(`is parted from its body in ${title}`, () =>
      expect(split({ path: "/é", body })).toEqual(["???>", { path: "/é" }]));
  }

  it("may have an empty body", () => expect(split({ body: "" })).toEqual(["", {}]));
});

it("an answer in JSON gets its body, and the length of it all", async () => {
  const message = Buffer.from('{"decisionId":"d"}');
  const body = (async function* () {
    yield message;
  })();
  const answer = await joinAnswer(
    { status: 200, header: new Headers({ "content-length": "18" }), body },
    Buffer.from("é"),
  );
  let text = "";
  for await (const chunk of answer.body ?? []) text += Buffer.from(chunk).toString();
  expect(JSON.parse(text)).toEqual({ decisionId: "d", body: "w6k=" });
  expect(answer.header?.get("content-length")).toBe(String(text.length));
});
