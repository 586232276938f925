package outrider

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"connectrpc.com/connect"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// Hosts whose state is kept while they are not connected.
const keptHosts = 8

// plugin is what a process serves, behind any transport: each host has its own state, whatever number of connections it
// opens in turn.
type plugin struct {
	definitions []*definition
	hello       *scorerv1.HandshakeResponse
	clock       func() time.Time
	log         *slog.Logger

	mu    sync.Mutex
	hosts map[string]*host
	// Names of hosts in the order in which they were last here.
	order []string
	// Who calls without a Session, nil: nobody has.
	unary *host
	// For calls of the basic profile, made with the first of them.
	basic    *instance
	sessions map[*session]bool
}

func newPlugin(name, version string, declared []Definition, log *slog.Logger) (*plugin, error) {
	p := &plugin{clock: time.Now, log: log, hosts: map[string]*host{}, sessions: map[*session]bool{}}
	if len(declared) == 0 {
		return nil, errors.New("a plugin serves at least one type")
	}
	p.hello = &scorerv1.HandshakeResponse{
		Plugin: name, PluginVersion: version, Features: []string{"cancel", "handoff"}, BootId: rand.Text(),
	}
	for _, d := range declared {
		complete, err := d.define()
		if err != nil {
			return nil, err
		}
		if p.definitionOf(complete.spec.Type) != nil {
			return nil, fmt.Errorf("type %s is served twice", complete.spec.Type)
		}
		p.definitions = append(p.definitions, complete)
		p.hello.Scorers = append(p.hello.Scorers, complete.spec)
	}
	if name == "" {
		p.hello.Plugin = p.definitions[0].spec.Type
	}
	return p, nil
}

func (p *plugin) definitionOf(typeName string) *definition {
	for _, d := range p.definitions {
		if d.spec.Type == typeName {
			return d
		}
	}
	return nil
}

func (p *plugin) types() []string {
	names := make([]string, len(p.definitions))
	for i, d := range p.definitions {
		names[i] = d.spec.Type
	}
	return names
}

// connect opens a session.
func (p *plugin) connect(ctx context.Context) *session {
	s := newSession(ctx, p)
	p.mu.Lock()
	p.sessions[s] = true
	p.mu.Unlock()
	return s
}

// enter finds the state of a host that said hello. Its last connection counts: the one before it is one that the host
// has given up. Without a session it calls unary.
func (p *plugin) enter(request *scorerv1.HandshakeRequest, s *session) *host {
	p.mu.Lock()
	defer p.mu.Unlock()
	name := request.HostInstance
	h := p.hosts[name]
	if h == nil {
		h = newHost(p)
	}
	if name == "" {
		name = rand.Text()
	}
	if s == nil {
		p.unary = h
	} else {
		if h.session != nil {
			h.session.end(connect.CodeAborted, "the host opened another session")
		}
		h.session = s
	}
	p.hosts[name] = h
	p.forgetHosts(name)
	return h
}

// forgetHosts drops those longest gone.
func (p *plugin) forgetHosts(latest string) {
	order := []string{}
	excess := len(p.hosts) - keptHosts
	for _, name := range p.order {
		h := p.hosts[name]
		switch {
		case name == latest:
		case excess > 0 && h.session == nil && h != p.unary:
			delete(p.hosts, name)
			excess--
			go h.close()
		default:
			order = append(order, name)
		}
	}
	p.order = append(order, latest)
}

// leave takes note that a session has ended.
func (p *plugin) leave(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sessions, s)
	for _, h := range p.hosts {
		if h.session == s {
			h.session = nil
		}
	}
}

// openSessions are those of all hosts.
func (p *plugin) openSessions() []*session {
	p.mu.Lock()
	defer p.mu.Unlock()
	var open []*session
	for s := range p.sessions {
		open = append(open, s)
	}
	return open
}

// load counts the calls that are not answered.
func (p *plugin) load() int64 {
	p.mu.Lock()
	hosts := make([]*host, 0, len(p.hosts))
	for _, h := range p.hosts {
		hosts = append(hosts, h)
	}
	var load int64
	if p.basic != nil {
		load = p.basic.load.Load()
	}
	p.mu.Unlock()
	for _, h := range hosts {
		h.mu.Lock()
		for _, b := range h.bound {
			load += b.load.Load()
		}
		h.mu.Unlock()
	}
	return load
}
