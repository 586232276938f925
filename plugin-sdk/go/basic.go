package outrider

import (
	"maps"
	"math"
	"strings"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// inlineTable is the table that the endpoints of a call of the basic profile make up, each in the slot of its position.
func inlineTable(request *scorerv1.ScoreRequest) *table {
	endpoints := make([]*Endpoint, len(request.Endpoints))
	columns := map[string]*column{}
	for slot, wire := range request.Endpoints {
		endpoints[slot] = fromWireEndpoint(wire)
		endpoints[slot].Slot = uint32(slot)
		for key, value := range wire.Metrics {
			if columns[key] == nil {
				columns[key] = newColumn(len(endpoints))
			}
			columns[key].values[slot] = value
			columns[key].times[slot] = math.Floor(request.NowMs)
		}
	}
	return newTable(0, 0, request.NowMs, endpoints, columns)
}

// takeInline sorts what came as metrics: in-flight columns and data of producers are among them.
func (c *Call) takeInline() {
	counts := *c.inFlight
	for index, key := range inFlightKeys {
		if found := c.state.columns[key]; found != nil {
			counts.columns[index] = known(found.values)
		}
	}
	c.inFlight = &counts
	for key := range maps.Keys(c.state.columns) {
		if strings.HasPrefix(key, "data.") {
			c.setData(key, c.state.columns[key].values)
		}
	}
}

// known has 0 where a value is unknown: in-flight counts never are.
func known(values []float32) []float32 {
	counts := make([]float32, len(values))
	for slot, value := range values {
		if value == value {
			counts[slot] = value
		}
	}
	return counts
}
