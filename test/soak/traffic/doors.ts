import type { SoakSystem } from "../system.ts";
import { createDirectKinds } from "./direct-kinds.ts";
import { pickKinds } from "./pick-kinds.ts";
import { plainKinds } from "./plain-kinds.ts";
import { slowKinds } from "./slow-kinds.ts";
import type { Door } from "./traffic.ts";
import { wrongKinds } from "./wrong-kinds.ts";

/** All ways into a host, and what is sent there. */
export interface Doors {
  readonly doors: readonly Door[];
  close(): Promise<void>;
}

/** By Envoy, by the embedded gateway, by the Pick RPC, and by ext_proc itself. */
export function openDoors({ host, envoy }: SoakSystem): Doors {
  const kinds = [...plainKinds, ...slowKinds, ...wrongKinds];
  const { gateway, extProc, pick } = host.addresses;
  const direct = createDirectKinds(extProc);
  const viaEnvoy = envoy === undefined ? [] : [{ name: "Envoy", url: envoy.overrideHost, weight: 5, kinds }];
  return {
    doors: [
      ...viaEnvoy,
      { name: "gateway", url: `http://${gateway}`, weight: 4, kinds },
      { name: "Pick RPC", url: `http://${pick}`, weight: 2, kinds: pickKinds },
      { name: "ext_proc", url: "", weight: 2, kinds: direct.kinds },
    ],
    close: direct.close,
  };
}
