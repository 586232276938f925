package outrider

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// What an instance takes before it has answered one call, unless its definition says otherwise.
const defaultOutstanding = 64

// definition is what scorers and producers have in common.
type definition struct {
	spec           *scorerv1.ScorerSpec
	maxConcurrency int
	maxOutstanding int
	tableTTL       time.Duration
	// Keys that a producer writes; nil for a scorer.
	produces []string
	create   func(config json.RawMessage) (maker, error)
}

// maker is an instance of either kind.
type maker struct {
	// A scorer fills one column, a producer one a key.
	fill func(call *Call, values [][]float32) error
	// What its author made, for the hooks that it may have.
	author any
}

func (s Scorer) define() (*definition, error) {
	if err := checkDeclared(s.Type, s.Score != nil, s.New != nil); err != nil {
		return nil, err
	}
	if s.TableTTL < 0 || (s.TableTTL > 0 && s.TableTTL < time.Millisecond) {
		return nil, fmt.Errorf("type %s: TableTTL is %v: at least 1 ms", s.Type, s.TableTTL)
	}
	spec := &scorerv1.ScorerSpec{
		Category:           categories[s.Category],
		Role:               scorerv1.Role_ROLE_SCORER,
		RequestIndependent: s.TableTTL > 0,
	}
	d := declaration{
		s.Type, s.State, s.Needs, s.DetailedNeeds, s.ConfigSchema, s.MaxConcurrency, s.MaxOutstanding,
	}.complete(spec)
	d.tableTTL = s.TableTTL
	d.create = func(config json.RawMessage) (maker, error) {
		if s.New == nil {
			return scorerMaker(scoreFunc(s.Score)), checkNoConfig(config)
		}
		instance, err := s.New(config)
		if err == nil && instance == nil {
			err = errors.New("New returned no instance")
		}
		if err != nil {
			return maker{}, err
		}
		return scorerMaker(instance), nil
	}
	return d, nil
}

func (p Producer) define() (*definition, error) {
	if err := checkDeclared(p.Type, p.Produce != nil, p.New != nil); err != nil {
		return nil, err
	}
	spec := &scorerv1.ScorerSpec{Role: scorerv1.Role_ROLE_PRODUCER}
	for _, key := range p.Produces {
		name, isData := strings.CutPrefix(key, "data.")
		if !isData || name == "" {
			return nil, fmt.Errorf("type %s: it produces %q: keys are data.NAME", p.Type, key)
		}
		spec.Produces = append(spec.Produces, name)
	}
	if len(p.Produces) == 0 {
		return nil, fmt.Errorf("type %s: a producer produces at least one key", p.Type)
	}
	d := declaration{
		p.Type, p.State, p.Needs, p.DetailedNeeds, p.ConfigSchema, p.MaxConcurrency, p.MaxOutstanding,
	}.complete(spec)
	d.produces = p.Produces
	d.create = func(config json.RawMessage) (maker, error) {
		if p.New == nil {
			return maker{fill: p.Produce}, checkNoConfig(config)
		}
		instance, err := p.New(config)
		if err == nil && instance == nil {
			err = errors.New("New returned no instance")
		}
		if err != nil {
			return maker{}, err
		}
		return maker{fill: instance.Produce, author: instance}, nil
	}
	return d, nil
}

type scoreFunc func(call *Call, scores []float32) error

func (f scoreFunc) Score(call *Call, scores []float32) error { return f(call, scores) }

func scorerMaker(instance Instance) maker {
	fill := func(call *Call, values [][]float32) error { return instance.Score(call, values[0]) }
	return maker{fill: fill, author: instance}
}

func checkDeclared(typeName string, hasFunc, hasNew bool) error {
	if typeName == "" {
		return errors.New("a definition needs a Type")
	}
	if hasFunc == hasNew {
		return fmt.Errorf("type %s: set either its function or New", typeName)
	}
	return nil
}

// declaration is what authors say of both kinds.
type declaration struct {
	typeName       string
	state          StateScope
	needs          []string
	detailedNeeds  []Need
	configSchema   json.RawMessage
	maxConcurrency int
	maxOutstanding int
}

func (d declaration) complete(spec *scorerv1.ScorerSpec) *definition {
	concurrency := max(1, d.maxConcurrency)
	outstanding := d.maxOutstanding
	if outstanding <= 0 {
		outstanding = defaultOutstanding
	}
	outstanding = max(outstanding, concurrency)
	spec.Type = d.typeName
	spec.State = stateScopes[d.state]
	spec.ConfigJsonSchema = d.configSchema
	spec.MaxConcurrency = uint32(outstanding)
	for _, key := range d.needs {
		spec.Needs = append(spec.Needs, &scorerv1.Need{Key: key})
	}
	for _, need := range d.detailedNeeds {
		spec.Needs = append(spec.Needs, need.toWire())
	}
	return &definition{spec: spec, maxConcurrency: concurrency, maxOutstanding: outstanding}
}

func (n Need) toWire() *scorerv1.Need {
	return &scorerv1.Need{
		Key: n.Key, Required: n.Required, MaxBytes: n.MaxBytes, Names: n.Names, BlockSize: n.BlockSizeTokens,
	}
}

var categories = map[Category]scorerv1.Category{
	Affinity:     scorerv1.Category_CATEGORY_AFFINITY,
	Distribution: scorerv1.Category_CATEGORY_DISTRIBUTION,
	Balance:      scorerv1.Category_CATEGORY_BALANCE,
}

var stateScopes = map[StateScope]scorerv1.StateScope{
	StateLocal:  scorerv1.StateScope_STATE_SCOPE_LOCAL,
	StateNone:   scorerv1.StateScope_STATE_SCOPE_NONE,
	StateShared: scorerv1.StateScope_STATE_SCOPE_SHARED,
}
