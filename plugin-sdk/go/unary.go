package outrider

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
	"outrider.dev/scorer/gen/outrider/scorer/v1/scorerv1connect"
)

// handler serves the contract. Without a Session it serves one host at a time, the last that shook hands.
type handler struct {
	scorerv1connect.UnimplementedScorerServiceHandler
	plugin *plugin
}

// errNoHandshake is what a host hears that calls before it has introduced itself.
var errNoHandshake = connect.NewError(connect.CodeFailedPrecondition, errors.New("the first call is to be Handshake"))

func (h *handler) Session(
	ctx context.Context, stream *connect.BidiStream[scorerv1.SessionRequest, scorerv1.SessionResponse],
) error {
	return h.plugin.connect(ctx).serve(stream)
}

func (h *handler) Handshake(
	_ context.Context, request *connect.Request[scorerv1.HandshakeRequest],
) (*connect.Response[scorerv1.HandshakeResponse], error) {
	state := h.plugin.enter(request.Msg, nil)
	state.mu.Lock()
	defer state.mu.Unlock()
	state.restore(request.Msg.Handoff)
	return connect.NewResponse(h.plugin.hello), nil
}

func (h *handler) Configure(
	_ context.Context, request *connect.Request[scorerv1.ConfigureRequest],
) (*connect.Response[scorerv1.ConfigureResponse], error) {
	return locked(h.plugin, func(state *host) *scorerv1.ConfigureResponse { return state.configure(request.Msg) })
}

func (h *handler) PushState(
	_ context.Context, request *connect.Request[scorerv1.PushStateRequest],
) (*connect.Response[scorerv1.PushStateResponse], error) {
	return locked(h.plugin, func(state *host) *scorerv1.PushStateResponse {
		if answer := state.push(request.Msg, nil); answer != nil {
			return answer
		}
		return &scorerv1.PushStateResponse{Epoch: state.replica.version.epoch, Rev: state.replica.version.rev}
	})
}

func (h *handler) PushFeedback(
	_ context.Context, request *connect.Request[scorerv1.PushFeedbackRequest],
) (*connect.Response[scorerv1.PushFeedbackResponse], error) {
	return locked(h.plugin, func(state *host) *scorerv1.PushFeedbackResponse {
		state.feedback(request.Msg)
		return &scorerv1.PushFeedbackResponse{}
	})
}

// locked does something with the state of the host that calls.
func locked[T any](p *plugin, do func(state *host) *T) (*connect.Response[T], error) {
	state := p.caller()
	if state == nil {
		return nil, errNoHandshake
	}
	state.mu.Lock()
	defer state.mu.Unlock()
	return connect.NewResponse(do(state)), nil
}

func (p *plugin) caller() *host {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unary
}

func (h *handler) Score(
	ctx context.Context, request *connect.Request[scorerv1.ScoreRequest],
) (*connect.Response[scorerv1.ScoreResponse], error) {
	place := h.plugin.placeWithHost
	if request.Msg.Instance == 0 {
		place = h.plugin.placeInline
	}
	served, call, refusal, err := place(request.Msg)
	if err != nil {
		return nil, err
	}
	if refusal != nil {
		return connect.NewResponse(refusal), nil
	}
	answered := make(chan *scorerv1.ScoreResponse, 1)
	call.caller = ctx
	call.reply = func(answer *scorerv1.ScoreResponse) { answered <- answer }
	served.put(call)
	select {
	case answer := <-answered:
		return connect.NewResponse(answer), nil
	case <-ctx.Done():
		call.giveUp()
		return nil, ctx.Err()
	}
}

// placeWithHost puts a call on the state that its host has pushed.
func (p *plugin) placeWithHost(
	request *scorerv1.ScoreRequest,
) (*instance, *pending, *scorerv1.ScoreResponse, error) {
	state := p.caller()
	if state == nil {
		return nil, nil, nil, errNoHandshake
	}
	state.mu.Lock()
	defer state.mu.Unlock()
	b, call, refusal := state.place(request)
	if refusal != nil {
		return nil, nil, refusal, nil
	}
	return b.instance, call, nil, nil
}

// placeInline puts a call of the basic profile on the endpoints that came with it: to the first type, without
// parameters.
func (p *plugin) placeInline(
	request *scorerv1.ScoreRequest,
) (*instance, *pending, *scorerv1.ScoreResponse, error) {
	if len(request.Endpoints) > maxSlots {
		return nil, nil, nil, connect.NewError(connect.CodeInvalidArgument, errors.New("more endpoints than slots"))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.basic == nil {
		made, err := createGuarded(p.definitions[0], nil)
		if err != nil {
			return nil, nil, nil, connect.NewError(connect.CodeFailedPrecondition, err)
		}
		p.basic = startInstance(p.definitions[0], "", made, p.clock, p.log)
	}
	return p.basic, &pending{
		request: request, state: inlineTable(request), counts: &inFlight{}, mayVeto: true, cameAt: p.clock(),
	}, nil, nil
}
