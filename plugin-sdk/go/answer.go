package outrider

import (
	"fmt"
	"math"
	"runtime/debug"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// Longest reason, in bytes.
const reasonBytes = 200

// fill asks the author's code. A panic of it is the failure of one call.
func (m maker) ask(call *Call, values [][]float32) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = panicked{cause, debug.Stack()}
		}
	}()
	if len(call.Candidates) == 0 {
		return nil
	}
	return m.fill(call, values)
}

type panicked struct {
	cause any
	stack []byte
}

func (p panicked) Error() string { return fmt.Sprintf("panic: %v", p.cause) }

// scores writes what a scorer answered.
func (c *Call) scores(answer *scorerv1.ScoreResponse, scores []float32) {
	answer.Scores, answer.Abstain = knownValues(c.expand(scores))
	answer.Veto = c.expandedVeto()
	answer.Reason = cut(c.reason, reasonBytes)
}

// values writes what a producer answered; nothing of a key of which nothing is known.
func (c *Call) values(answer *scorerv1.ScoreResponse, produced []uint32, values [][]float32) {
	for i, number := range produced {
		if number == 0 || allUnknown(values[i]) {
			continue
		}
		data := &scorerv1.CandidateData{Column: number}
		data.Values, data.Unknown = knownValues(c.expand(values[i]))
		answer.Data = append(answer.Data, data)
	}
	answer.Reason = cut(c.reason, reasonBytes)
}

// expand turns values per candidate into values per candidate asked about, NaN for those that are gone.
func (c *Call) expand(values []float32) []float32 {
	if c.positions == nil {
		return values
	}
	expanded := unknowns(c.asked)
	for i, position := range c.positions {
		expanded[position] = values[i]
	}
	return expanded
}

func (c *Call) expandedVeto() []byte {
	if c.positions == nil || c.vetoed == nil {
		return c.vetoed
	}
	expanded := newBitmap(c.asked)
	for i, position := range c.positions {
		if hasBit(c.vetoed, i) {
			setBit(expanded, position)
		}
	}
	return expanded
}

// knownValues has 0 for what is NaN, and a bitmap of these; none where all are known.
func knownValues(values []float32) ([]float32, []byte) {
	var unknown []byte
	for i, value := range values {
		if !math.IsNaN(float64(value)) {
			continue
		}
		if unknown == nil {
			unknown = newBitmap(len(values))
		}
		setBit(unknown, i)
		values[i] = 0
	}
	return values, unknown
}

func allUnknown(values []float32) bool {
	for _, value := range values {
		if !math.IsNaN(float64(value)) {
			return false
		}
	}
	return true
}
