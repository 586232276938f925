package outrider

import (
	"context"
	"sync/atomic"
	"time"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// pending is a call on its way through an instance, with the state it was put on.
type pending struct {
	request *scorerv1.ScoreRequest
	state   *table
	counts  *inFlight
	keys    map[uint32]string
	// Number of each key that a producer writes; 0: the host does not want it.
	produced []uint32
	// Whether what it rules out is told.
	mayVeto bool
	cameAt  time.Time
	// Ends when whoever put it is gone.
	caller context.Context
	// Takes the answer; called exactly once.
	reply func(answer *scorerv1.ScoreResponse)
	phase atomic.Int32
	lazy  lazyContext
}

const (
	phaseWaiting int32 = iota
	phaseRunning
	// Given up while it ran: it is answered when it ends.
	phaseGivenUp
	phaseAnswered
)

// begin says whether the call is still to be run.
func (p *pending) begin() bool { return p.phase.CompareAndSwap(phaseWaiting, phaseRunning) }

// giveUp answers a call that waits, and asks one that runs to end.
func (p *pending) giveUp() {
	if p.phase.CompareAndSwap(phaseWaiting, phaseAnswered) {
		p.reply(p.fail(codeDeadline, "it was given up while it waited for its turn"))
		return
	}
	p.phase.CompareAndSwap(phaseRunning, phaseGivenUp)
	p.lazy.end()
}

// settle ends a call that runs.
func (p *pending) settle(answer *scorerv1.ScoreResponse) {
	p.lazy.end()
	if p.phase.Swap(phaseAnswered) == phaseGivenUp {
		answer = p.fail(codeDeadline, "it was given up while it ran")
	}
	p.reply(answer)
}

// isLate says whether its budget ran out before its turn came.
func (p *pending) isLate(now time.Time) bool {
	budget := p.budget()
	return budget > 0 && now.Sub(p.cameAt) >= budget
}

func (p *pending) budget() time.Duration { return time.Duration(p.request.BudgetUs) * time.Microsecond }

// context is that of the call: nobody need ask for it.
func (p *pending) context() *lazyContext {
	p.lazy.parent = p.caller
	if budget := p.budget(); budget > 0 {
		p.lazy.deadline = p.cameAt.Add(budget)
	}
	return &p.lazy
}

func (p *pending) answer() *scorerv1.ScoreResponse {
	return &scorerv1.ScoreResponse{CallId: p.request.CallId, Epoch: p.state.epoch, Rev: p.state.rev}
}

func (p *pending) fail(code, message string) *scorerv1.ScoreResponse {
	answer := p.answer()
	answer.Error = &scorerv1.CallError{Code: code, Message: message}
	return answer
}
