package outrider

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// Events that may wait for an instance; further ones are dropped.
const mostWaitingEvents = 4096

// Complaints about one instance that are logged at most: they may come with every request.
const mostComplaints = 100

// instance is a configured one of a definition. What it is asked and told is done in order by one goroutine, which
// starts others for calls only where the definition wants several at once. Each call is answered exactly once.
type instance struct {
	definition *definition
	// `parameters:` it was made from, as they came.
	config string
	made   maker
	clock  func() time.Time
	log    *slog.Logger
	// Calls that are not answered.
	load atomic.Int64
	// Whether it was given what another has learned.
	isRestored atomic.Bool
	// Room for calls at once; nil: one at a time.
	room chan struct{}

	mu            sync.Mutex
	wake          *sync.Cond
	tasks         []task
	waitingEvents int
	isClosed      bool
	complaints    map[string]bool
	// The table that waits to be scored; nil: none does.
	nextTable *tablePush
	// The one that was scored last.
	lastTable *tablePush
}

// task is a call, or something else that is to be done in its place.
type task struct {
	call    *pending
	hook    func()
	isEvent bool
}

func startInstance(d *definition, config string, made maker, clock func() time.Time, log *slog.Logger) *instance {
	i := &instance{definition: d, config: config, made: made, clock: clock, log: log, complaints: map[string]bool{}}
	i.wake = sync.NewCond(&i.mu)
	if d.maxConcurrency > 1 {
		i.room = make(chan struct{}, d.maxConcurrency)
	}
	go i.run()
	return i
}

// put has calls run when their turn comes.
func (i *instance) put(calls ...*pending) {
	i.load.Add(int64(len(calls)))
	i.mu.Lock()
	for _, call := range calls {
		i.tasks = append(i.tasks, task{call: call})
	}
	i.mu.Unlock()
	i.wake.Signal()
}

// tell has a hook run in its turn.
func (i *instance) tell(hook func()) {
	i.mu.Lock()
	i.tasks = append(i.tasks, task{hook: hook})
	i.mu.Unlock()
	i.wake.Signal()
}

// close ends the goroutine when all is done that was put before.
func (i *instance) close() {
	i.mu.Lock()
	i.isClosed = true
	i.mu.Unlock()
	i.wake.Signal()
}

func (i *instance) run() {
	var done []task
	for {
		tasks, isOpen := i.take(done[:0])
		for _, t := range tasks {
			i.do(t)
		}
		if !isOpen {
			return
		}
		clear(tasks)
		done = tasks
	}
}

// take waits for tasks, and leaves an emptied slice for those to come.
func (i *instance) take(empty []task) ([]task, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for len(i.tasks) == 0 && !i.isClosed {
		i.wake.Wait()
	}
	tasks := i.tasks
	i.tasks = empty
	return tasks, len(tasks) > 0 || !i.isClosed
}

func (i *instance) do(t task) {
	switch {
	case t.isEvent:
		i.mu.Lock()
		i.waitingEvents--
		i.mu.Unlock()
		t.hook()
	case t.hook != nil:
		t.hook()
	case i.room == nil:
		i.answer(t.call)
	default:
		i.room <- struct{}{}
		go func() {
			defer func() { <-i.room }()
			i.answer(t.call)
		}()
	}
}

func (i *instance) answer(p *pending) {
	defer i.load.Add(-1)
	if !p.begin() {
		return
	}
	start := i.clock()
	if p.caller.Err() != nil || p.isLate(start) {
		p.settle(p.fail(codeDeadline, "its budget ran out while it waited for its turn"))
		return
	}
	answer := i.evaluate(p)
	answer.PluginUs = uint32(max(1, i.clock().Sub(start).Microseconds()))
	p.settle(answer)
}

func (i *instance) evaluate(p *pending) *scorerv1.ScoreResponse {
	call := newCall(p.request, p.state, p.counts, p.keys)
	call.lazy = p.context()
	values := i.columns(len(call.Candidates))
	answer := p.answer()
	if err := i.made.ask(call, values); err != nil {
		i.complain("call", err)
		answer.Error = toCallError(err)
	} else if i.definition.produces == nil {
		call.scores(answer, values[0])
		if !p.mayVeto {
			answer.Veto = nil
		}
	} else {
		call.values(answer, p.produced, values)
	}
	return answer
}

// columns are those that the author's code fills.
func (i *instance) columns(length int) [][]float32 {
	columns := make([][]float32, max(1, len(i.definition.produces)))
	for n := range columns {
		columns[n] = unknowns(length)
	}
	return columns
}

// guarded runs a hook of the author's.
func (i *instance) guarded(what string, hook func() error) {
	defer func() {
		if cause := recover(); cause != nil {
			i.complain(what, panicked{cause, nil})
		}
	}()
	if err := hook(); err != nil {
		i.complain(what, err)
	}
}

// complain logs each complaint once.
func (i *instance) complain(what string, err error) {
	complaint := fmt.Sprintf("%s: %s failed: %v", i.definition.spec.Type, what, err)
	i.mu.Lock()
	isNew := !i.complaints[complaint] && len(i.complaints) < mostComplaints
	if isNew {
		i.complaints[complaint] = true
	}
	i.mu.Unlock()
	if !isNew {
		return
	}
	if p, ok := err.(panicked); ok && p.stack != nil {
		i.log.Error(complaint, "stack", string(p.stack))
		return
	}
	i.log.Error(complaint)
}
