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
