package outridertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	outrider "outrider.dev/scorer"
)

// recorder is a test that may fail without failing this one.
type recorder struct {
	testing.TB
	said []string
}

func (*recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(r)
}

// faultsOf runs the contract against a scorer.
func faultsOf(t *testing.T, scorer outrider.Scorer) string {
	var all []string
	for _, rule := range rules {
		r := &recorder{TB: t}
		func() {
			defer func() {
				if cause := recover(); cause != nil && cause != any(r) {
					panic(cause)
				}
			}()
			rule.check(r, Open(r, scorer, nil))
		}()
		all = append(all, r.said...)
	}
	return strings.Join(all, "\n")
}

func TestContractFindsWhatBreaksIt(t *testing.T) {
	count := float32(0)
	for want, score := range map[string]func(call *outrider.Call, scores []float32) error{
		"": func(call *outrider.Call, scores []float32) error {
			scores[0] = float32(call.Random())
			return nil
		},
		"the score of candidate 0 is 2": func(_ *outrider.Call, scores []float32) error {
			scores[0] = 2
			return nil
		},
		"learn from feedback only": func(_ *outrider.Call, scores []float32) error {
			count++
			scores[0] = 1 / count
			return nil
		},
		"the call failed: no session": func(call *outrider.Call, _ []float32) error {
			if call.Request.SessionKey == "" {
				return errors.New("no session")
			}
			return nil
		},
	} {
		found := faultsOf(t, outrider.Scorer{Type: "t", Score: score})
		if !strings.Contains(found, want) || want == "" && found != "" {
			t.Errorf("it finds %q, want %q", found, want)
		}
	}
}

func TestACallHasWhatIsKnownOfItsEndpoints(t *testing.T) {
	call := Call(
		Endpoint{ID: "a", Labels: map[string]string{"zone": "x"}, Sets: map[string][]string{"models": {"m"}}},
		Endpoint{Values: Values{"waiting_requests": 2, "inflight_requests": 3, "data.x": 0.5}},
	)
	call.NowMs += 250
	if got := call.Endpoint(0); got.ID != "a" || got.Labels["zone"] != "x" || got.Sets["models"][0] != "m" ||
		got.Address == "" {
		t.Errorf("the endpoint is %+v", got)
	}
	if got := call.Column("waiting_requests"); !math.IsNaN(float64(got[0])) || got[1] != 2 {
		t.Errorf("waiting are %v", got)
	}
	if got := call.Column("inflight_requests"); got[0] != 0 || got[1] != 3 {
		t.Errorf("in flight are %v", got)
	}
	if got := call.Data("data.x"); !math.IsNaN(float64(got[0])) || got[1] != 0.5 {
		t.Errorf("data is %v", got)
	}
	if got := call.AgeMs("waiting_requests", 1); got != 250 {
		t.Errorf("its age is %v", got)
	}
}

// learner scores by what it was told.
type learner struct {
	Told map[string]float32
}

func (l *learner) Score(call *outrider.Call, scores []float32) error {
	for i, slot := range call.Candidates {
		scores[i] = l.Told[call.Endpoint(slot).ID]
	}
	return nil
}

func (l *learner) EndpointsChanged(change *outrider.EndpointChange) {
	for _, endpoint := range change.Upserted {
		l.Told[endpoint.ID]++
	}
	for _, slot := range change.RemovedSlots {
		l.Told[fmt.Sprint("left ", slot)]++
	}
}

func (l *learner) InFlight(counts map[uint32]uint32) { l.Told["a"] += float32(counts[0]) }

func (l *learner) Handoff() ([]byte, error) { return json.Marshal(l.Told) }

func (l *learner) Restore(state []byte) error { return json.Unmarshal(state, &l.Told) }

func TestAnInstanceLearnsAndHandsOver(t *testing.T) {
	definition := outrider.Scorer{Type: "learner", New: func(config json.RawMessage) (outrider.Instance, error) {
		return &learner{Told: map[string]float32{"given": float32(len(config))}}, nil
	}}
	plugin := Open(t, definition, []int{1})
	plugin.Score(Call(Endpoint{ID: "a"}, Endpoint{ID: "b"}))
	plugin.InFlight(map[uint32]uint32{0: 4})
	scores := plugin.Score(Call(Endpoint{ID: "a"}, Endpoint{ID: "c"}, Endpoint{ID: "given"}))
	if scores[0] != 5 || scores[1] != 1 || scores[2] != 4 {
		t.Errorf("it scores %v", scores)
	}
	next := Open(t, definition, nil)
	plugin.Handoff(next)
	scores = next.Score(Call(Endpoint{ID: "b"}, Endpoint{ID: "left 1"}))
	if scores[0] != 2 || scores[1] != 2 {
		t.Errorf("the next one scores %v", scores)
	}
}

func TestAProducerAnswersByKey(t *testing.T) {
	produce := func(_ *outrider.Call, values [][]float32) error {
		values[1][0] = 7
		return nil
	}
	producer := outrider.Producer{Type: "p", Produces: []string{"data.a", "data.b"}, Produce: produce}
	produced := OpenProducer(t, producer, nil).Produce(Call(Endpoint{}))
	if produced["data.b"][0] != 7 || !math.IsNaN(float64(produced["data.a"][0])) {
		t.Errorf("it produces %v", produced)
	}
}
