package outrider

import (
	"context"
	"sync"
	"time"
)

// lazyContext costs nothing where nobody asks for it.
type lazyContext struct {
	mu       sync.Mutex
	parent   context.Context
	deadline time.Time
	ctx      context.Context
	cancel   context.CancelFunc
	ended    bool
}

func (l *lazyContext) get() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil {
		parent := l.parent
		if parent == nil {
			parent = context.Background()
		}
		if l.deadline.IsZero() {
			l.ctx, l.cancel = context.WithCancel(parent)
		} else {
			l.ctx, l.cancel = context.WithDeadline(parent, l.deadline)
		}
		if l.ended {
			l.cancel()
		}
	}
	return l.ctx
}

// end cancels the context, also one that is asked for only later.
func (l *lazyContext) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	if l.cancel != nil {
		l.cancel()
	}
}
