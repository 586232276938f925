import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { fromGoFlags } from "./go-flags.ts";

function program(): Command {
  const serve = new Command("serve")
    .option("--grpc-port <port>")
    .option("--secure-serving [bool]")
    .option("-v, --v <level>")
    .option("--no-warmup")
    .option("--json");
  const check = new Command("check").argument("<file>").option("--json");
  return new Command("outrider").addCommand(serve).addCommand(new Command("config").addCommand(check));
}

describe("fromGoFlags", () => {
  const cases: readonly { title: string; args: string; want: string }[] = [
    { title: "takes two dashes and a space", args: "serve --grpc-port 9", want: "serve --grpc-port=9" },
    { title: "takes one dash and a space", args: "serve -grpc-port 9", want: "serve --grpc-port=9" },
    { title: "takes one dash and =", args: "serve -grpc-port=9", want: "serve --grpc-port=9" },
    { title: "takes -v=2", args: "serve -v=2", want: "serve --v=2" },
    { title: "takes -v 2", args: "serve -v 2", want: "serve --v=2" },
    { title: "takes --v=2", args: "serve --v=2", want: "serve --v=2" },
    { title: "leaves -v2 to commander", args: "serve -v2", want: "serve -v2" },
    { title: "takes a negative value for a value", args: "serve -v -1", want: "serve --v=-1" },
    { title: "takes what looks like a flag for a value", args: "serve --grpc-port --x", want: "serve --grpc-port=--x" },
    { title: "takes an empty value", args: "serve --grpc-port=", want: "serve --grpc-port=" },
    { title: "takes = inside of a value", args: "serve --grpc-port=a=b", want: "serve --grpc-port=a=b" },
    { title: "leaves a missing value to commander", args: "serve --grpc-port", want: "serve --grpc-port" },
    { title: "reads a bare switch as true", args: "serve --secure-serving", want: "serve --secure-serving=true" },
    { title: "takes --switch=false", args: "serve --secure-serving=false", want: "serve --secure-serving=false" },
    {
      title: "gives a switch no value of the next word",
      args: "serve -secure-serving x",
      want: "serve --secure-serving=true x",
    },
    { title: "leaves a plain switch out when it is false", args: "serve --json=false --no-warmup=F", want: "serve" },
    {
      title: "sets a plain switch when it is true",
      args: "serve -json=T --no-warmup=1",
      want: "serve --json --no-warmup",
    },
    { title: "descends into subcommands", args: "config check -json=true f.yaml", want: "config check --json f.yaml" },
    { title: "leaves unknown flags to commander", args: "serve -bogus=1 --x", want: "serve -bogus=1 --x" },
    { title: "leaves everything behind -- as it is", args: "serve -- -v=2", want: "serve -- -v=2" },
    { title: "leaves a lone dash as it is", args: "config check -", want: "config check -" },
  ];
  for (const { title, args, want } of cases) {
    it(title, () => expect(fromGoFlags(args.split(" "), program()).join(" ")).toBe(want));
  }

  it("keeps line breaks inside of a value", () => {
    expect(fromGoFlags(["serve", "-grpc-port=a\nb"], program())).toEqual(["serve", "--grpc-port=a\nb"]);
  });

  it("refuses a plain switch that is neither true nor false", () => {
    expect(() => fromGoFlags(["serve", "--json=maybe"], program())).toThrow('--json is true or false, not "maybe"');
  });
});
