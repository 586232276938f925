package outrider

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// gate is a scorer whose calls say that they have begun, and end when they are let go.
type gate struct {
	begun chan uint32
	let   chan struct{}
}

func newGate(maxConcurrency int) (*gate, Scorer) {
	g := &gate{make(chan uint32, 64), make(chan struct{})}
	return g, Scorer{Type: "gate", MaxConcurrency: maxConcurrency, Needs: []string{"waiting_requests"}, Score: g.score}
}

func (g *gate) score(call *Call, scores []float32) error {
	g.begun <- call.ID
	select {
	case <-g.let:
		copy(scores, call.Column("waiting_requests"))
		return nil
	case <-call.Context().Done():
		return call.Context().Err()
	}
}

func TestCallsWhoseBudgetRanOutWhileTheyWaitedAreNotRun(t *testing.T) {
	g, definition := newGate(1)
	p, _ := testPlugin(t, definition)
	var mu sync.Mutex
	now := time.Now()
	p.clock = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	w := open(t, p, "h")
	w.configure("gate", "", "waiting_requests")
	w.fill(1, 1, 1)
	second := call(2, 1, 1)
	second.BudgetUs = 1000
	w.send(&scorerv1.ScoreBatch{Calls: []*scorerv1.ScoreRequest{call(1, 1, 1), second}})
	<-g.begun
	mu.Lock()
	now = now.Add(2 * time.Millisecond)
	mu.Unlock()
	close(g.let)
	answers := w.answered(2)
	if answers[0].Error != nil || answers[1].Error.GetCode() != codeDeadline {
		t.Errorf("they are answered with %v", answers)
	}
	if len(g.begun) != 0 {
		t.Error("the late call was run")
	}
}

func TestCancelledCallsAreAnsweredWhetherTheyRunOrWait(t *testing.T) {
	g, definition := newGate(1)
	p, _ := testPlugin(t, definition)
	w := open(t, p, "h")
	w.configure("gate", "", "waiting_requests")
	w.fill(1, 1, 1)
	w.send(&scorerv1.ScoreBatch{Calls: []*scorerv1.ScoreRequest{call(1, 1, 1), call(2, 1, 1)}})
	<-g.begun
	w.send(&scorerv1.Cancel{CallIds: []uint32{2, 99}})
	if answer := w.answered(1)[0]; answer.CallId != 2 || answer.Error.GetCode() != codeDeadline {
		t.Errorf("the one that waits is answered with %v", answer)
	}
	w.send(&scorerv1.Cancel{CallIds: []uint32{1}})
	if answer := w.answered(1)[0]; answer.CallId != 1 || answer.Error.GetCode() != codeDeadline {
		t.Errorf("the one that runs is answered with %v", answer)
	}
	w.send(&scorerv1.Drain{})
	if drained := w.next().GetDrained(); drained == nil || len(g.begun) != 0 {
		t.Error("the one that waited was run all the same")
	}
}

func TestARunningCallEndsWithItsBudget(t *testing.T) {
	_, definition := newGate(1)
	p, _ := testPlugin(t, definition)
	w := open(t, p, "h")
	w.configure("gate", "", "waiting_requests")
	w.fill(1, 1, 1)
	request := call(1, 1, 1)
	request.BudgetUs = 20_000
	if answer := w.score(request)[0]; answer.Error.GetCode() != codeDeadline {
		t.Errorf("it is answered with %v", answer)
	}
}

func TestCallsKeepTheStateThatTheyWerePutOn(t *testing.T) {
	g, definition := newGate(2)
	p, _ := testPlugin(t, definition)
	w := open(t, p, "h")
	w.configure("gate", "", "waiting_requests")
	w.fill(1, 1, 1)
	w.send(&scorerv1.ScoreBatch{Calls: []*scorerv1.ScoreRequest{call(1, 1, 1), call(2, 1, 1), call(3, 1, 1)}})
	<-g.begun
	<-g.begun
	w.fill(1, 2, 2, 2)
	w.send(&scorerv1.ScoreBatch{Calls: []*scorerv1.ScoreRequest{call(4, 1, 1)}})
	if len(g.begun) != 0 {
		t.Error("more calls run at once than were wanted")
	}
	close(g.let)
	for _, answer := range w.answered(4) {
		want, rev := []float32{1}, uint32(1)
		if answer.CallId == 4 {
			want, rev = []float32{2, 2}, 2
		}
		if !reflect.DeepEqual(answer.Scores, want) || answer.Rev != rev {
			t.Errorf("call %d is answered with %v at %d", answer.CallId, answer.Scores, answer.Rev)
		}
	}
}

func TestEventsThatComeTooFastAreDroppedAndLoggedOnce(t *testing.T) {
	stuck := make(chan struct{})
	create := func(json.RawMessage) (Instance, error) { return slowTaker(stuck), nil }
	p, log := testPlugin(t, Scorer{Type: "slow", New: create})
	w := open(t, p, "h")
	w.configure("slow", "")
	w.fill(1, 1, 0)
	events := make([]*scorerv1.FeedbackEvent, mostWaitingEvents+100)
	for i := range events {
		events[i] = picked(0)
	}
	w.send(&scorerv1.PushFeedbackRequest{Events: events})
	w.send(&scorerv1.Ping{})
	w.next()
	close(stuck)
	w.score(call(1, 1, 1))
	if count := strings.Count(log.String(), "some are dropped"); count != 1 {
		t.Errorf("it is logged %d times", count)
	}
}

type slowTaker chan struct{}

func (slowTaker) Score(*Call, []float32) error { return nil }

func (s slowTaker) Feedback(*FeedbackEvent) { <-s }

func TestAnswersAreSplitIntoFramesThatFit(t *testing.T) {
	o := newOutbox()
	huge := &scorerv1.ScoreResponse{CallId: 99, Scores: make([]float32, 300_000)}
	o.answer(huge)
	for id := range uint32(64) {
		o.answer(&scorerv1.ScoreResponse{CallId: id, Scores: make([]float32, maxSlots)})
	}
	o.send(&scorerv1.SessionResponse{Frame: &scorerv1.SessionResponse_Drained{Drained: &scorerv1.Drained{}}})
	frames := o.take()
	count := 0
	for _, frame := range frames {
		if size := proto.Size(frame); size > fullFrameBytes+1024 {
			t.Errorf("a frame has %d bytes", size)
		}
		count += len(frame.GetScores().GetResults())
	}
	if failed := frames[0].GetScores().Results[0]; failed.CallId != 99 || failed.Error.GetCode() != codeInternal {
		t.Errorf("the answer that is too large is %v", failed)
	}
	if count != 65 || len(frames) < 10 || frames[len(frames)-1].GetDrained() == nil {
		t.Errorf("%d answers in %d frames, the last of them %v", count, len(frames), frames[len(frames)-1].Frame)
	}
	if more := o.take(); len(more) != 0 {
		t.Errorf("an empty box gives %v", more)
	}
}

func TestAHostThatDoesNotReadIsLetGo(t *testing.T) {
	p, _ := testPlugin(t, halves)
	w := &wire{t: t, requests: make(chan *scorerv1.SessionRequest, 1), answers: make(chan *scorerv1.SessionResponse)}
	s := p.connect(t.Context())
	go s.serve(w)
	for range 3 * mostWaitingFrames {
		s.send(&scorerv1.SessionResponse{})
	}
	if cause := s.ending(); s.isOpen() || cause == nil || !strings.Contains(cause.Error(), "resource_exhausted") {
		t.Errorf("it ends with %v", cause)
	}
}
