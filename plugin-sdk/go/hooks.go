package outrider

import (
	"context"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// endpointsChanged tells of endpoints that came, left or changed.
func (i *instance) endpointsChanged(change *EndpointChange) {
	watcher, ok := i.made.author.(EndpointWatcher)
	if !ok || change.isEmpty() {
		return
	}
	i.tell(func() {
		i.guarded("EndpointsChanged", func() error { watcher.EndpointsChanged(change); return nil })
	})
}

// feedback tells what became of calls; events that come faster than they are taken are dropped.
func (i *instance) feedback(event *FeedbackEvent) {
	taker, ok := i.made.author.(FeedbackTaker)
	if !ok {
		return
	}
	hook := func() { i.guarded("Feedback", func() error { taker.Feedback(event); return nil }) }
	i.mu.Lock()
	isFull := i.waitingEvents >= mostWaitingEvents
	if !isFull {
		i.waitingEvents++
		i.tasks = append(i.tasks, task{hook: hook, isEvent: true})
	}
	i.mu.Unlock()
	if isFull {
		i.complain("Feedback", errEventsDropped)
	}
	i.wake.Signal()
}

// inFlight tells the true counts of what is in flight.
func (i *instance) inFlight(sent *scorerv1.InFlight) {
	taker, ok := i.made.author.(InFlightTaker)
	if !ok {
		return
	}
	counts := make(map[uint32]uint32, len(sent.Slots))
	for n, slot := range sent.Slots {
		if n < len(sent.Counts) {
			counts[slot] = sent.Counts[n]
		}
	}
	i.tell(func() { i.guarded("InFlight", func() error { taker.InFlight(counts); return nil }) })
}

// restore gives what the instance before has learned.
func (i *instance) restore(state []byte) {
	successor, ok := i.made.author.(Successor)
	if !ok {
		return
	}
	i.tell(func() { i.guarded("Restore", func() error { return successor.Restore(state) }) })
}

// handoff asks for what was learned; nil where there is nothing, or not in time.
func (i *instance) handoff(ctx context.Context) []byte {
	successor, ok := i.made.author.(Successor)
	if !ok {
		return nil
	}
	given := make(chan []byte, 1)
	i.tell(func() {
		var state []byte
		i.guarded("Handoff", func() (err error) { state, err = successor.Handoff(); return err })
		given <- state
	})
	select {
	case state := <-given:
		return state
	case <-ctx.Done():
		i.complain("Handoff", ctx.Err())
		return nil
	}
}

// tablePush is a table whose scores are to be sent somewhere.
type tablePush struct {
	id    uint32
	state *table
	send  func(*scorerv1.ScoreTable)
}

// pushTable has the scores of all endpoints sent once its turn comes; of several tables that wait only the last.
func (i *instance) pushTable(push *tablePush) {
	i.mu.Lock()
	isWaiting := i.nextTable != nil
	i.nextTable = push
	i.mu.Unlock()
	if isWaiting {
		return
	}
	i.tell(func() {
		i.mu.Lock()
		latest := i.nextTable
		i.nextTable = nil
		i.mu.Unlock()
		if scores := i.scoreTable(latest.id, latest.state); scores != nil {
			latest.send(scores)
		}
	})
}

// scoreTable rates all endpoints without a request; nil where that fails.
func (i *instance) scoreTable(id uint32, state *table) *scorerv1.ScoreTable {
	call := newCall(&scorerv1.ScoreRequest{NowMs: state.nowMs}, state, &inFlight{}, nil)
	scores := unknowns(len(call.Candidates))
	if err := i.made.ask(call, [][]float32{scores}); err != nil {
		i.complain("table", err)
		return nil
	}
	call.lazy.end()
	result := &scorerv1.ScoreTable{
		Instance: id, Epoch: state.epoch, Rev: state.rev, TtlMs: uint32(i.definition.tableTTL.Milliseconds()),
		Slots: newBitmap(len(state.endpoints)),
	}
	for n, slot := range call.Candidates {
		if scores[n] == scores[n] {
			setBit(result.Slots, int(slot))
			result.Scores = append(result.Scores, scores[n])
		}
	}
	return result
}
