import type { Plan } from "@outrider/core";
import { Decision, type DecisionParts } from "./decision.ts";
import { createDecisionNeeds } from "./decision-needs.ts";
import { TargetChoice } from "./model-rewrite.ts";
import { createPace } from "./pace.ts";
import { type PlanView, viewPlan } from "./plan-view.ts";
import { refuse } from "./refusals.ts";
import { toUnread } from "./response-watch.ts";
import type { SchedulerParts } from "./scheduler-parts.ts";
import type { IncomingRequest, Refusal, Routed, Scheduler } from "./types.ts";

/** Decides requests; what is in force may change between any two of them. */
export function createScheduler(parts: SchedulerParts): Scheduler {
  const pace = createPace();
  const targets = new TargetChoice();
  const endpointAt = (slot: number) => parts.table.current.at(slot);
  const shared: DecisionParts = { ...parts, targets, pace, endpointAt, onOk: pace.ended };
  const needsOf = createDecisionNeeds(parts.table, targets);
  const viewOf = createViews(parts.isRehearsal);
  let number = 0;
  const decide = (request: IncomingRequest): Routed | Refusal | Promise<Routed | Refusal> => {
    const inForce = parts.inForce();
    const { plan, rules, responses } = inForce;
    const basis = { number: ++number, rules, responses, view: viewOf(plan), needs: needsOf(parts.granted(), rules) };
    return new Decision(shared, request, basis).make();
  };
  const fail = (request: IncomingRequest, cause: unknown): Refusal => {
    parts.onError(cause);
    parts.metrics.refusal("internal");
    parts.metrics.request(request.door, 500);
    const refusal = refuse("Internal", "the decision failed; the log of the endpoint picker says why");
    if (parts.inForce().rules.referenceMetrics) parts.observer?.refused(toUnread(request), refusal, 0);
    return refusal;
  };
  return {
    decide(request) {
      try {
        const verdict = decide(request);
        return verdict instanceof Promise ? verdict.catch((cause: unknown) => fail(request, cause)) : verdict;
      } catch (cause) {
        return fail(request, cause);
      }
    },
  };
}

/** Views of plans; the last one is kept. */
function createViews(isRehearsal: boolean): (plan: Plan) => PlanView {
  let known: PlanView | undefined;
  return (plan) => {
    if (known?.plan !== plan) known = viewPlan(plan, isRehearsal);
    return known;
  };
}
