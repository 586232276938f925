// Package outridertest has what tests of scorers and producers need: calls over literal endpoints, instances that
// answer them as they would a host, and the contract that every scorer keeps.
package outridertest

import (
	"fmt"
	"sync/atomic"
	"time"

	outrider "outrider.dev/scorer"
	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// Values are what is known of an endpoint, by key: columns, in-flight columns and data of producers. What is not here
// is unknown.
type Values map[string]float32

// Endpoint is a candidate as a test writes it; what is left out is made up.
type Endpoint struct {
	Values      Values
	ID          string
	Address     string
	Labels      map[string]string
	Sets        map[string][]string
	Incarnation uint32
}

// When calls are made unless a test says otherwise.
var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

var lastID atomic.Uint32

// Call asks about these endpoints, each in the slot of its position, measured at [outrider.Call.NowMs]. Fields of the
// call may be set: its Request, Seed, Profile and, for values that have aged, NowMs.
func Call(pool ...Endpoint) *outrider.Call {
	request := &scorerv1.ScoreRequest{
		CallId: lastID.Add(1), Profile: "default", NowMs: float64(now.UnixMilli()), Seed: 1,
		Request: &scorerv1.RequestFacts{Model: "llama-3-8b"},
	}
	for i, endpoint := range pool {
		request.Endpoints = append(request.Endpoints, endpoint.toWire(i))
	}
	return outrider.NewCall(request)
}

func (e Endpoint) toWire(i int) *scorerv1.Endpoint {
	wire := &scorerv1.Endpoint{
		Slot: uint32(i), Id: e.ID, Address: e.Address, Labels: e.Labels, Metrics: e.Values,
		Sets: map[string]*scorerv1.StringSet{}, Incarnation: e.Incarnation,
	}
	if wire.Id == "" {
		wire.Id = fmt.Sprintf("pool/vllm-%d", i)
	}
	if wire.Address == "" {
		wire.Address = fmt.Sprintf("10.0.%d.%d:8000", i>>8, i&255)
	}
	for name, values := range e.Sets {
		wire.Sets[name] = &scorerv1.StringSet{Values: values}
	}
	return wire
}
