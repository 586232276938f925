// Command testplugin serves what the end-to-end tests of the SDK ask: a scorer that reads about everything, one that
// learns, one whose scores are pushed, and a producer.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"log"
	"math"
	"os"
	"strings"
	"time"

	outrider "outrider.dev/scorer"
)

// mixed reads columns and their ages, labels, sets, facts, data and randomness; in float64, as other languages do.
func mixed(call *outrider.Call, scores []float32) error {
	if call.Request.SessionKey == "fail" {
		return errors.New("told to fail")
	}
	waiting, running := call.Column("waiting_requests"), call.Column("inflight_requests")
	matched := call.Data("data.matched")
	for i, slot := range call.Candidates {
		endpoint := call.Endpoint(slot)
		queue := 1 - math.Min((float64(waiting[slot])+float64(running[slot]))/16, 1)
		age := math.Min(call.AgeMs("waiting_requests", slot), 1000) / 1000
		match := float64(matched[i])
		if math.IsNaN(match) {
			match = 0.5
		}
		score := queue*0.5 + match*0.25 + call.Random()*0.125 + age*0.0625
		if endpoint.Labels["zone"] == "a" {
			score += 0.03125
		}
		scores[i] = float32(score)
		if strings.HasSuffix(endpoint.ID, call.Request.SessionKey) {
			call.Veto(i)
		}
	}
	call.SetReason("mixed for " + call.Request.SessionKey)
	return nil
}

// learner counts how often each endpoint was picked, and hands the counts on.
type learner struct {
	Step   float64 `json:"step"`
	counts map[string]uint32
	ids    map[uint32]string
}

func newLearner(config json.RawMessage) (outrider.Instance, error) {
	parsed, err := outrider.ParseConfig(config, learner{Step: 0.125})
	if err == nil && parsed.Step > 1 {
		err = outrider.Fault{Path: "step", Message: "write at most 1"}
	}
	parsed.counts, parsed.ids = map[string]uint32{}, map[uint32]string{}
	return &parsed, err
}

func (l *learner) Score(call *outrider.Call, scores []float32) error {
	for i, slot := range call.Candidates {
		scores[i] = float32(math.Min(1, float64(l.counts[call.Endpoint(slot).ID])*l.Step))
	}
	return nil
}

func (l *learner) EndpointsChanged(change *outrider.EndpointChange) {
	for _, slot := range change.RemovedSlots {
		delete(l.ids, slot)
	}
	for _, endpoint := range change.Upserted {
		l.ids[endpoint.Slot] = endpoint.ID
	}
}

func (l *learner) Feedback(event *outrider.FeedbackEvent) {
	if _, ok := event.Detail.(outrider.Picked); ok {
		l.counts[l.ids[event.Slot]]++
	}
}

func (l *learner) Handoff() ([]byte, error) { return json.Marshal(l.counts) }

func (l *learner) Restore(handoff []byte) error { return json.Unmarshal(handoff, &l.counts) }

// spread is the same for all requests.
func spread(call *outrider.Call, scores []float32) error {
	waiting := call.Column("waiting_requests")
	for i, slot := range call.Candidates {
		scores[i] = 1 - min(waiting[slot]/8, 1)
	}
	return nil
}

// slow takes its time, or ends when nobody waits any more.
func slow(call *outrider.Call, scores []float32) error {
	select {
	case <-time.After(time.Duration(call.Request.PromptTokens) * time.Millisecond):
		clear(scores)
		return nil
	case <-call.Context().Done():
		return call.Context().Err()
	}
}

// matched is a producer of a number that depends on the endpoint's address.
func matched(call *outrider.Call, values [][]float32) error {
	for i, slot := range call.Candidates {
		var sum [4]byte
		copy(sum[:], call.Endpoint(slot).ID)
		if i%3 != 2 {
			values[0][i] = float32(binary.LittleEndian.Uint32(sum[:])%8) / 8
		}
	}
	return nil
}

func main() {
	server := outrider.Server{
		Name:    "testplugin",
		Version: os.Getenv("TESTPLUGIN_VERSION"),
		Definitions: []outrider.Definition{
			outrider.Scorer{
				Type:  "mixed",
				Needs: []string{"waiting_requests", "inflight_requests", "request.session_key", "data.matched", "veto"},
				DetailedNeeds: []outrider.Need{
					{Key: "endpoint.labels", Names: []string{"zone"}},
				},
				State: outrider.StateNone, Category: outrider.Distribution, Score: mixed,
			},
			outrider.Scorer{Type: "learner", Needs: []string{"events.picked", "events.done"}, New: newLearner},
			outrider.Scorer{
				Type: "spread", Needs: []string{"waiting_requests"}, TableTTL: 5 * time.Second, Score: spread,
			},
			outrider.Scorer{Type: "slow", State: outrider.StateNone, MaxConcurrency: 8, Score: slow},
			outrider.Producer{Type: "matched", Produces: []string{"data.matched"}, Produce: matched},
		},
	}
	if err := server.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
