package outrider

import (
	"context"
	"errors"
	"io"
	"sync"

	"connectrpc.com/connect"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// stream carries the frames of a session.
type stream interface {
	Receive() (*scorerv1.SessionRequest, error)
	Send(*scorerv1.SessionResponse) error
}

// session is the plugin's side of one Session stream. Frames are taken in order, by one goroutine; a call keeps the
// state that came before it.
type session struct {
	plugin *plugin
	outbox *outbox
	ctx    context.Context
	cancel context.CancelCauseFunc
	// Only of the reading goroutine.
	host *host

	mu sync.Mutex
	// Calls that are not answered, by id; a host that repeats an id loses only the right to cancel the first.
	open      map[uint32]*pending
	openCount int
	// Closed when no call is open any more, once draining.
	idle chan struct{}
}

// errEnd is the cause of a session that ended in order.
var errEnd = errors.New("the session ended")

func newSession(ctx context.Context, p *plugin) *session {
	s := &session{plugin: p, outbox: newOutbox(), open: map[uint32]*pending{}}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	return s
}

// serve runs the session until the host or the plugin ends it.
func (s *session) serve(stream stream) error {
	go s.read(stream)
	defer s.close()
	for {
		select {
		case <-s.ctx.Done():
			return s.ending()
		case <-s.outbox.wake:
		}
		for _, frame := range s.outbox.take() {
			if err := stream.Send(frame); err != nil {
				return err
			}
		}
	}
}

// ending is how the stream is closed: nil is in order.
func (s *session) ending() error {
	cause := context.Cause(s.ctx)
	var coded *connect.Error
	if errors.As(cause, &coded) {
		return coded
	}
	return nil
}

// end closes the stream with a code.
func (s *session) end(code connect.Code, message string) {
	s.cancel(connect.NewError(code, errors.New(message)))
}

func (s *session) isOpen() bool { return s.ctx.Err() == nil }

// close forgets the session. Its calls run on to their end, or are dropped where they wait.
func (s *session) close() {
	s.cancel(errEnd)
	s.plugin.leave(s)
}

func (s *session) read(stream stream) {
	for s.isOpen() {
		request, err := stream.Receive()
		if err != nil {
			s.ended(err)
			return
		}
		s.take(request)
	}
}

func (s *session) ended(err error) {
	if errors.Is(err, io.EOF) || !s.isOpen() {
		s.cancel(errEnd)
		return
	}
	if code := connect.CodeOf(err); code == connect.CodeInvalidArgument || code == connect.CodeResourceExhausted {
		s.plugin.log.Error("session ended", "error", err)
	}
	s.cancel(err)
}

func (s *session) take(request *scorerv1.SessionRequest) {
	if hello, ok := request.Frame.(*scorerv1.SessionRequest_Hello); ok {
		s.hello(hello.Hello)
		return
	}
	if request.Frame == nil {
		return
	}
	if s.host == nil {
		s.end(connect.CodeInvalidArgument, "the first frame is to be hello")
		return
	}
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	if s.isOpen() {
		s.frame(request)
	}
}

// hello greets; a further one carries what the generation before has learned, and nothing else of it counts.
func (s *session) hello(request *scorerv1.HandshakeRequest) {
	if s.host == nil {
		s.host = s.plugin.enter(request, s)
	}
	s.host.mu.Lock()
	s.host.restore(request.Handoff)
	s.host.mu.Unlock()
	s.send(&scorerv1.SessionResponse{Frame: &scorerv1.SessionResponse_Hello{Hello: s.plugin.hello}})
}

func (s *session) frame(request *scorerv1.SessionRequest) {
	switch frame := request.Frame.(type) {
	case *scorerv1.SessionRequest_Configure:
		s.configure(frame.Configure)
	case *scorerv1.SessionRequest_State:
		if answer := s.host.push(frame.State, s); answer != nil {
			s.send(&scorerv1.SessionResponse{Frame: &scorerv1.SessionResponse_StateAck{StateAck: answer}})
		}
	case *scorerv1.SessionRequest_Score:
		s.batch(frame.Score)
	case *scorerv1.SessionRequest_Feedback:
		s.host.feedback(frame.Feedback)
	case *scorerv1.SessionRequest_Cancel:
		s.giveUp(frame.Cancel.CallIds)
	case *scorerv1.SessionRequest_Drain:
		s.drain(frame.Drain)
	case *scorerv1.SessionRequest_Ping:
		s.send(&scorerv1.SessionResponse{Frame: &scorerv1.SessionResponse_Pong{Pong: frame.Ping}})
	case *scorerv1.SessionRequest_Inflight:
		for _, b := range s.host.inOrder() {
			b.inFlight(frame.Inflight)
		}
	}
}

func (s *session) configure(request *scorerv1.ConfigureRequest) {
	answer := s.host.configure(request)
	s.send(&scorerv1.SessionResponse{Frame: &scorerv1.SessionResponse_Configured{Configured: answer}})
	if len(answer.Errors) > 0 {
		return
	}
	credit := &scorerv1.Credit{}
	for _, b := range s.host.bound {
		credit.MaxOutstanding += uint32(b.definition.maxOutstanding)
	}
	s.send(&scorerv1.SessionResponse{Frame: &scorerv1.SessionResponse_Credit{Credit: credit}})
	s.sendHealth(true, "")
}

func (s *session) answer(answer *scorerv1.ScoreResponse) { s.check(s.outbox.answer(answer)) }

func (s *session) send(frame *scorerv1.SessionResponse) { s.check(s.outbox.send(frame)) }

func (s *session) sendTable(table *scorerv1.ScoreTable) {
	s.send(&scorerv1.SessionResponse{Frame: &scorerv1.SessionResponse_Table{Table: table}})
}

func (s *session) sendHealth(ready bool, message string) {
	health := &scorerv1.Health{Ready: ready, Message: message}
	s.send(&scorerv1.SessionResponse{Frame: &scorerv1.SessionResponse_Health{Health: health}})
}

// check ends a session whose host does not read.
func (s *session) check(hasRoom bool) {
	if !hasRoom {
		s.end(connect.CodeResourceExhausted, "the host does not read what it is sent")
	}
}
