import type { AnsweredError, DecodedCall } from "@outrider/transport";
import type { HostState } from "./host-state.ts";
import type { PendingCall } from "./served-instance.ts";

/** Hands a call to its instance, or answers it where it does not fit what is here. */
export function putCall({ version, instances }: HostState, pending: PendingCall): void {
  const { call, caller } = pending;
  const { callId, epoch, rev } = call;
  const refuse = (error: AnsweredError) =>
    caller.reply({ callId, epoch, rev, pluginUs: 0, result: { kind: "error", error } });
  if (!isHere(call, version)) {
    const message = `state ${epoch}:${rev} is not here`;
    refuse({ code: "failed_precondition", message, haveEpoch: version.epoch, haveRev: version.rev });
    return;
  }
  const instance = instances.get(call.instance);
  if (instance === undefined) refuse({ code: "invalid_argument", message: `no instance ${call.instance}` });
  else instance.put(pending);
}

function isHere({ epoch, rev }: DecodedCall, version: HostState["version"]): boolean {
  return epoch === version.epoch && rev <= version.rev;
}
