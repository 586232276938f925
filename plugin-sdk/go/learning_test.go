package outrider

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

func joined(faults ...error) error { return errors.Join(faults...) }

// counter scores by how often a slot was picked, and remembers all that it is told.
type counter struct {
	counts map[uint32]float32
	told   []any
}

func (c *counter) Score(call *Call, scores []float32) error {
	for i, slot := range call.Candidates {
		scores[i] = c.counts[slot]
	}
	if call.Profile == "tell" {
		told, _ := json.Marshal(c.told)
		call.SetReason(string(told))
	}
	return nil
}

func (c *counter) Feedback(event *FeedbackEvent) {
	if _, ok := event.Detail.(Picked); ok {
		c.counts[event.Slot]++
	}
}

func (c *counter) EndpointsChanged(change *EndpointChange) {
	for _, endpoint := range change.Upserted {
		c.told = append(c.told, endpoint.ID)
	}
	for _, slot := range change.RemovedSlots {
		c.told = append(c.told, slot)
		delete(c.counts, slot)
	}
}

func (c *counter) InFlight(counts map[uint32]uint32) { c.told = append(c.told, counts) }

func (c *counter) Handoff() ([]byte, error) { return json.Marshal(c.counts) }

func (c *counter) Restore(state []byte) error { return json.Unmarshal(state, &c.counts) }

var counting = Scorer{Type: "counting", New: func(json.RawMessage) (Instance, error) {
	return &counter{counts: map[uint32]float32{}}, nil
}}

func picked(slot uint32) *scorerv1.FeedbackEvent {
	event := &scorerv1.FeedbackEvent_Picked{Picked: &scorerv1.Picked{}}
	return &scorerv1.FeedbackEvent{Instance: 1, Slot: slot, Event: event}
}

func TestEventsArriveAsTheyWereSent(t *testing.T) {
	own := float32(0.5)
	for want, wire := range map[FeedbackDetail]*scorerv1.FeedbackEvent{
		Progress{3, 4, 5}: {Event: &scorerv1.FeedbackEvent_Progress{
			Progress: &scorerv1.Progress{Chunks: 3, OutputTokens: 4, ElapsedMs: 5},
		}},
	} {
		if got := fromWireEvent(wire).Detail; got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	given := fromWireEvent(&scorerv1.FeedbackEvent{CallId: 4, Slot: 2, AtMs: 7, Event: &scorerv1.FeedbackEvent_Picked{
		Picked: &scorerv1.Picked{OwnScore: &own, Fallback: true, Picks: []*scorerv1.PeerPick{{Profile: "p", Slot: 2}}},
	}})
	want := &FeedbackEvent{4, 2, 7, Picked{OwnScore: 0.5, Fallback: true, Picks: []PeerPick{{"p", 2}}}}
	if !reflect.DeepEqual(given, want) {
		t.Errorf("got %v, want %v", given, want)
	}
	if got := fromWireEvent(picked(0)).Detail.(Picked).OwnScore; !math.IsNaN(float64(got)) {
		t.Errorf("a score that was not given is %v", got)
	}
	done := fromWireEvent(&scorerv1.FeedbackEvent{Event: &scorerv1.FeedbackEvent_Done{Done: &scorerv1.Done{
		Cause: "later", E2EMs: 9, BlockHashesU64Le: []byte{1, 0, 0, 0, 0, 0, 0, 0},
	}}}).Detail
	if !reflect.DeepEqual(done, Done{Cause: "unknown", E2EMs: 9, BlockHashes: []uint64{1}}) {
		t.Errorf("got %+v", done)
	}
	headers := fromWireEvent(&scorerv1.FeedbackEvent{Event: &scorerv1.FeedbackEvent_Headers{Headers: &scorerv1.Headers{
		Status: 200, TtfbUs: 3, Headers: map[string]string{"a": "b"},
	}}}).Detail
	if !reflect.DeepEqual(headers, Headers{200, 3, map[string]string{"a": "b"}}) {
		t.Errorf("got %+v", headers)
	}
	if unknown := fromWireEvent(&scorerv1.FeedbackEvent{}); unknown != nil {
		t.Errorf("an event of an unknown kind is %v", unknown)
	}
}

func TestHooksRunInOrderWithCalls(t *testing.T) {
	p, _ := testPlugin(t, counting)
	w := open(t, p, "h")
	w.configure("counting", "")
	w.fill(1, 1, 0, 0)
	w.send(&scorerv1.PushFeedbackRequest{Epoch: 1, Events: []*scorerv1.FeedbackEvent{
		picked(0), picked(1), picked(1), {Instance: 9, Event: picked(1).Event},
	}})
	w.send(&scorerv1.InFlight{Slots: []uint32{1}, Counts: []uint32{8}})
	w.send(&scorerv1.PushStateRequest{
		Epoch: 1, FromRev: 1, ToRev: 2, RemovedSlots: []uint32{0}, Upserts: []*scorerv1.Endpoint{{Slot: 0, Id: "z"}},
	})
	told := call(1, 1, 2)
	told.Profile = "tell"
	answer := w.score(told)[0]
	if !reflect.DeepEqual(answer.Scores, []float32{0, 2}) || answer.Reason != `["a","b",{"1":8},"z",0]` {
		t.Errorf("it answers %v, after %s", answer.Scores, answer.Reason)
	}
}

func TestAnInstanceThatIsWantedAsItWasGoesOn(t *testing.T) {
	p, _ := testPlugin(t, counting)
	w := open(t, p, "h")
	w.configure("counting", "")
	w.fill(1, 1, 0)
	w.send(&scorerv1.PushFeedbackRequest{Events: []*scorerv1.FeedbackEvent{picked(0)}})
	w.configure("counting", "")
	if got := w.score(call(1, 1, 1))[0].Scores[0]; got != 1 {
		t.Errorf("the same again scores %v", got)
	}
	w.configure("counting", `{}`)
	told := call(2, 1, 1)
	told.Profile = "tell"
	if got := w.score(told)[0]; got.Scores[0] != 0 || got.Reason != `["a"]` {
		t.Errorf("another one scores %v, and was told of %s", got.Scores[0], got.Reason)
	}
}

func TestDrainWaitsForCallsAndHandsOverWhatWasLearned(t *testing.T) {
	release := make(chan struct{})
	slow := Scorer{Type: "slow", Score: func(*Call, []float32) error { <-release; return nil }}
	p, _ := testPlugin(t, counting, slow)
	w := open(t, p, "h")
	instances := []*scorerv1.Instance{{Id: 1, Type: "counting"}, {Id: 2, Type: "slow"}}
	w.send(&scorerv1.ConfigureRequest{Instances: instances})
	w.fill(1, 1, 0, 0)
	late := call(1, 1, 1)
	late.Instance = 2
	w.send(&scorerv1.ScoreBatch{Calls: []*scorerv1.ScoreRequest{late}})
	w.send(&scorerv1.Drain{DeadlineMs: 20_000})
	w.send(&scorerv1.PushFeedbackRequest{Events: []*scorerv1.FeedbackEvent{picked(1)}})
	w.send(&scorerv1.Ping{Seq: 1})
	if first := w.next(); first.GetPong() == nil {
		t.Fatalf("it says %v while a call is open", first)
	}
	close(release)
	if answer := w.next(); answer.GetScores() == nil {
		t.Fatalf("it says %v before the last answer", answer)
	}
	handoff := w.next().GetDrained().GetHandoff()
	if len(handoff) == 0 {
		t.Fatal("nothing is handed over")
	}
	next, _ := testPlugin(t, counting)
	successor := open(t, next, "h")
	successor.configure("counting", "")
	successor.fill(1, 1, 0, 0)
	for range 2 {
		successor.send(&scorerv1.SessionRequest_Hello{Hello: &scorerv1.HandshakeRequest{Handoff: handoff}})
		if successor.next().GetHello() == nil {
			t.Fatal("a further hello is not answered")
		}
	}
	if scores := successor.score(call(1, 1, 1))[0].Scores; !reflect.DeepEqual(scores, []float32{0, 1}) {
		t.Errorf("the next one scores %v", scores)
	}
}

func TestAHandOffThatCannotBeReadIsLogged(t *testing.T) {
	p, log := testPlugin(t, counting)
	w := open(t, p, "h")
	w.configure("counting", "")
	w.fill(1, 1, 0)
	w.send(&scorerv1.SessionRequest_Hello{Hello: &scorerv1.HandshakeRequest{Handoff: []byte("rubbish")}})
	if got := w.score(call(1, 1, 1))[0]; got.Error != nil || !strings.Contains(log.String(), "cannot be read") {
		t.Errorf("it answers %v, and logs %s", got, log)
	}
}

func TestStateThatDoesNotFitIsLeftOutOfAHandOff(t *testing.T) {
	give := func(size int) *bound {
		d, _ := Scorer{Type: "t", Score: halves.Score}.define()
		made := maker{author: successor(size)}
		return &bound{instance: startInstance(d, "", made, time.Now, nil)}
	}
	handoff, err := collect(context.Background(), []*bound{give(10), give(maxHandoffBytes), give(20)})
	if err == nil || !strings.Contains(err.Error(), "983040 bytes of state do not fit") {
		t.Errorf("it tells %v", err)
	}
	if len(handoff) < 30 || len(handoff) > 500 {
		t.Errorf("%d bytes are handed over", len(handoff))
	}
}

type successor int

func (s successor) Handoff() ([]byte, error) { return make([]byte, s), nil }

func (successor) Restore([]byte) error { return nil }

func TestTablesFollowTheEndpoints(t *testing.T) {
	table := halves
	table.TableTTL = 40 * time.Millisecond
	p, _ := testPlugin(t, table)
	w := open(t, p, "h")
	w.configure("halves", "", "waiting_requests")
	w.fill(7, 1, 0.5, float32(math.NaN()), 1)
	pushed := until(w, (*scorerv1.SessionResponse).GetTable)
	want := &scorerv1.ScoreTable{
		Instance: 1, Epoch: 7, Rev: 1, Slots: []byte{0b101}, Scores: []float32{0.25, 0.5}, TtlMs: 40,
	}
	if pushed.String() != want.String() {
		t.Errorf("it pushes %v, want %v", pushed, want)
	}
	if again := until(w, (*scorerv1.SessionResponse).GetTable); again.String() != want.String() {
		t.Errorf("it renews %v, want %v", again, want)
	}
	w.send(&scorerv1.PushStateRequest{Epoch: 7, FromRev: 1, ToRev: 2, RemovedSlots: []uint32{0, 1}})
	for pushed.Rev != 2 {
		pushed = until(w, (*scorerv1.SessionResponse).GetTable)
	}
	if !reflect.DeepEqual(pushed.Scores, []float32{0.5}) || !reflect.DeepEqual(pushed.Slots, []byte{0b100}) {
		t.Errorf("after the removal it pushes %v", pushed)
	}
}
