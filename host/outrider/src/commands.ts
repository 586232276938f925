import type { CommandCatalogue } from "@outrider/host/commands/cli";
import { plugins, pluginsModule } from "./plugins.ts";

/** JSON Schema of configurations, as it is generated. */
const schema = new URL("../config.schema.json", import.meta.url);

/** The commands of `outrider`; their code is loaded when they are asked for. */
export const commands: CommandCatalogue = {
  serve: {
    about: "run the endpoint picker",
    load: async () => (await import("@outrider/host/commands/serve")).serveCommand(plugins, pluginsModule),
  },
  config: {
    about: "check and explain configurations, and change a running host's",
    load: async () => (await import("@outrider/host/commands/config")).configCommand(plugins, schema),
  },
  plugin: {
    about: "write, check and look after plugins",
    load: async () => {
      const { pluginCommand } = await import("@outrider/host/commands/plugin");
      const { verifyCommand } = await import("@outrider/plugin-conformance/command");
      const { pluginInitCommand } = await import("@outrider/plugin-scaffold/command");
      return pluginCommand(plugins, [pluginInitCommand(), verifyCommand()]);
    },
  },
  record: {
    about: "write the decisions of a running host to a file",
    load: async () => (await import("@outrider/host/commands/record")).recordCommand(),
  },
  replay: {
    about: "make recorded decisions again, under another configuration",
    load: async () => (await import("@outrider/lab/commands/replay")).replayCommand(plugins),
  },
  simulate: {
    about: "try a configuration on a modelled fleet in virtual time",
    load: async () => (await import("@outrider/lab/commands/simulate")).simulateCommand(plugins, pluginsModule),
  },
  compare: {
    about: "simulate several policies over the same arrivals, and tell what differs",
    load: async () => (await import("@outrider/lab/commands/compare")).compareCommand(plugins, pluginsModule),
  },
  demo: {
    about: "watch a recorded trace being routed on this machine",
    load: async () => (await import("@outrider/quickstart/command")).demoCommand(),
  },
};
