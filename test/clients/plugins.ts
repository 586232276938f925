/** One plugin as the host's admin interface shows it. */
export interface PluginView {
  readonly name: string;
  readonly state: string;
  readonly pid?: number;
  readonly restarts?: number;
  readonly message?: string;
  readonly generation?: number;
  readonly lateAnswers?: number;
  readonly calls?: Readonly<Partial<Record<"scored" | "abstained" | "late" | "failed" | "shed", number>>>;
}

/** @param admin `ip:port` of a host's admin interface. */
export async function listPlugins(admin: string): Promise<readonly PluginView[]> {
  const response = await fetch(`http://${admin}/outrider.admin.v1.AdminService/ListPlugins`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  return ((await response.json()) as { plugins?: readonly PluginView[] }).plugins ?? [];
}

/** Pid of the group that a plugin's process is in; @throws {Error} when it has none. */
export async function pidOf(admin: string, name: string): Promise<number> {
  const plugins = await listPlugins(admin);
  const pid = plugins.find((plugin) => plugin.name === name)?.pid;
  if (pid === undefined) throw new Error(`no process of ${name} among ${JSON.stringify(plugins)}`);
  return pid;
}
