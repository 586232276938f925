package main

import (
	"fmt"
	"math"

	outrider "outrider.dev/scorer"
)

// The scorers that end-to-end tests have in other languages too; products are converted, so that no processor fuses
// them with a sum.

var parityColumns = []string{"waiting_requests", "running_requests", "kv_cache_usage", "inflight_requests"}

var formula = outrider.Scorer{
	Type:  "parity-formula",
	State: outrider.StateNone,
	Needs: append(parityColumns[:4:4], "request.session_key", "data.uncached_tokens", "veto"),
	Score: scoreByFormula,
}

func scoreByFormula(call *outrider.Call, scores []float32) error {
	var columns [4][]float32
	for i, key := range parityColumns {
		columns[i] = call.Column(key)
	}
	uncached := call.Data("data.uncached_tokens")
	for i, slot := range call.Candidates {
		waiting, running, usage := float64(columns[0][slot]), float64(columns[1][slot]), float64(columns[2][slot])
		load := float64(waiting*3) + running/7 + float64(columns[3][slot]) + float64(len(call.Request.SessionKey))
		age := 1.0
		if ms := call.AgeMs("waiting_requests", slot); !math.IsInf(ms, 1) {
			age = ms / (ms + 100)
		}
		free := math.NaN()
		if usage <= 1 {
			free = float64(math.Sqrt(1-usage) * (1 - float64(0.1*age)))
		}
		cached := 1.0
		if tokens := float64(uncached[i]); !math.IsNaN(tokens) {
			cached = 1 / (1 + tokens/(1+float64(call.Request.PromptTokens)))
		}
		score := (free + cached + call.Random()) / (3 + load)
		if score < 0.05 {
			call.Veto(i)
		}
		scores[i] = float32(score)
	}
	call.SetReason(fmt.Sprintf("%s %d", call.Profile, len(call.Candidates)))
	return nil
}

// learned prefers where the fewest requests were sent.
type learned struct{ sent map[uint32]float64 }

func (l *learned) Score(call *outrider.Call, scores []float32) error {
	most := 0.0
	for _, slot := range call.Candidates {
		most = max(most, l.sent[slot])
	}
	for i, slot := range call.Candidates {
		scores[i] = float32(1 - l.sent[slot]/(1+most))
	}
	return nil
}

func (l *learned) Feedback(event *outrider.FeedbackEvent) {
	picked, ok := event.Detail.(outrider.Picked)
	if !ok {
		return
	}
	own := float64(picked.OwnScore)
	if math.IsNaN(own) {
		own = 0
	}
	l.sent[event.Slot] += 1 + own/3
}

func (l *learned) EndpointsChanged(change *outrider.EndpointChange) {
	for _, slot := range change.RemovedSlots {
		delete(l.sent, slot)
	}
	for _, endpoint := range change.Upserted {
		if endpoint.Incarnation > 0 {
			delete(l.sent, endpoint.Slot)
		}
	}
}

func produce(call *outrider.Call, values [][]float32) error {
	usage := call.Column("kv_cache_usage")
	for i, slot := range call.Candidates {
		values[0][i] = float32(float64(call.Request.PromptTokens) * float64(usage[slot]) / 3)
		if slot%3 != 0 {
			values[1][i] = float32(slot)
		}
	}
	return nil
}
