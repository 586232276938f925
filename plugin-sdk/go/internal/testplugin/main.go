// Command testplugin serves what the end-to-end tests of the SDK ask.
package main

import (
	"context"
	"encoding/json"
	"log"
	"math"
	"time"

	outrider "outrider.dev/scorer"
)

// counter prefers what was picked most, by its own count, and hands the counts on.
type counter struct {
	Step   float64 `json:"step"`
	counts map[uint32]int
}

func newCounter(config json.RawMessage) (outrider.Instance, error) {
	parsed, err := outrider.ParseConfig(config, counter{Step: 0.125})
	if err == nil && parsed.Step > 1 {
		err = outrider.Fault{Path: "step", Message: "write at most 1"}
	}
	parsed.counts = map[uint32]int{}
	return &parsed, err
}

func (c *counter) Score(call *outrider.Call, scores []float32) error {
	for i, slot := range call.Candidates {
		scores[i] = float32(math.Min(1, float64(c.counts[slot])*c.Step))
	}
	return nil
}

func (c *counter) Feedback(event *outrider.FeedbackEvent) {
	if _, ok := event.Detail.(outrider.Picked); ok {
		c.counts[event.Slot]++
	}
}

func (c *counter) Handoff() ([]byte, error) { return json.Marshal(c.counts) }

func (c *counter) Restore(handoff []byte) error {
	before := map[uint32]int{}
	err := json.Unmarshal(handoff, &before)
	for slot, count := range before {
		c.counts[slot] += count
	}
	return err
}

// spread is the same for all requests.
func spread(call *outrider.Call, scores []float32) error {
	waiting := call.Column("waiting_requests")
	for i, slot := range call.Candidates {
		scores[i] = 1 - min(waiting[slot]/8, 1)
	}
	return nil
}

// picky rules out one endpoint.
type picky struct {
	Address string `json:"address"`
}

func (p picky) Score(call *outrider.Call, scores []float32) error {
	for i, slot := range call.Candidates {
		scores[i] = 0.5
		if call.Endpoint(slot).Address == p.Address {
			call.Veto(i)
		}
	}
	call.SetReason("not " + p.Address)
	return nil
}

func main() {
	server := outrider.Server{Name: "testplugin", Version: "1.2.3", Definitions: []outrider.Definition{
		formula,
		outrider.Scorer{
			Type: "parity-learned", Needs: []string{"waiting_requests", "events.picked"},
			New: func(json.RawMessage) (outrider.Instance, error) { return &learned{map[uint32]float64{}}, nil },
		},
		outrider.Producer{
			Type: "parity-producer", State: outrider.StateNone, Needs: []string{"kv_cache_usage"},
			Produces: []string{"data.uncached_tokens", "data.prefix_total_blocks"}, Produce: produce,
		},
		outrider.Scorer{Type: "counter", Needs: []string{"events.picked"}, New: newCounter},
		outrider.Scorer{Type: "spread", Needs: []string{"waiting_requests"}, TableTTL: 2 * time.Second, Score: spread},
		outrider.Scorer{
			Type: "picky", State: outrider.StateNone, Needs: []string{"veto"},
			New: func(config json.RawMessage) (outrider.Instance, error) {
				return outrider.ParseConfig(config, picky{})
			},
		},
	}}
	if err := server.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
