package outrider

import (
	"encoding/json"
	"time"
)

// Definition is a type that a process serves: a [Scorer] or a [Producer].
type Definition interface {
	define() (*definition, error)
}

// Scorer declares a type that rates candidates. Exactly one of Score and New is set.
type Scorer struct {
	// Type is `type:` in the configuration, kebab-case.
	Type string
	// Category is what kind of preference it expresses, for advice on weights.
	Category Category
	// State is where its state lives; by default in the instance.
	State StateScope
	// Needs are the keys it reads: columns (`waiting_requests`, `metric.NAME`), facts of the request
	// (`request.session_key`), data of producers (`data.NAME`), events (`events.done`), `veto`.
	Needs []string
	// DetailedNeeds are needs with names or a limit, or that it cannot work without.
	DetailedNeeds []Need
	// ConfigSchema is a JSON Schema of `parameters:`; by default none is told.
	ConfigSchema json.RawMessage
	// MaxConcurrency is how many calls an instance scores at once. By default 1: then all that an instance is asked and
	// told comes from one goroutine, in order, and its state needs no lock. Above, Score runs in as many goroutines,
	// and beside the hooks.
	MaxConcurrency int
	// MaxOutstanding is how many calls an instance takes before it has answered one; default 64, at least
	// MaxConcurrency.
	MaxOutstanding int
	// TableTTL says that the score of an endpoint depends on neither the request nor the other candidates, and stays
	// good for so long. It is then pushed with each change of the endpoints, and no request asks for it. Such a scorer
	// must not read in-flight columns. By default it is asked for each request.
	TableTTL time.Duration
	// Score writes one score per candidate, each in [0, 1], 1 best; all are NaN at first, and what stays NaN is an
	// abstention. An error fails this one call. It is for types without state and parameters.
	Score func(call *Call, scores []float32) error
	// New makes an instance of `parameters:`, nil where there are none; [ParseConfig] reads them. A [Fault] among its
	// errors names the parameter.
	New func(config json.RawMessage) (Instance, error)
}

// Instance is a configured scorer. It may be a [FeedbackTaker], an [EndpointWatcher], an [InFlightTaker] and a
// [Successor] too.
type Instance interface {
	// Score is as [Scorer.Score]. The slice is only valid until it returns, the call too.
	Score(call *Call, scores []float32) error
}

// Producer declares a type that computes named values per candidate, before the filters run. Exactly one of Produce and
// New is set; fields that it shares with [Scorer] mean the same.
type Producer struct {
	Type           string
	State          StateScope
	Needs          []string
	DetailedNeeds  []Need
	ConfigSchema   json.RawMessage
	MaxConcurrency int
	MaxOutstanding int
	// Produces are the keys it writes, `data.NAME`.
	Produces []string
	// Produce writes the values of each key of Produces, in that order, one value per candidate; what stays NaN is
	// unknown.
	Produce func(call *Call, values [][]float32) error
	// New makes an instance, as [Scorer.New].
	New func(config json.RawMessage) (ProducerInstance, error)
}

// ProducerInstance is a configured producer, with the same hooks as an [Instance].
type ProducerInstance interface {
	// Produce is as [Producer.Produce].
	Produce(call *Call, values [][]float32) error
}

// FeedbackTaker learns what became of its calls.
type FeedbackTaker interface {
	// Feedback is called with the events asked for by `events.*` needs, and with Done once a call if there is any such.
	Feedback(event *FeedbackEvent)
}

// EndpointWatcher learns of endpoints that came, left or restarted.
type EndpointWatcher interface {
	// EndpointsChanged is called before the first call that knows of the change.
	EndpointsChanged(change *EndpointChange)
}

// InFlightTaker counts requests by feedback, and wants the true counts when events were lost.
type InFlightTaker interface {
	// InFlight is called with what is in flight at each slot; slots that are not named have none.
	InFlight(counts map[uint32]uint32)
}

// Successor hands what it has learned to the instance that takes over from it in an upgrade.
type Successor interface {
	// Handoff returns what was learned so far, with all others of the process at most 960 KiB; calls are over then.
	Handoff() ([]byte, error)
	// Restore takes what the instance before has handed over; at most once, and calls may have come before it.
	Restore(handoff []byte) error
}

// Need is a key that a type asks for, with its details.
type Need struct {
	// Key is as in [Scorer.Needs].
	Key string
	// Required says that the type cannot work without it.
	Required bool
	// MaxBytes is an upper limit, in bytes for `request.prompt_text`, in tokens for `request.token_ids`; 0: the host's.
	MaxBytes uint32
	// Names are those wanted of `request.headers`, `endpoint.labels`, `endpoint.sets` and `events.headers`.
	Names []string
	// BlockSizeTokens is the size of a prefix block, for `request.block_hashes`; 0: the host's.
	BlockSizeTokens uint32
}

// Category is what the scores of a type express.
type Category int

// What scores express.
const (
	// CategoryUnknown is not said.
	CategoryUnknown Category = iota
	// Affinity brings together what belongs together: prefix, session, adapter.
	Affinity
	// Distribution spreads requests: queue, load.
	Distribution
	// Balance is something between the two.
	Balance
)

// StateScope is where the state of a type lives.
type StateScope int

// Where state lives.
const (
	// StateLocal is in the instance: its calls and feedback stay together.
	StateLocal StateScope = iota
	// StateNone is nowhere: any replica may answer any call.
	StateNone
	// StateShared is outside, shared by all replicas.
	StateShared
)
