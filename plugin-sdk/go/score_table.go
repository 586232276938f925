package outrider

import (
	"context"
	"math"
	"time"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// tablePush is a state whose scores are to be sent to a host, for as long as ctx lasts.
type tablePush struct {
	ctx   context.Context
	id    uint32
	state *table
	send  func(*scorerv1.ScoreTable)
}

// pushTable has the scores of all endpoints sent once its turn comes, and again before half of their time has passed.
// Of several that wait only the last is sent.
func (i *instance) pushTable(push *tablePush) {
	i.mu.Lock()
	isWaiting := i.nextTable != nil
	i.nextTable = push
	i.mu.Unlock()
	if !isWaiting {
		i.tell(i.sendTable)
	}
}

func (i *instance) sendTable() {
	i.mu.Lock()
	push := i.nextTable
	i.nextTable = nil
	i.lastTable = push
	i.mu.Unlock()
	if push.ctx.Err() != nil {
		return
	}
	if scores := i.scoreTable(push.id, push.state); scores != nil {
		push.send(scores)
	}
	time.AfterFunc(i.definition.tableTTL/2, func() { i.renewTable(push) })
}

// renewTable sends the same again, where nothing newer was sent.
func (i *instance) renewTable(push *tablePush) {
	i.mu.Lock()
	isLast := i.lastTable == push && i.nextTable == nil && !i.isClosed
	i.mu.Unlock()
	if isLast && push.ctx.Err() == nil {
		i.pushTable(push)
	}
}

// scoreTable rates all endpoints without a request; nil where that fails.
func (i *instance) scoreTable(id uint32, state *table) *scorerv1.ScoreTable {
	request := &scorerv1.ScoreRequest{NowMs: state.nowMs, Seed: uint32(uint64(math.Floor(state.nowMs)))}
	call := newCall(request, state, &inFlight{}, nil)
	defer call.lazy.end()
	scores := unknowns(len(call.Candidates))
	if err := i.made.ask(call, [][]float32{scores}); err != nil {
		i.complain("table", err)
		return nil
	}
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
