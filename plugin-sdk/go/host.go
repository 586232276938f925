package outrider

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// host is everything a plugin keeps for one host. It outlives that host's connections, so that what was learned stays.
type host struct {
	plugin *plugin

	mu      sync.Mutex
	replica *replica
	counts  *inFlight
	bound   map[uint32]*bound
	// What the generation before has handed over, until there are instances.
	handoff []byte
	// The connection that counts; nil: none is open.
	session *session
}

// bound is an instance under its number on the present connection.
type bound struct {
	*instance
	id   uint32
	keys map[uint32]string
	// Number of each key that a producer writes; 0: the host does not want it.
	produced []uint32
	mayVeto  bool
}

func newHost(p *plugin) *host {
	return &host{plugin: p, replica: newReplica(), counts: &inFlight{}, bound: map[uint32]*bound{}}
}

// configure makes the instances that are wanted and drops the others; one that is wanted as it was goes on. Where there
// are faults all stays as it was.
func (h *host) configure(request *scorerv1.ConfigureRequest) *scorerv1.ConfigureResponse {
	next := make(map[uint32]*bound, len(request.Instances))
	var faults []*scorerv1.ConfigError
	for _, wanted := range request.Instances {
		made, found := h.make(wanted)
		faults = append(faults, found...)
		if made != nil {
			next[wanted.Id] = bind(made, wanted)
		}
	}
	if len(faults) > 0 {
		closeOthers(next, h.bound)
		return &scorerv1.ConfigureResponse{Errors: faults}
	}
	closeOthers(h.bound, next)
	for id, b := range next {
		if before := h.bound[id]; before == nil || before.instance != b.instance {
			h.introduce(b)
		}
	}
	h.bound = next
	h.replica.setColumns(request.Columns)
	h.counts = &inFlight{}
	h.restore(h.handoff)
	return &scorerv1.ConfigureResponse{}
}

func (h *host) make(wanted *scorerv1.Instance) (*instance, []*scorerv1.ConfigError) {
	config := string(wanted.ConfigJson)
	if before := h.bound[wanted.Id]; before != nil &&
		before.definition.spec.Type == wanted.Type && before.config == config {
		return before.instance, nil
	}
	definition := h.plugin.definitionOf(wanted.Type)
	if definition == nil {
		served := strings.Join(h.plugin.types(), ", ")
		message := fmt.Sprintf("no type %s here; this plugin serves %s", wanted.Type, served)
		return nil, []*scorerv1.ConfigError{{Instance: wanted.Id, Message: message}}
	}
	made, err := createGuarded(definition, wanted.ConfigJson)
	if err == nil {
		return startInstance(definition, config, made, h.plugin.clock, h.plugin.log), nil
	}
	var faults []*scorerv1.ConfigError
	for _, fault := range faultsOf(err) {
		faults = append(faults, &scorerv1.ConfigError{Instance: wanted.Id, Path: fault.Path, Message: fault.Message})
	}
	return nil, faults
}

func createGuarded(d *definition, config []byte) (made maker, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = panicked{cause, nil}
		}
	}()
	if len(config) == 0 {
		config = nil
	}
	return d.create(config)
}

func bind(made *instance, wanted *scorerv1.Instance) *bound {
	b := &bound{instance: made, id: wanted.Id, keys: make(map[uint32]string, len(wanted.Data))}
	numbers := make(map[string]uint32, len(wanted.Data))
	for _, data := range wanted.Data {
		b.keys[data.Id] = data.Key
		numbers[data.Key] = data.Id
	}
	for _, key := range made.definition.produces {
		b.produced = append(b.produced, numbers[key])
	}
	b.mayVeto = slices.ContainsFunc(wanted.Granted, func(need *scorerv1.Need) bool { return need.Key == "veto" })
	return b
}

// introduce tells a new instance of the endpoints that the others know already.
func (h *host) introduce(b *bound) {
	change := &EndpointChange{}
	for _, slot := range h.replica.version.live {
		change.Upserted = append(change.Upserted, h.replica.version.at(slot))
	}
	b.endpointsChanged(change)
}

// closeOthers ends the instances that are in the one and not in the other.
func closeOthers(these, others map[uint32]*bound) {
	kept := map[*instance]bool{}
	for _, b := range others {
		kept[b.instance] = true
	}
	for _, b := range these {
		if !kept[b.instance] {
			b.close()
		}
	}
}

// push takes a chunk of state; the answer is nil until its step is complete. Tables go to s, nil: nowhere.
func (h *host) push(chunk *scorerv1.PushStateRequest, s *session) *scorerv1.PushStateResponse {
	counts := h.replica.inFlightData(chunk)
	change, answer := h.replica.push(chunk)
	if answer == nil || answer.Nack != nil {
		return answer
	}
	h.counts = h.counts.with(counts, h.replica.keys, h.replica.version)
	for _, b := range h.inOrder() {
		b.endpointsChanged(change)
		if b.definition.tableTTL > 0 && s != nil {
			b.pushTable(&tablePush{s.ctx, b.id, h.replica.version, s.sendTable})
		}
	}
	return answer
}

func (h *host) inOrder() []*bound {
	ids := slices.Sorted(maps.Keys(h.bound))
	instances := make([]*bound, len(ids))
	for n, id := range ids {
		instances[n] = h.bound[id]
	}
	return instances
}

func (h *host) feedback(request *scorerv1.PushFeedbackRequest) {
	for _, wire := range request.Events {
		if b := h.bound[wire.Instance]; b != nil {
			if event := fromWireEvent(wire); event != nil {
				b.feedback(event)
			}
		}
	}
}

// place puts a call on the state there is, or answers why it cannot be.
func (h *host) place(request *scorerv1.ScoreRequest) (*bound, *pending, *scorerv1.ScoreResponse) {
	state := h.replica.version
	refuse := func(code, message string) *scorerv1.ScoreResponse {
		return &scorerv1.ScoreResponse{
			CallId: request.CallId, Epoch: state.epoch, Rev: state.rev,
			Error: &scorerv1.CallError{Code: code, Message: message, HaveEpoch: state.epoch, HaveRev: state.rev},
		}
	}
	b := h.bound[request.Instance]
	switch {
	case request.Epoch != state.epoch || request.Rev > state.rev:
		return nil, nil, refuse(codePrecondition, fmt.Sprintf("state %d:%d is not here", request.Epoch, request.Rev))
	case b == nil:
		return nil, nil, refuse(codeInvalid, fmt.Sprintf("no instance %d", request.Instance))
	case len(request.Candidates) > maxSlots/8:
		return nil, nil, refuse(codeInvalid, "candidates beyond the largest table")
	}
	return b, &pending{
		request: request, state: state, counts: h.counts, keys: b.keys, produced: b.produced, mayVeto: b.mayVeto,
		cameAt: h.plugin.clock(),
	}, nil
}

// close ends all instances.
func (h *host) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	closeOthers(h.bound, nil)
	h.bound = map[uint32]*bound{}
}
