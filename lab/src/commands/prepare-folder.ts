import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/**
 * Makes a folder, and sees whether files can be written there before hours are spent on what is to be in them.
 * @throws the file system's error.
 */
export async function prepareFolder(folder: string): Promise<void> {
  await makeFolder(folder);
  const trial = join(folder, `.outrider-${process.pid}`);
  await writeFile(trial, "");
  await rm(trial, { force: true });
}

/** With all above it. Node's own way never ends where a folder takes no others, such as `/proc`. */
async function makeFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  if (found !== undefined) return;
  if (dirname(folder) !== folder) await makeFolder(dirname(folder));
  await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}
