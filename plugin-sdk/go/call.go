package outrider

import (
	"context"
	"math"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// Call asks for the candidates of one scheduling cycle to be rated. It is only valid until Score or Produce returns.
type Call struct {
	// ID names the call in feedback.
	ID uint32
	// Candidates are their slots, ascending: indexes into columns. Scores are by position in here.
	Candidates []uint32
	// Request is what is known of it.
	Request RequestFacts
	// Profile is the scheduling profile that asks.
	Profile string
	// Peers are the picks of earlier profiles of this request.
	Peers []PeerPick
	// NowMs is the host's clock, ms since the Unix epoch; virtual in simulation and replay. A scorer reads no other.
	NowMs float64
	// Seed of this call's randomness; recorded.
	Seed uint32

	state    *table
	inFlight *inFlight
	data     map[string][]float32
	random   *Random
	vetoed   []byte
	reason   string
	// Candidates that the host asked about.
	asked int
	// Position of each candidate among those; nil: all of them are here.
	positions []int
	lazy      *lazyContext
}

// Column is a column of the endpoint table by slot, as far as granted: NaN is unknown, but in-flight columns are 0
// where nothing is known. Not to be written to.
func (c *Call) Column(key string) []float32 {
	if index := inFlightIndex(key); index >= 0 {
		return c.inFlight.columns[index]
	}
	if found := c.state.columns[key]; found != nil {
		return found.values
	}
	return unknowns(len(c.state.endpoints))
}

// AgeMs is the time between the measurement of a value and NowMs, in whole ms; +Inf where it is unknown.
func (c *Call) AgeMs(key string, slot uint32) float64 {
	if inFlightIndex(key) >= 0 {
		return 0
	}
	found := c.state.columns[key]
	if found == nil || int(slot) >= len(found.times) || found.times[slot] == 0 {
		return math.Inf(1)
	}
	return max(0, math.Floor(c.NowMs)-found.times[slot])
}

// Endpoint is that in a slot; nil where the slot is free.
func (c *Call) Endpoint(slot uint32) *Endpoint { return c.state.at(slot) }

// Data is what producers wrote under a key `data.NAME`, by position as Candidates; NaN: unknown.
func (c *Call) Data(key string) []float32 {
	if values, ok := c.data[key]; ok {
		return values
	}
	return unknowns(len(c.Candidates))
}

// Random is the next number in [0, 1) of this call's randomness. A scorer uses no other.
func (c *Call) Random() float64 {
	if c.random == nil {
		c.random = NewRandom(c.Seed)
	}
	return c.random.Next()
}

// Veto rules out the candidate at a position, whatever its total; nothing happens where `veto` was not granted, and a
// veto of all candidates is ignored.
func (c *Call) Veto(position int) {
	if position < 0 || position >= len(c.Candidates) {
		return
	}
	if c.vetoed == nil {
		c.vetoed = newBitmap(len(c.Candidates))
	}
	setBit(c.vetoed, position)
}

// Vetoed says whether the candidate at a position was ruled out.
func (c *Call) Vetoed(position int) bool { return hasBit(c.vetoed, position) }

// SetReason says why the scorer answers as it does, in at most 200 bytes that `explain` shows.
func (c *Call) SetReason(reason string) { c.reason = reason }

// Reason is what SetReason was told.
func (c *Call) Reason() string { return c.reason }

// Context ends when the call's budget has run out, when nobody waits for it any more, or with the call. It is for
// scorers that wait for others.
func (c *Call) Context() context.Context { return c.lazy.get() }

// NewCall makes a call of the basic profile, its endpoints inline: columns and data are in their `metrics` by key. It
// is what tests make calls with, see package outridertest.
func NewCall(request *scorerv1.ScoreRequest) *Call {
	return newCall(request, inlineTable(request), &inFlight{}, nil)
}

// newCall puts a request on a state. What the state does not know any more is not among its candidates.
func newCall(request *scorerv1.ScoreRequest, state *table, counts *inFlight, keys map[uint32]string) *Call {
	asked := state.live
	if len(request.Candidates) > 0 {
		asked = fromBitmap(request.Candidates)
	}
	c := &Call{
		ID: request.CallId, Candidates: asked, Request: fromWireFacts(request.Request), Profile: request.Profile,
		Peers: fromWirePeers(request.Peers), NowMs: request.NowMs, Seed: request.Seed,
		state: state, inFlight: counts.grown(len(state.endpoints)), asked: len(asked), lazy: &lazyContext{},
	}
	c.keepKnown(asked)
	c.takeData(request.Data, keys)
	if len(request.Endpoints) > 0 {
		c.takeInline()
	}
	return c
}

func (c *Call) keepKnown(asked []uint32) {
	known := 0
	for _, slot := range asked {
		if c.state.at(slot) != nil {
			known++
		}
	}
	if known == len(asked) {
		return
	}
	c.Candidates = make([]uint32, 0, known)
	c.positions = make([]int, 0, known)
	for position, slot := range asked {
		if c.state.at(slot) != nil {
			c.Candidates = append(c.Candidates, slot)
			c.positions = append(c.positions, position)
		}
	}
}

func (c *Call) takeData(sent []*scorerv1.CandidateData, keys map[uint32]string) {
	for _, data := range sent {
		key, ok := keys[data.Column]
		if !ok || len(data.Values) != c.asked {
			continue
		}
		values := make([]float32, len(c.Candidates))
		for i := range values {
			position := c.position(i)
			values[i] = data.Values[position]
			if hasBit(data.Unknown, position) {
				values[i] = float32(math.NaN())
			}
		}
		c.setData(key, values)
	}
}

func (c *Call) setData(key string, values []float32) {
	if c.data == nil {
		c.data = map[string][]float32{}
	}
	c.data[key] = values
}

// position of candidate i among those asked about.
func (c *Call) position(i int) int {
	if c.positions == nil {
		return i
	}
	return c.positions[i]
}
