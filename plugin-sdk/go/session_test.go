package outrider

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// wire is a session's stream in memory, and the host at its other end.
type wire struct {
	t        *testing.T
	requests chan *scorerv1.SessionRequest
	answers  chan *scorerv1.SessionResponse
	done     chan error
	// What its instances are granted.
	granted []*scorerv1.Need
}

func (w *wire) Receive() (*scorerv1.SessionRequest, error) {
	request, ok := <-w.requests
	if !ok {
		return nil, io.EOF
	}
	return request, nil
}

func (w *wire) Send(answer *scorerv1.SessionResponse) error {
	w.answers <- answer
	return nil
}

// testLog collects what the operator is told.
type testLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *testLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *testLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func testPlugin(t *testing.T, definitions ...Definition) (*plugin, *testLog) {
	t.Helper()
	log := &testLog{}
	p, err := newPlugin("test", "1.2.3", definitions, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return p, log
}

// open begins a session; the host is called so that it is known again.
func open(t *testing.T, p *plugin, hostName string) *wire {
	t.Helper()
	w := &wire{
		t: t, requests: make(chan *scorerv1.SessionRequest, 64), answers: make(chan *scorerv1.SessionResponse, 64),
		done: make(chan error, 1),
	}
	go func() { w.done <- p.connect(context.Background()).serve(w) }()
	w.send(&scorerv1.SessionRequest_Hello{Hello: &scorerv1.HandshakeRequest{HostInstance: hostName}})
	if hello := w.next().GetHello(); hello.GetPlugin() != "test" {
		t.Fatalf("it greets with %v", hello)
	}
	return w
}

func (w *wire) send(frame any) {
	request := &scorerv1.SessionRequest{}
	switch frame := frame.(type) {
	case *scorerv1.SessionRequest_Hello:
		request.Frame = frame
	case *scorerv1.ConfigureRequest:
		request.Frame = &scorerv1.SessionRequest_Configure{Configure: frame}
	case *scorerv1.PushStateRequest:
		request.Frame = &scorerv1.SessionRequest_State{State: frame}
	case *scorerv1.ScoreBatch:
		request.Frame = &scorerv1.SessionRequest_Score{Score: frame}
	case *scorerv1.PushFeedbackRequest:
		request.Frame = &scorerv1.SessionRequest_Feedback{Feedback: frame}
	case *scorerv1.Cancel:
		request.Frame = &scorerv1.SessionRequest_Cancel{Cancel: frame}
	case *scorerv1.Drain:
		request.Frame = &scorerv1.SessionRequest_Drain{Drain: frame}
	case *scorerv1.Ping:
		request.Frame = &scorerv1.SessionRequest_Ping{Ping: frame}
	case *scorerv1.InFlight:
		request.Frame = &scorerv1.SessionRequest_Inflight{Inflight: frame}
	}
	w.requests <- request
}

func (w *wire) next() *scorerv1.SessionResponse {
	w.t.Helper()
	select {
	case answer := <-w.answers:
		return answer
	case err := <-w.done:
		w.t.Fatalf("the session ended: %v", err)
	case <-time.After(20 * time.Second):
		w.t.Fatal("no answer")
	}
	return nil
}

// until skips frames up to one that is wanted.
func until[T any](w *wire, get func(*scorerv1.SessionResponse) *T) *T {
	w.t.Helper()
	for {
		if found := get(w.next()); found != nil {
			return found
		}
	}
}

// configure makes one instance, number 1, and gives the columns numbers from 1.
func (w *wire) configure(typeName, parameters string, columns ...string) {
	w.t.Helper()
	if faults := w.tryConfigure(typeName, parameters, columns...); len(faults) > 0 {
		w.t.Fatalf("it is not configured: %v", faults)
	}
	if credit := w.next().GetCredit(); credit.GetMaxOutstanding() == 0 {
		w.t.Fatalf("it gives the credit %v", credit)
	}
	if health := w.next().GetHealth(); !health.GetReady() {
		w.t.Fatalf("it is %v", health)
	}
}

func (w *wire) tryConfigure(typeName, parameters string, columns ...string) []*scorerv1.ConfigError {
	w.t.Helper()
	request := &scorerv1.ConfigureRequest{Instances: []*scorerv1.Instance{{
		Id: 1, Type: typeName, ConfigJson: []byte(parameters), Data: []*scorerv1.Column{{Id: 900, Key: "data.x"}},
		Granted: w.granted,
	}}}
	for i, key := range columns {
		request.Columns = append(request.Columns, &scorerv1.Column{Id: uint32(i + 1), Key: key})
	}
	w.send(request)
	return until(w, (*scorerv1.SessionResponse).GetConfigured).Errors
}

// fill sends a whole table of one column, an endpoint a value.
func (w *wire) fill(epoch, rev uint32, values ...float32) {
	w.t.Helper()
	step := &scorerv1.PushStateRequest{Epoch: epoch, ToRev: rev, Full: true, NowMs: 1000}
	for slot := range values {
		step.Upserts = append(step.Upserts, &scorerv1.Endpoint{Slot: uint32(slot), Id: string(rune('a' + slot))})
	}
	step.Columns = []*scorerv1.ColumnData{{Column: 1, Values: values, AgeMs: 100}}
	w.send(step)
	if ack := until(w, (*scorerv1.SessionResponse).GetStateAck); ack.Nack != nil || ack.Rev != rev {
		w.t.Fatalf("the table is answered with %v", ack)
	}
}

func (w *wire) score(calls ...*scorerv1.ScoreRequest) []*scorerv1.ScoreResponse {
	w.t.Helper()
	w.send(&scorerv1.ScoreBatch{Calls: calls})
	return w.answered(len(calls))
}

// answered collects so many answers, in the order of their calls.
func (w *wire) answered(count int) []*scorerv1.ScoreResponse {
	w.t.Helper()
	var answers []*scorerv1.ScoreResponse
	for len(answers) < count {
		answers = append(answers, until(w, (*scorerv1.SessionResponse).GetScores).Results...)
	}
	return answers
}

func call(id, epoch, rev uint32) *scorerv1.ScoreRequest {
	return &scorerv1.ScoreRequest{CallId: id, Instance: 1, Epoch: epoch, Rev: rev, NowMs: 1500, Seed: 1}
}

// halves is a scorer of half the waiting requests.
var halves = Scorer{
	Type: "halves", Needs: []string{"waiting_requests"},
	Score: func(call *Call, scores []float32) error {
		for i, slot := range call.Candidates {
			scores[i] = call.Column("waiting_requests")[slot] / 2
		}
		return nil
	},
}

func TestSessionEndsWithAFrameBeforeHello(t *testing.T) {
	p, _ := testPlugin(t, halves)
	w := &wire{requests: make(chan *scorerv1.SessionRequest, 1)}
	w.send(&scorerv1.Ping{Seq: 1})
	err := p.connect(context.Background()).serve(w)
	if err == nil || !strings.Contains(err.Error(), "invalid_argument: the first frame is to be hello") {
		t.Errorf("it ends with %v", err)
	}
}

func TestHelloTellsWhatIsServed(t *testing.T) {
	producer := Producer{
		Type: "p", Produces: []string{"data.x"}, Produce: func(*Call, [][]float32) error { return nil },
		DetailedNeeds: []Need{{Key: "request.headers", Required: true, Names: []string{"a"}}}, State: StateNone,
	}
	table := halves
	table.Type, table.TableTTL, table.Category = "t", time.Second, Balance
	p, _ := testPlugin(t, halves, producer, table)
	hello := p.hello
	if hello.PluginVersion != "1.2.3" || hello.BootId == "" || strings.Join(hello.Features, " ") != "cancel handoff" {
		t.Errorf("it says %v", hello)
	}
	specs := hello.Scorers
	if specs[0].Role != scorerv1.Role_ROLE_SCORER || specs[0].MaxConcurrency != 64 ||
		specs[0].Needs[0].Key != "waiting_requests" {
		t.Errorf("the scorer is %v", specs[0])
	}
	if specs[1].Role != scorerv1.Role_ROLE_PRODUCER || specs[1].Produces[0] != "x" || !specs[1].Needs[0].Required ||
		specs[1].State != scorerv1.StateScope_STATE_SCOPE_NONE {
		t.Errorf("the producer is %v", specs[1])
	}
	if !specs[2].RequestIndependent || specs[2].Category != scorerv1.Category_CATEGORY_BALANCE {
		t.Errorf("the table's scorer is %v", specs[2])
	}
}

func TestDefinitionsThatAreRefused(t *testing.T) {
	fill := func(*Call, [][]float32) error { return nil }
	for want, definitions := range map[string][]Definition{
		"a plugin serves at least one type":            nil,
		"type halves is served twice":                  {halves, halves},
		"a definition needs a Type":                    {Scorer{Score: halves.Score}},
		"type a: set either its function or New":       {Scorer{Type: "a"}},
		"type p: a producer produces at least one key": {Producer{Type: "p", Produce: fill}},
		`type p: it produces "x": keys are data.NAME`:  {Producer{Type: "p", Produces: []string{"x"}, Produce: fill}},
		"type a: TableTTL is 1µs: at least 1 ms": {
			Scorer{Type: "a", Score: halves.Score, TableTTL: time.Microsecond},
		},
	} {
		_, err := newPlugin("", "", definitions, slog.Default())
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestPingIsAnsweredWhileAScorerIsStuck(t *testing.T) {
	stuck := make(chan struct{})
	p, _ := testPlugin(t, Scorer{Type: "stuck", Score: func(*Call, []float32) error { <-stuck; return nil }})
	w := open(t, p, "h")
	w.configure("stuck", "")
	w.fill(1, 1, 0)
	w.send(&scorerv1.ScoreBatch{Calls: []*scorerv1.ScoreRequest{call(1, 1, 1)}})
	w.send(&scorerv1.Ping{Seq: 7})
	if pong := w.next().GetPong(); pong.GetSeq() != 7 {
		t.Errorf("it answers %v", pong)
	}
	close(stuck)
	w.answered(1)
}

func TestSessionEndsInOrderWithItsHost(t *testing.T) {
	p, _ := testPlugin(t, halves)
	w := open(t, p, "h")
	close(w.requests)
	if err := <-w.done; err != nil {
		t.Errorf("it ends with %v", err)
	}
}

func TestALostConnectionKeepsWhatWasLearnedAndTheOldOneIsEnded(t *testing.T) {
	p, _ := testPlugin(t, counting)
	first := open(t, p, "h")
	first.configure("counting", "")
	first.fill(1, 1, 0, 0)
	first.send(&scorerv1.PushFeedbackRequest{Epoch: 1, Events: []*scorerv1.FeedbackEvent{picked(1)}})
	first.score(call(1, 1, 1))
	second := open(t, p, "h")
	if err := <-first.done; err == nil || !strings.Contains(err.Error(), "aborted") {
		t.Errorf("the first session ends with %v", err)
	}
	second.configure("counting", "")
	if stale := second.score(call(2, 9, 1))[0]; stale.Error.GetCode() != codePrecondition ||
		stale.Error.HaveEpoch != 1 {
		t.Errorf("a call of an epoch that is not here yet is answered with %v", stale)
	}
	second.fill(9, 1, 0, 0)
	if scores := second.score(call(3, 9, 1))[0].Scores; scores[0] != 0 || scores[1] != 1 {
		t.Errorf("it forgot: %v", scores)
	}
	other := open(t, p, "another host")
	other.configure("counting", "")
	other.fill(1, 1, 0, 0)
	if scores := other.score(call(1, 1, 1))[0].Scores; scores[1] != 0 {
		t.Errorf("another host finds what it did not tell: %v", scores)
	}
}

func TestHostsThatAreGoneAreForgotten(t *testing.T) {
	p, _ := testPlugin(t, halves)
	kept := open(t, p, "kept")
	for i := range 3 * keptHosts {
		w := open(t, p, string(rune('a'+i)))
		close(w.requests)
		<-w.done
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hosts["kept"] == nil || len(p.hosts) > keptHosts || len(p.order) != len(p.hosts) {
		t.Errorf("%d hosts are known, in the order %v", len(p.hosts), p.order)
	}
	close(kept.requests)
}

var errTest = errors.New("told to fail")
