import { ScorerService } from "@outrider/protos/scorer";
import type { PluginServer } from "../plugin-server.ts";
import { healthMethods } from "./health.ts";
import { type Method, type Methods, unaryMethod } from "./method.ts";
import { reflectionMethods } from "./reflection.ts";

/** Path of the Session, which is served apart: its frames are not taken apart twice. */
export const sessionPath = `/${ScorerService.typeName}/Session`;

/** Everything a plugin answers but the Session; health without a token, since kubelets know none. */
export function pluginMethods({ unary, health }: PluginServer): Methods {
  const { handshake, configure, pushState, score, pushFeedback } = ScorerService.method;
  const scorer: readonly (readonly [string, Method])[] = [
    [handshake.name, unaryMethod(handshake, false, unary.handshake)],
    [configure.name, unaryMethod(configure, false, unary.configure)],
    [pushState.name, unaryMethod(pushState, false, unary.pushState)],
    [score.name, unaryMethod(score, false, unary.score)],
    [pushFeedback.name, unaryMethod(pushFeedback, false, unary.pushFeedback)],
  ];
  return new Map([
    ...scorer.map(([name, method]) => [`/${ScorerService.typeName}/${name}`, method] as const),
    ...healthMethods(health),
    ...reflectionMethods(),
  ]);
}
