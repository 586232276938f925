import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder of files that change as those of a Kubernetes Secret do. */
export interface SecretFolder {
  readonly path: string;
  /** Puts these files in the place of those there are, all at once: a link to their folder is swapped. */
  swap(files: Readonly<Record<string, string>>): void;
  /** Writes a file in place, beside those that are swapped. */
  write(name: string, text: string): void;
  remove(): void;
}

/** An empty one. */
export function createSecretFolder(): SecretFolder {
  const path = mkdtempSync(join(tmpdir(), "outrider-tls-"));
  let version = 0;
  return {
    path,
    swap(files) {
      const folder = `..version_${++version}`;
      mkdirSync(join(path, folder));
      for (const [name, text] of Object.entries(files)) {
        writeFileSync(join(path, folder, name), text);
        if (version === 1) symlinkSync(join("..data", name), join(path, name));
      }
      symlinkSync(folder, join(path, "..data_tmp"));
      renameSync(join(path, "..data_tmp"), join(path, "..data"));
    },
    write: (name, text) => writeFileSync(join(path, name), text),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
