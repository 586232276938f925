import { goRequirement, pythonRequirement, typescriptDependency } from "./sdk-source.ts";

/** What templates are filled with, by the name in their double braces. */
export type Values = Readonly<Record<string, string>>;

interface LanguageSpec {
  /** Puts into the folder what its files refer to; what it says of that fills the templates. */
  prepare(folder: string): Promise<Values>;
  /** Commands that build, test and check the plugin, run in its folder. */
  readonly next: readonly string[];
}

/** Languages that a plugin can be begun in. */
export const languages = {
  ts: {
    prepare: async (folder) => ({ sdk: await typescriptDependency(folder) }),
    next: ["npm install", "npm test", "outrider plugin verify 'node main.ts'"],
  },
  python: {
    prepare: async () => ({ sdk: pythonRequirement() }),
    next: [
      "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt",
      ".venv/bin/python -m unittest",
      "outrider plugin verify '.venv/bin/python scorer.py'",
    ],
  },
  "python-stdlib": {
    prepare: async () => ({}),
    next: ["python3 -m unittest", "outrider plugin verify 'python3 scorer.py'"],
  },
  go: {
    prepare: async () => ({ ...goRequirement() }),
    next: ["go mod tidy", "go test ./...", "go build -o scorer .", "outrider plugin verify ./scorer"],
  },
} as const satisfies Record<string, LanguageSpec>;

/** One of {@link languages}. */
export type Language = keyof typeof languages;
