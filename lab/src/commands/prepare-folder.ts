import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Makes a folder, and sees whether files can be written there before hours are spent on what is to be in them.
 * @throws the file system's error.
 */
export async function prepareFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const trial = join(folder, `.outrider-${process.pid}`);
  await writeFile(trial, "");
  await rm(trial, { force: true });
}
