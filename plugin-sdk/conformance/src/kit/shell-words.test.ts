import { describe, expect, it } from "vitest";
import { splitWords } from "./shell-words.ts";

const cases = [
  { title: "at spaces of any number", line: "  node  main.ts\t--x ", want: ["node", "main.ts", "--x"] },
  {
    title: "keeps what stands in quotes together",
    line: `python3 'my plugin.py' "a b"`,
    want: ["python3", "my plugin.py", "a b"],
  },
  { title: "joins quoted and bare parts", line: `--name="a b"'c d'e`, want: ["--name=a bc de"] },
  { title: "keeps an empty word", line: `x '' ""`, want: ["x", "", ""] },
  { title: "takes what follows a backslash as it is", line: String.raw`my\ plugin \"x\"`, want: ["my plugin", '"x"'] },
  { title: "leaves backslashes alone in single quotes", line: String.raw`'a\b'`, want: [String.raw`a\b`] },
  { title: "leaves other backslashes alone in double quotes", line: String.raw`"a\b\"c"`, want: [String.raw`a\b"c`] },
  { title: "expands nothing", line: "echo $HOME *.ts ~ `id`", want: ["echo", "$HOME", "*.ts", "~", "`id`"] },
  { title: "finds nothing in nothing", line: "  ", want: [] },
];

describe("splitWords", () => {
  it.each(["node 'main.ts", 'node "main.ts', `a"'`])("refuses a quote that is not closed: %s", (line) => {
    expect(() => splitWords(line)).toThrow(/is not closed/);
  });

  for (const { title, line, want } of cases) it(title, () => expect(splitWords(line)).toEqual(want));
});
