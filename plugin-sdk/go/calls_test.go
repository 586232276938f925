package outrider

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

func TestCallsThatFailEachByThemselves(t *testing.T) {
	failures := map[string]error{
		codeInternal:    fmt.Errorf("oops: %w", errTest),
		codeUnavailable: fmt.Errorf("no: %w", ErrUnavailable),
		codeExhausted:   BusyError{RetryAfter: 3 * time.Second},
		codeDeadline:    context.DeadlineExceeded,
	}
	p, log := testPlugin(t, Scorer{Type: "failing", Score: func(call *Call, scores []float32) error {
		if call.Profile == "panic" {
			panic("at the disco")
		}
		return failures[call.Profile]
	}})
	w := open(t, p, "h")
	w.configure("failing", "")
	w.fill(1, 1, 0)
	calls := []*scorerv1.ScoreRequest{call(1, 1, 1), call(2, 1, 1)}
	for code := range failures {
		calls[0].Profile = code
		answers := w.score(calls...)
		if got := answers[0].Error; got.GetCode() != code || got.Message != failures[code].Error() {
			t.Errorf("%s is told as %v", code, got)
		}
		if code == codeExhausted && answers[0].Error.RetryAfterMs != 3000 {
			t.Errorf("busy is told as %v", answers[0].Error)
		}
		if answers[1].Error != nil {
			t.Errorf("its mate fails, too: %v", answers[1])
		}
	}
	calls[0].Profile = "panic"
	for range 2 {
		if got := w.score(calls...)[0].Error; got.GetCode() != codeInternal || got.Message != "panic: at the disco" {
			t.Errorf("a panic is told as %v", got)
		}
	}
	if count := strings.Count(log.String(), "at the disco"); count != 1 {
		t.Errorf("a panic is logged %d times", count)
	}
}

func TestCallsThatCannotBePlaced(t *testing.T) {
	p, _ := testPlugin(t, halves)
	w := open(t, p, "h")
	w.configure("halves", "", "waiting_requests")
	w.fill(5, 3, 0)
	for want, request := range map[string]*scorerv1.ScoreRequest{
		"failed_precondition state 6:3 is not here": {Instance: 1, Epoch: 6, Rev: 3},
		"failed_precondition state 5:4 is not here": {Instance: 1, Epoch: 5, Rev: 4},
		"invalid_argument no instance 2":            {Instance: 2, Epoch: 5, Rev: 3},
		"invalid_argument candidates beyond the largest table": {
			Instance: 1, Epoch: 5, Rev: 3, Candidates: make([]byte, 1025),
		},
	} {
		answer := w.score(request)[0]
		if got := answer.Error.GetCode() + " " + answer.Error.GetMessage(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if stale := w.score(call(1, 5, 9))[0].Error; stale.HaveEpoch != 5 || stale.HaveRev != 3 {
		t.Errorf("it has %v, want 5:3", stale)
	}
}

func TestScoresAreByPositionAndWhatIsUnknownIsAbstained(t *testing.T) {
	p, _ := testPlugin(t, halves)
	w := open(t, p, "h")
	w.configure("halves", "", "waiting_requests")
	w.fill(1, 1, 0.25, float32(math.NaN()), 1)
	all := w.score(call(1, 1, 1))[0]
	if !reflect.DeepEqual(all.Scores, []float32{0.125, 0, 0.5}) || !reflect.DeepEqual(all.Abstain, []byte{2}) {
		t.Errorf("all that live get %v, abstained %v", all.Scores, all.Abstain)
	}
	some := call(2, 1, 1)
	some.Candidates = []byte{0b10100}
	if got := w.score(some)[0]; !reflect.DeepEqual(got.Scores, []float32{0.5, 0}) ||
		!reflect.DeepEqual(got.Abstain, []byte{2}) {
		t.Errorf("slot 2 and one that nobody knows get %v, abstained %v", got.Scores, got.Abstain)
	}
	gone := call(3, 1, 1)
	gone.Candidates = []byte{0, 1}
	if got := w.score(gone)[0]; got.Error != nil || !reflect.DeepEqual(got.Abstain, []byte{1}) {
		t.Errorf("only a slot that nobody knows gets %v", got)
	}
}

func TestACallHasWhatItsHostSent(t *testing.T) {
	var seen *Call
	looking := Scorer{Type: "looking", Score: func(call *Call, scores []float32) error {
		copied := *call
		seen = &copied
		call.Veto(1)
		call.Veto(7)
		call.SetReason(strings.Repeat("ä", 150))
		scores[0] = float32(call.Random())
		return nil
	}}
	p, _ := testPlugin(t, looking)
	w := open(t, p, "h")
	w.configure("looking", "", "waiting_requests", "inflight_requests")
	w.fill(1, 1, 3, 4, 5)
	if refused := w.score(call(8, 1, 1))[0]; refused.Veto != nil {
		t.Errorf("it rules out %v, which it may not", refused.Veto)
	}
	w.granted = []*scorerv1.Need{{Key: "veto"}}
	w.configure("looking", "", "waiting_requests", "inflight_requests")
	request := call(9, 1, 1)
	request.Candidates = []byte{0b10101}
	request.Profile = "decode"
	request.Peers = []*scorerv1.PeerPick{{Profile: "prefill", Slot: 2}}
	request.Data = []*scorerv1.CandidateData{
		{Column: 900, Values: []float32{1, 2, 3}, Unknown: []byte{1}}, {Column: 901, Values: []float32{1, 2, 3}},
	}
	request.Request = &scorerv1.RequestFacts{
		Model: "m", SessionKey: "s", PinnedSlotPlus_1: 3, TokenIdsU32Le: []byte{1, 0, 0, 0, 0, 1, 0, 0},
		BlockHashesU64Le: []byte{0, 0, 0, 0, 1, 0, 0, 0},
	}
	w.send(&scorerv1.ScoreBatch{
		Calls:    []*scorerv1.ScoreRequest{request},
		Inflight: []*scorerv1.ColumnData{{Column: 2, Slots: []byte{4}, Values: []float32{6}}},
	})
	answer := w.answered(1)[0]
	if !reflect.DeepEqual(seen.Candidates, []uint32{0, 2}) || seen.Endpoint(2).ID != "c" || seen.Endpoint(3) != nil {
		t.Errorf("candidates are %v", seen.Candidates)
	}
	if got := seen.Column("inflight_requests"); !reflect.DeepEqual(got, []float32{0, 0, 6}) {
		t.Errorf("in flight are %v", got)
	}
	ages := []float64{seen.AgeMs("waiting_requests", 2), seen.AgeMs("inflight_requests", 2)}
	if ages[0] != 600 || ages[1] != 0 {
		t.Errorf("ages are %v", ages)
	}
	if !math.IsInf(seen.AgeMs("kv_cache_usage", 0), 1) || !math.IsNaN(float64(seen.Column("kv_cache_usage")[2])) {
		t.Error("a column that was not sent is known")
	}
	if data := seen.Data("data.x"); !math.IsNaN(float64(data[0])) || data[1] != 2 || len(data) != 2 {
		t.Errorf("data is %v", data)
	}
	if !math.IsNaN(float64(seen.Data("data.y")[1])) {
		t.Error("data that was not sent is known")
	}
	facts := seen.Request
	if *facts.PinnedSlot != 2 || facts.TokenIDs[1] != 256 || facts.BlockHashes[0] != 1<<32 || facts.Model != "m" {
		t.Errorf("facts are %+v", facts)
	}
	if seen.Profile != "decode" || seen.Peers[0] != (PeerPick{"prefill", 2}) || seen.ID != 9 {
		t.Errorf("the call is %+v", seen)
	}
	want := float32(NewRandom(1).Next())
	if answer.Scores[0] != want || !reflect.DeepEqual(answer.Abstain, []byte{0b110}) {
		t.Errorf("scores are %v, abstained %v", answer.Scores, answer.Abstain)
	}
	if !reflect.DeepEqual(answer.Veto, []byte{2}) || answer.Reason != strings.Repeat("ä", 100) ||
		answer.PluginUs == 0 {
		t.Errorf("vetoed are %v, because %q", answer.Veto, answer.Reason)
	}
}

func TestAProducerAnswersByNumber(t *testing.T) {
	produce := func(call *Call, values [][]float32) error {
		values[0][1], values[1][0] = 5, 6
		return nil
	}
	p, _ := testPlugin(t, Producer{Type: "p", Produces: []string{"data.x", "data.unwanted"}, Produce: produce})
	w := open(t, p, "h")
	w.configure("p", "")
	w.fill(1, 1, 0, 0)
	data := w.score(call(1, 1, 1))[0].Data
	if len(data) != 1 || data[0].Column != 900 || data[0].Values[1] != 5 ||
		!reflect.DeepEqual(data[0].Unknown, []byte{1}) {
		t.Errorf("it produces %v", data)
	}
}

func TestConfigurationsThatAreRefusedLeaveEverythingAsItWas(t *testing.T) {
	p, _ := testPlugin(t, halves, configured)
	w := open(t, p, "h")
	w.configure("configured", `{"step": 0.5}`)
	w.fill(1, 1, 0)
	for parameters, want := range map[string]string{
		`{"step": "x", "stop": 1}`: `step: is "x": write a number; stop: no such parameter; there are step`,
		`{"step": 2}`:              "step: at most 1; : and positive",
		`{"step": 3}`:              ": could not be created: panic: three",
	} {
		var got []string
		for _, fault := range w.tryConfigure("configured", parameters) {
			got = append(got, fault.Path+": "+fault.Message)
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("%s: got %q, want %q", parameters, got, want)
		}
	}
	unknown := w.tryConfigure("wholes", "")[0].Message
	if unknown != "no type wholes here; this plugin serves halves, configured" {
		t.Errorf("an unknown type is %v", unknown)
	}
	if got := w.score(call(1, 1, 1))[0]; got.Error != nil || got.Scores[0] != 0.5 {
		t.Errorf("it answers %v", got)
	}
}

type step struct {
	Step float32 `json:"step"`
}

func (s step) Score(_ *Call, scores []float32) error {
	scores[0] = s.Step
	return nil
}

var configured = Scorer{Type: "configured", New: func(config json.RawMessage) (Instance, error) {
	parsed, err := ParseConfig(config, step{})
	if parsed.Step == 3 {
		panic("three")
	}
	if parsed.Step > 1 {
		return nil, joined(Fault{"step", "at most 1"}, Fault{"", "and positive"})
	}
	return parsed, err
}}
