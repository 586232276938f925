import { describe, expect, it } from "vitest";
import { CaseFileError, parseCaseFile } from "./case-file.ts";

describe("parseCaseFile", () => {
  const wrong = [
    { title: "no JSON", text: "cases:", message: /no JSON/ },
    { title: "an empty file", text: "", message: /no JSON/ },
    { title: "a list", text: "[]", message: /no object/ },
    { title: "null", text: "null", message: /no object/ },
    { title: "another version", text: '{"schema_version": 2, "cases": []}', message: /schema_version is 2/ },
    { title: "no version", text: '{"cases": []}', message: /schema_version is undefined/ },
    { title: "no cases", text: '{"schema_version": 1}', message: /cases is missing/ },
    { title: "cases that are no list", text: '{"schema_version": 1, "cases": {}}', message: /cases is missing/ },
  ];
  for (const { title, text, message } of wrong) {
    it(`refuses ${title}`, () => {
      expect(() => parseCaseFile(text)).toThrow(CaseFileError);
      expect(() => parseCaseFile(text)).toThrow(message);
    });
  }

  it("keeps the place of rows that are no cases", () => {
    const { cases } = parseCaseFile(
      '{"schema_version": 1, "cases": [null, 3, {"id": 7}, {"id": "a/b", "group": "g"}]}',
    );
    expect(cases.map(({ id, group }) => [id, group])).toEqual([
      ["case 1", ""],
      ["case 2", ""],
      ["case 3", ""],
      ["a/b", "g"],
    ]);
  });
});
