import { readFile } from "node:fs/promises";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { AdminService } from "@outrider/protos/admin";
import type { Command } from "commander";
import { failUsage, pathOf, toError } from "./usage.ts";

/** Flags of every command that asks a running host. */
export interface AdminFlags {
  readonly admin: string;
  readonly adminTokenFile?: string;
}

/** A running host, as a command asks it. */
export interface AdminClient {
  /** Where it is asked, for messages. */
  readonly url: string;
  readonly procedures: Client<typeof AdminService>;
}

/** Gives a command the flags that say which host it asks. */
export function withAdminFlags(command: Command): Command {
  return command
    .option("--admin <url>", "admin interface of the host", "http://127.0.0.1:9004")
    .option("--admin-token-file <file>", "token of the admin interface (or OUTRIDER_ADMIN_TOKEN)");
}

/**
 * The host that the flags name; `undefined`, and the command has failed, where they are wrong.
 * @param options `isBinary`: messages travel as protobuf and not as JSON, for much of them; default false.
 */
export async function openAdmin(
  flags: AdminFlags,
  command: Command,
  { isBinary = false }: { readonly isBinary?: boolean } = {},
): Promise<AdminClient | undefined> {
  const url = toBaseUrl(flags.admin);
  if (url === undefined) {
    failUsage(command, [`--admin must be a URL, is "${flags.admin}" (write http://127.0.0.1:9004)`]);
    return undefined;
  }
  const token = await readToken(flags).catch(toError);
  if (token instanceof Error) {
    failUsage(command, [`--admin-token-file cannot be read: ${token.message}`]);
    return undefined;
  }
  const transport = createConnectTransport({
    baseUrl: url,
    httpVersion: "1.1",
    useBinaryFormat: isBinary,
    acceptCompression: [],
    interceptors: [
      (next) => (request) => {
        if (token !== undefined) request.header.set("authorization", `Bearer ${token}`);
        return next(request);
      },
    ],
  });
  return { url, procedures: createClient(AdminService, transport) };
}

/** Tells that the host did not do what the command asked, and why; the exit code becomes 1. */
export function failAnswer(command: Command, { url }: AdminClient, cause: unknown): void {
  process.stderr.write(`${pathOf(command)}: ${url} ${describe(cause)}\n`);
  process.exitCode = 1;
}

/** With `http://` where the scheme is left out. */
function toBaseUrl(text: string): string | undefined {
  const url = /^https?:\/\//.test(text) ? text : `http://${text}`;
  return URL.canParse(url) ? url.replace(/\/+$/, "") : undefined;
}

async function readToken({ adminTokenFile }: AdminFlags): Promise<string | undefined> {
  if (adminTokenFile === undefined) return process.env.OUTRIDER_ADMIN_TOKEN || undefined;
  return (await readFile(adminTokenFile, "utf8")).trim();
}

function describe(cause: unknown): string {
  const error = ConnectError.from(cause);
  const root = error.cause;
  if (root instanceof Error && "code" in root && typeof root.code === "string") {
    return `does not answer (${root.code}); is the host running?`;
  }
  return `answers ${Code[error.code]}: ${error.rawMessage}`;
}
