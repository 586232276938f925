package outrider

import (
	"context"
	"time"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// batch puts calls on the state that came before them.
func (s *session) batch(batch *scorerv1.ScoreBatch) {
	h := s.host
	h.counts = h.counts.with(batch.Inflight, h.replica.keys, h.replica.version)
	for _, request := range batch.Calls {
		b, call, refusal := h.place(request)
		if refusal != nil {
			s.answer(refusal)
			continue
		}
		s.opened(call)
		b.put(call)
	}
}

func (s *session) opened(call *pending) {
	call.caller = s.ctx
	call.reply = s.settled
	s.mu.Lock()
	s.open[call.request.CallId] = call
	s.openCount++
	s.mu.Unlock()
}

func (s *session) settled(answer *scorerv1.ScoreResponse) {
	s.answer(answer)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, answer.CallId)
	s.openCount--
	if s.idle != nil && s.openCount == 0 {
		close(s.idle)
		s.idle = nil
	}
}

func (s *session) giveUp(ids []uint32) {
	for _, id := range ids {
		s.mu.Lock()
		call := s.open[id]
		s.mu.Unlock()
		if call != nil {
			call.giveUp()
		}
	}
}

// drain says Drained when the calls there are have been answered, with what the instances have learned.
func (s *session) drain(request *scorerv1.Drain) {
	s.mu.Lock()
	idle := make(chan struct{})
	if s.openCount == 0 {
		close(idle)
	} else {
		s.idle = idle
	}
	s.mu.Unlock()
	go s.drained(idle, s.host.inOrder(), time.Duration(request.DeadlineMs)*time.Millisecond)
}

func (s *session) drained(idle <-chan struct{}, instances []*bound, deadline time.Duration) {
	ctx, cancel := context.WithCancel(s.ctx)
	if deadline > 0 {
		ctx, cancel = context.WithTimeout(s.ctx, deadline)
	}
	defer cancel()
	select {
	case <-idle:
	case <-ctx.Done():
		return
	}
	handoff, err := collect(ctx, instances)
	if err != nil {
		s.plugin.log.Error("not all was handed over", "error", err)
	}
	drained := &scorerv1.Drained{Handoff: handoff}
	s.send(&scorerv1.SessionResponse{Frame: &scorerv1.SessionResponse_Drained{Drained: drained}})
}
