package outridertest

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	outrider "outrider.dev/scorer"
)

// Plugin is an instance that a test asks and tells.
type Plugin struct {
	t        testing.TB
	ask      func(call *outrider.Call, values [][]float32) error
	produces []string
	author   any
	known    map[uint32]*outrider.Endpoint
}

// Open makes an instance of a [outrider.Scorer]. Parameters are as an operator would write them, as anything that
// becomes JSON; nil: none. A fault among them ends the test; call New to test faults.
func Open(t testing.TB, scorer outrider.Scorer, parameters any) *Plugin {
	t.Helper()
	if scorer.New == nil {
		ask := func(call *outrider.Call, values [][]float32) error { return scorer.Score(call, values[0]) }
		return &Plugin{t: t, ask: ask}
	}
	instance, err := scorer.New(toJSON(t, parameters))
	if err != nil {
		t.Fatalf("parameters of %s: %v", scorer.Type, err)
	}
	ask := func(call *outrider.Call, values [][]float32) error { return instance.Score(call, values[0]) }
	return &Plugin{t: t, ask: ask, author: instance}
}

// OpenProducer makes an instance of a [outrider.Producer], as [Open] does.
func OpenProducer(t testing.TB, producer outrider.Producer, parameters any) *Plugin {
	t.Helper()
	if producer.New == nil {
		return &Plugin{t: t, ask: producer.Produce, produces: producer.Produces}
	}
	instance, err := producer.New(toJSON(t, parameters))
	if err != nil {
		t.Fatalf("parameters of %s: %v", producer.Type, err)
	}
	return &Plugin{t: t, ask: instance.Produce, produces: producer.Produces, author: instance}
}

func toJSON(t testing.TB, parameters any) json.RawMessage {
	t.Helper()
	if parameters == nil {
		return nil
	}
	config, err := json.Marshal(parameters)
	if err != nil {
		t.Fatalf("parameters are no JSON: %v", err)
	}
	return config
}

// Score is what a scorer answers: one score per candidate, NaN where it abstains. The endpoints of the call are those
// there are; the scorer learns of what is new or gone. An error ends the test.
func (p *Plugin) Score(call *outrider.Call) []float32 {
	p.t.Helper()
	scores, err := p.TryScore(call)
	if err != nil {
		p.t.Fatalf("the call failed: %v", err)
	}
	return scores
}

// TryScore is Score for calls that may fail.
func (p *Plugin) TryScore(call *outrider.Call) ([]float32, error) {
	scores := unknowns(len(call.Candidates))
	p.learn(call)
	return scores, p.ask(call, [][]float32{scores})
}

// Produce is what a producer writes, by key.
func (p *Plugin) Produce(call *outrider.Call) map[string][]float32 {
	p.t.Helper()
	p.learn(call)
	values := make([][]float32, len(p.produces))
	for i := range values {
		values[i] = unknowns(len(call.Candidates))
	}
	if err := p.ask(call, values); err != nil {
		p.t.Fatalf("the call failed: %v", err)
	}
	produced := make(map[string][]float32, len(values))
	for i, key := range p.produces {
		produced[key] = values[i]
	}
	return produced
}

// Feedback tells what became of a call.
func (p *Plugin) Feedback(event *outrider.FeedbackEvent) {
	if taker, ok := p.author.(outrider.FeedbackTaker); ok {
		taker.Feedback(event)
	}
}

// InFlight tells what is in flight at each slot.
func (p *Plugin) InFlight(counts map[uint32]uint32) {
	if taker, ok := p.author.(outrider.InFlightTaker); ok {
		taker.InFlight(counts)
	}
}

// Handoff gives what the instance has learned to another one, by way of its Handoff and Restore.
func (p *Plugin) Handoff(to *Plugin) {
	p.t.Helper()
	from, isFrom := p.author.(outrider.Successor)
	next, isNext := to.author.(outrider.Successor)
	if !isFrom || !isNext {
		p.t.Fatal("both have to be an outrider.Successor")
	}
	state, err := from.Handoff()
	if err == nil {
		err = next.Restore(state)
	}
	if err != nil {
		p.t.Fatalf("the hand-off failed: %v", err)
	}
}

// learn tells of endpoints that are not as they were at the call before.
func (p *Plugin) learn(call *outrider.Call) {
	watcher, ok := p.author.(outrider.EndpointWatcher)
	if !ok {
		return
	}
	change := &outrider.EndpointChange{}
	now := make(map[uint32]*outrider.Endpoint, len(call.Candidates))
	for _, slot := range call.Candidates {
		now[slot] = call.Endpoint(slot)
		if !reflect.DeepEqual(p.known[slot], now[slot]) {
			change.Upserted = append(change.Upserted, now[slot])
		}
	}
	for slot, before := range p.known {
		if now[slot] == nil || now[slot].ID != before.ID {
			change.RemovedSlots = append(change.RemovedSlots, slot)
		}
	}
	p.known = now
	if len(change.RemovedSlots)+len(change.Upserted) > 0 {
		watcher.EndpointsChanged(change)
	}
}

func unknowns(length int) []float32 {
	values := make([]float32, length)
	for i := range values {
		values[i] = float32(math.NaN())
	}
	return values
}
