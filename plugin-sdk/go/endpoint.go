package outrider

import (
	"maps"
	"slices"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// Endpoint is a model server as a plugin sees it; replaced whole when anything of it changes.
type Endpoint struct {
	// Slot stands for the endpoint in candidates, columns and feedback; reused only once nobody knows it any more.
	Slot uint32
	// ID is a stable name, such as `namespace/pod-rank-0`.
	ID string
	// Address is `ip:port`, an IPv6 address in brackets.
	Address string
	// Labels are those that were granted.
	Labels map[string]string
	// Sets are those that were granted: `models`, `adapters_running`, `adapters_waiting`.
	Sets map[string][]string
	// Incarnation counts restarts that the host has seen: when it grows the caches of the endpoint are empty.
	Incarnation uint32
}

// EndpointChange is what changed between two tables of endpoints, removals first.
type EndpointChange struct {
	// RemovedSlots are those whose endpoint has left.
	RemovedSlots []uint32
	// Upserted are endpoints that are new or changed.
	Upserted []*Endpoint
}

func (c *EndpointChange) isEmpty() bool { return len(c.RemovedSlots) == 0 && len(c.Upserted) == 0 }

func fromWireEndpoint(wire *scorerv1.Endpoint) *Endpoint {
	sets := make(map[string][]string, len(wire.Sets))
	for name, set := range wire.Sets {
		sets[name] = set.GetValues()
	}
	return &Endpoint{
		Slot: wire.Slot, ID: wire.Id, Address: wire.Address, Labels: wire.Labels, Sets: sets,
		Incarnation: wire.Incarnation,
	}
}

func (e *Endpoint) equal(other *Endpoint) bool {
	return e != nil && other != nil && e.ID == other.ID && e.Address == other.Address &&
		e.Incarnation == other.Incarnation && maps.Equal(e.Labels, other.Labels) &&
		maps.EqualFunc(e.Sets, other.Sets, slices.Equal[[]string])
}
